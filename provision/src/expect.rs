//! The expected state of every resource: the template's properties with ids
//! instead of references, and states that no template contains.
//!
//! Used by `verify`. A reference that cannot be resolved becomes null, which
//! makes the comparison unknown.

use std::collections::BTreeMap;

use sce_core::resources::Resources;
use serde_json::{Map, Value, json};

use crate::stage::{LogicalId, Stage};

/// One resource, as expected or as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its type, such as `AWS::S3::Bucket`.
    pub kind: String,
    /// Its id in the account; `None` if the stack has none.
    pub id: Option<String>,
    /// Properties by name, as in the template.
    pub properties: Value,
}

/// What is read in addition to the template's resources: the VPC's default
/// group, all volumes, the account's settings, its configuration recorder.
pub const BESIDE: [(&str, &str); 4] = [
    ("default group", "sce::DefaultGroup"),
    ("volumes", "sce::Volumes"),
    ("account", "sce::Account"),
    ("recorder", "sce::Recorder"),
];

/// States that are the same in every working environment.
pub(crate) fn states(kind: &str) -> Value {
    match kind {
        "AWS::EC2::NatGateway" | "AWS::EC2::VPCEndpoint" => json!({ "State": "available" }),
        "AWS::EC2::FlowLog" => json!({ "State": "ACTIVE", "Delivery": "good" }),
        "AWS::EC2::LaunchTemplate" => json!({ "Extra": [] }),
        "AWS::CloudTrail::Trail" => json!({ "Excluded": [], "Delivery": "good" }),
        "AWS::KMS::Key" => json!({ "State": "Enabled" }),
        "AWS::IAM::Role" => json!({ "InlinePolicies": [] }),
        "AWS::S3::Bucket" => json!({ "PublicGrants": [], "Expires": [], "Replication": "none" }),
        "AWS::SNS::Subscription" => json!({ "Confirmed": true }),
        "sce::DefaultGroup" => json!({ "SecurityGroupIngress": [], "SecurityGroupEgress": [] }),
        "sce::Volumes" => json!({ "Unencrypted": [] }),
        "sce::Recorder" => json!({ "Recording": true, "AllSupported": true, "Delivery": "good" }),
        "sce::Account" => json!({
            "EbsEncryptionByDefault": true,
            "HttpTokens": "required",
            "PublicAccessBlock": {
                "BlockPublicAcls": true, "BlockPublicPolicy": true,
                "IgnorePublicAcls": true, "RestrictPublicBuckets": true
            }
        }),
        _ => json!({}),
    }
}

/// Values for the references in a template.
#[derive(Debug)]
pub struct Names<'a> {
    /// Account, region and PIT.
    pub place: &'a Resources,
    /// The stack's parameters.
    pub parameters: &'a BTreeMap<String, String>,
    /// Physical ids of the stack's resources.
    pub ids: &'a BTreeMap<LogicalId, String>,
}

/// Every resource of the template, and those of [`BESIDE`], as they should be.
pub fn expect(template: &Stage, names: &Names<'_>) -> BTreeMap<LogicalId, Resource> {
    let kinds: BTreeMap<&str, &str> = template
        .resources()
        .map(|(id, of)| (id, of["Type"].as_str().unwrap_or_default()))
        .collect();
    let resolver = Resolver { names, kinds: &kinds };
    let mut all: BTreeMap<LogicalId, Resource> = template
        .resources()
        .map(|(id, of)| {
            let resource = Resource {
                kind: kinds[id].to_owned(),
                id: names.ids.get(id).cloned(),
                properties: resolver.resolve(&of["Properties"]),
            };
            (id.to_owned(), resource)
        })
        .collect();
    gather_routes(&mut all);
    gather_rules(&mut all);
    // AWS reports the trail's key by its ARN; the template names it by its
    // alias.
    for trail in all.values_mut().filter(|of| of.kind == "AWS::CloudTrail::Trail") {
        trail.properties["KMSKeyId"] = resolver.attribute("Key", "Arn");
    }
    for (name, kind) in BESIDE {
        let id = match kind {
            "sce::DefaultGroup" => names.ids.get("V").cloned(),
            _ => Some(name.to_owned()),
        };
        all.insert(name.to_owned(), Resource { kind: kind.to_owned(), id, properties: json!({}) });
    }
    for resource in all.values_mut() {
        let states = states(&resource.kind);
        if let (Some(to), Value::Object(more)) = (resource.properties.as_object_mut(), states) {
            to.extend(more);
        }
    }
    all
}

struct Resolver<'a> {
    names: &'a Names<'a>,
    kinds: &'a BTreeMap<&'a str, &'a str>,
}

impl Resolver<'_> {
    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(entries) => match function(entries) {
                Some(("Ref", Value::String(name))) => self.reference(name),
                Some(("Fn::GetAtt", Value::Array(path))) => match path.as_slice() {
                    [Value::String(id), Value::String(attribute)] => self.attribute(id, attribute),
                    _ => Value::Null,
                },
                Some(("Fn::Sub", Value::String(text))) => self.filled(text),
                Some(_) => Value::Null,
                None => entries.iter().map(|(name, of)| (name.clone(), self.resolve(of))).collect(),
            },
            plain => plain.clone(),
        }
    }

    fn reference(&self, name: &str) -> Value {
        let place = self.names.place;
        match name {
            "AWS::AccountId" => place.account.to_string().into(),
            "AWS::Region" => place.region.clone().into(),
            "AWS::Partition" => place.partition().into(),
            _ => {
                let found = self.names.parameters.get(name).or_else(|| self.names.ids.get(name));
                found.map_or(Value::Null, |of| of.clone().into())
            }
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> Value {
        let Some(physical) = self.names.ids.get(id) else {
            return Value::Null;
        };
        // The physical id of a queue is a URL; its last part is the name.
        let last = physical.rsplit('/').next().unwrap_or_default();
        let place = self.names.place;
        let (partition, region, account) = (place.partition(), &place.region, &place.account);
        let regional = |service: &str, rest: String| {
            Value::from(format!("arn:{partition}:{service}:{region}:{account}:{rest}"))
        };
        let kind = self.kinds.get(id).copied().unwrap_or_default();
        match (kind, attribute) {
            ("AWS::S3::Bucket", "Arn") => format!("arn:{partition}:s3:::{physical}").into(),
            ("AWS::KMS::Key", "Arn") => regional("kms", format!("key/{last}")),
            ("AWS::DynamoDB::Table", "Arn") => regional("dynamodb", format!("table/{physical}")),
            ("AWS::SQS::Queue", "Arn") => regional("sqs", last.to_owned()),
            ("AWS::SQS::Queue", "QueueName") => last.into(),
            ("AWS::Logs::LogGroup", "Arn") => regional("logs", format!("log-group:{physical}:*")),
            ("AWS::IAM::Role", "Arn") => {
                format!("arn:{partition}:iam::{account}:role/{physical}").into()
            }
            ("AWS::IAM::InstanceProfile", "Arn") => {
                format!("arn:{partition}:iam::{account}:instance-profile/{physical}").into()
            }
            _ => Value::Null,
        }
    }

    /// Replaces each `${name}` by its value; `${!name}` becomes `${name}`.
    fn filled(&self, text: &str) -> Value {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let Some((name, rest)) = part.split_once('}') else {
                return Value::Null;
            };
            let value = match (name.strip_prefix('!'), name.split_once('.')) {
                (Some(literal), _) => format!("${{{literal}}}").into(),
                (None, Some((id, attribute))) => self.attribute(id, attribute),
                (None, None) => self.reference(name),
            };
            let Some(value) = value.as_str() else {
                return Value::Null;
            };
            whole += value;
            whole += rest;
        }
        whole.into()
    }
}

/// The intrinsic function that an object with a single entry represents.
fn function(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, of) = entries.iter().next().filter(|_| entries.len() == 1)?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name.as_str(), of))
}

/// Collects the routes and subnets of route tables, which the template lists
/// separately.
fn gather_routes(all: &mut BTreeMap<LogicalId, Resource>) {
    let of_kind = |kind: &str| {
        all.values().filter(|of| of.kind == kind).map(|of| of.properties.clone()).collect()
    };
    let routes: Vec<Value> = of_kind("AWS::EC2::Route");
    let places: Vec<Value> = of_kind("AWS::EC2::SubnetRouteTableAssociation");
    for table in all.values_mut().filter(|of| of.kind == "AWS::EC2::RouteTable") {
        let here =
            |of: &&Value| table.id.is_some() && of["RouteTableId"].as_str() == table.id.as_deref();
        let target = |of: &Value| {
            let by = ["NatGatewayId", "GatewayId"].into_iter().find(|by| of.get(by).is_some());
            json!({
                "Destination": of["DestinationCidrBlock"],
                "Target": by.map_or(Value::Null, |by| of[by].clone()),
                "State": "active"
            })
        };
        table.properties["Routes"] = routes.iter().filter(here).map(target).collect();
        table.properties["Subnets"] =
            places.iter().filter(here).map(|of| of["SubnetId"].clone()).collect();
    }
}

/// Adds the security group rules that are separate resources in the template.
fn gather_rules(all: &mut BTreeMap<LogicalId, Resource>) {
    let alone: Vec<Value> = all
        .values()
        .filter(|of| of.kind == "AWS::EC2::SecurityGroupEgress")
        .map(|of| of.properties.clone())
        .collect();
    for group in all.values_mut().filter(|of| of.kind == "AWS::EC2::SecurityGroup") {
        let here =
            |of: &&Value| group.id.is_some() && of["GroupId"].as_str() == group.id.as_deref();
        let more: Vec<Value> = alone.iter().filter(here).cloned().collect();
        for (direction, more) in [("SecurityGroupIngress", vec![]), ("SecurityGroupEgress", more)] {
            let own = group.properties[direction].as_array().cloned().unwrap_or_default();
            group.properties[direction] = own.into_iter().chain(more).map(plain_rule).collect();
        }
    }
}

/// Removes the properties of a rule that do not decide who may connect to whom.
fn plain_rule(mut rule: Value) -> Value {
    if let Some(entries) = rule.as_object_mut() {
        entries.remove("Description");
        entries.remove("GroupId");
    }
    rule
}

#[cfg(test)]
#[path = "expect_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
