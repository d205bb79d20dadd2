//! Roles: who may assume them, and what they may do.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::document;
use crate::aws::account::{Account, Answer, failed};

impl Account {
    pub(super) async fn role(&self, name: &str) -> Answer<Option<Value>> {
        let read = self.iam.get_role().role_name(name).send().await;
        let trust = read.map_err(failed("read role", name))?.role;
        let trust = trust.and_then(|of| of.assume_role_policy_document);
        let attached = self.iam.list_attached_role_policies().role_name(name).send().await;
        let attached = attached.map_err(failed("read policies of role", name))?.attached_policies;
        let inline = self.iam.list_role_policies().role_name(name).send().await;
        let inline = inline.map_err(failed("read policies of role", name))?.policy_names;
        let attached = attached.into_iter().flatten().filter_map(|of| of.policy_arn);
        Ok(Some(json!({
            "AssumeRolePolicyDocument": decoded(trust.as_deref()),
            "ManagedPolicyArns": attached.collect::<Vec<_>>(),
            "InlinePolicies": inline,
        })))
    }

    pub(super) async fn managed_policy(&self, arn: &str) -> Answer<Option<Value>> {
        let read = self.iam.get_policy().policy_arn(arn).send().await;
        let version = read.map_err(failed("read policy", arn))?.policy;
        let version = version.and_then(|of| of.default_version_id).unwrap_or_default();
        let read = self.iam.get_policy_version().policy_arn(arn).version_id(version).send().await;
        let read = read.map_err(failed("read policy", arn))?.policy_version;
        Ok(read.map(|of| json!({ "PolicyDocument": decoded(of.document.as_deref()) })))
    }

    pub(super) async fn instance_profile(&self, name: &str) -> Answer<Option<Value>> {
        let read = self.iam.get_instance_profile().instance_profile_name(name).send().await;
        let read = read.map_err(failed("read instance profile", name))?.instance_profile;
        Ok(read.map(|of| {
            let roles = of.roles.iter().map(|of| of.role_name.as_str());
            json!({ "Roles": roles.collect::<Vec<_>>() })
        }))
    }
}

/// IAM returns documents URL-encoded.
fn decoded(text: Option<&str>) -> Value {
    let plain = text.map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    document(plain.as_deref())
}
