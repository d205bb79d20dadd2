//! The actual state of each resource, with the property names of the template;
//! null for what AWS does not report.
//!
//! Used by `verify`. Reads settings only: no object, row or message.

mod machines;
mod messages;
mod network;
mod roles;
mod stores;
mod watching;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::aws::account::{Account, Answer, unreadable};
use crate::expect::Resource;
use crate::judge::Live;
use crate::stage::LogicalId;

/// The result of reading a separate configuration; "none" if there is none.
fn or_none(read: Answer<Value>) -> Value {
    match read {
        Ok(value) => value,
        Err(e) if e.is_absent() => json!("none"),
        Err(e) => unreadable(e),
    }
}

/// A value of something that was read in full, where absent means not set.
fn set(value: Option<impl Serialize>) -> Value {
    value.map_or(json!("not set"), |of| json!(of))
}

/// A state as its service spells it.
fn word<T: AsRef<str>>(of: Option<&T>) -> Option<&str> {
    of.map(AsRef::as_ref)
}

/// "good", or the last delivery error or failed state.
fn delivery(error: Option<&str>) -> Value {
    error.filter(|of| !of.is_empty()).map_or(json!("good"), |of| json!(of))
}

/// A document that AWS returns as text.
fn document(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

impl Account {
    /// Reads every expected resource. `progress` receives the name of each.
    pub async fn live(
        &self,
        expected: &BTreeMap<LogicalId, Resource>,
        progress: &mut dyn FnMut(&str),
    ) -> BTreeMap<LogicalId, Live> {
        let mut all = BTreeMap::new();
        for (name, resource) in expected {
            progress(name);
            let Some(id) = &resource.id else {
                all.insert(name.clone(), Live::Gone);
                continue;
            };
            let found = match self.read(&resource.kind, id, &resource.properties).await {
                Ok(Some(properties)) => Live::There(properties),
                Ok(None) => Live::Gone,
                Err(e) if e.is_absent() => Live::Gone,
                Err(e) => Live::Unreadable(e.to_string()),
            };
            all.insert(name.clone(), found);
        }
        all
    }

    /// Reads one resource; `None` if it does not exist. `expected` is used only
    /// for names, such as that of the bucket to which a policy belongs.
    async fn read(&self, kind: &str, id: &str, expected: &Value) -> Answer<Option<Value>> {
        match kind {
            "AWS::EC2::VPC" => self.vpc(id).await,
            "AWS::EC2::Subnet" => self.subnet(id).await,
            "AWS::EC2::RouteTable" => self.route_table(id).await,
            "AWS::EC2::NatGateway" => self.nat_gateway(id).await,
            "AWS::EC2::VPCEndpoint" => self.endpoint(id).await,
            "AWS::EC2::SecurityGroup" => self.security_group(id).await,
            "sce::DefaultGroup" => self.default_group(id).await,
            "AWS::EC2::FlowLog" => self.flow_log(id).await,
            "AWS::EC2::Instance" => self.instance(id).await,
            "AWS::EC2::LaunchTemplate" => self.launch_template(id).await,
            "AWS::EC2::Volume" => self.volume(id).await,
            "sce::Volumes" => self.volumes().await.map(Some),
            "AWS::S3::Bucket" => self.bucket(id).await,
            "AWS::S3::BucketPolicy" => self.bucket_policy(&expected["Bucket"]).await,
            "AWS::KMS::Key" => self.key(id).await,
            "AWS::KMS::Alias" => self.alias(id).await,
            "AWS::DynamoDB::Table" => self.table(id).await,
            "AWS::Logs::LogGroup" => self.log_group(id).await,
            "AWS::SQS::Queue" => self.queue(id).await,
            "AWS::SQS::QueuePolicy" => self.queue_policy(&expected["Queues"][0]).await,
            "AWS::SNS::Topic" => self.topic(id).await,
            "AWS::SNS::TopicPolicy" => self.topic_policy(&expected["Topics"][0]).await,
            "AWS::SNS::Subscription" => self.subscription(id, expected).await,
            "AWS::IAM::Role" => self.role(id).await,
            "AWS::IAM::ManagedPolicy" => self.managed_policy(id).await,
            "AWS::IAM::InstanceProfile" => self.instance_profile(id).await,
            "AWS::CloudTrail::Trail" => self.trail(id).await,
            "sce::Recorder" => self.recorder().await.map(Some),
            "sce::Account" => Ok(Some(self.settings().await)),
            // Read as part of another resource, or reported by the stack alone.
            _ => Ok(Some(json!({}))),
        }
    }
}
