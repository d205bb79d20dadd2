//! The order of a deployment: first the resources that outlive an environment
//! (buckets, key, ledger, log groups), created or imported, then everything.
//!
//! There are two stages because the whole template is too large for a request
//! and is stored in one of these buckets; and because retained resources can
//! only be added by an import, a separate step that creates nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A resource's name in the template, such as `S3D`.
pub type LogicalId = String;

/// The state of an environment before a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no stack; these retained resources exist.
    Absent(BTreeSet<LogicalId>),
    /// There is a stack with these resources.
    Deployed(BTreeSet<LogicalId>),
}

/// One change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Import retained resources without changing them.
    Adopt(BTreeSet<LogicalId>),
    /// Create the resources to be retained.
    Keep {
        /// Whether the stack is new.
        new: bool,
    },
    /// Deploy everything.
    Whole,
}

/// The bucket that stores templates.
const TEMPLATES: &str = "S3A";

/// The steps from the current state to the whole environment.
pub fn plan(standing: &Standing, kept: &BTreeSet<LogicalId>) -> Vec<Step> {
    let mut steps = Vec::new();
    match standing {
        Standing::Absent(there) if there.is_empty() => steps.push(Step::Keep { new: true }),
        Standing::Absent(there) => {
            steps.push(Step::Adopt(there.clone()));
            if there != kept {
                steps.push(Step::Keep { new: false });
            }
        }
        // An earlier deployment failed. If the stack has any other resource,
        // deploying only the retained ones would delete it.
        Standing::Deployed(there) if !there.contains(TEMPLATES) && there.is_subset(kept) => {
            steps.push(Step::Keep { new: false });
        }
        Standing::Deployed(_) => {}
    }
    steps.push(Step::Whole);
    steps
}

/// Properties of retained resources that refer to other resources: set in the
/// second stage.
const LATER: [&str; 1] = ["NotificationConfiguration"];

/// A template in JSON form.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage(pub Value);

impl Stage {
    /// The resources, by name.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.0["Resources"].as_object().into_iter().flatten();
        resources.map(|(id, resource)| (id.as_str(), resource))
    }

    /// The resources that are retained when the stack is deleted.
    pub fn kept(&self) -> BTreeSet<LogicalId> {
        let retained = |of: &Value| of["DeletionPolicy"] == "Retain";
        self.resources().filter(|(_, of)| retained(of)).map(|(id, _)| id.to_owned()).collect()
    }

    /// The template of these resources alone. References to other resources
    /// become names that do not exist, so a policy that denies access to all
    /// but one resource then denies it to all.
    #[must_use]
    pub fn only(&self, ids: &BTreeSet<LogicalId>) -> Self {
        let mut template = self.0.clone();
        if let Some(sections) = template.as_object_mut() {
            sections.remove("Outputs");
        }
        let absent: BTreeSet<&str> =
            self.resources().map(|(id, _)| id).filter(|id| !ids.contains(*id)).collect();
        if let Some(resources) = template["Resources"].as_object_mut() {
            resources.retain(|id, _| ids.contains(id));
            for resource in resources.values_mut() {
                if let Some(entries) = resource.as_object_mut() {
                    entries.remove("DependsOn");
                }
                if let Some(properties) = resource["Properties"].as_object_mut() {
                    properties.retain(|name, _| !LATER.contains(&name.as_str()));
                }
                close(resource, &absent);
            }
        }
        Self(template).without_unused_parameters()
    }

    /// Removes the types and policy statements (by `Sid`) of these names, and
    /// everything that refers to them: for emulators, which lack some.
    #[must_use]
    pub fn without(&self, names: &BTreeSet<String>) -> Self {
        let mut template = self.0.clone();
        let unwanted = |of: &Value| of["Type"].as_str().is_some_and(|of| names.contains(of));
        let mut gone: BTreeSet<String> =
            self.resources().filter(|(_, of)| unwanted(of)).map(|(id, _)| id.to_owned()).collect();
        // A removed resource may have been the target of another: repeat until
        // none is left.
        loop {
            let lost: Vec<String> = self
                .resources()
                .filter(|(id, of)| !gone.contains(*id) && refers(&of["Properties"], &gone))
                .map(|(id, _)| id.to_owned())
                .collect();
            if lost.is_empty() {
                break;
            }
            gone.extend(lost);
        }
        for section in ["Resources", "Outputs"] {
            if let Some(entries) = template[section].as_object_mut() {
                entries.retain(|id, of| !gone.contains(id) && !refers(&of["Value"], &gone));
                entries.values_mut().for_each(|of| drop_named(of, names, &gone));
            }
        }
        Self(template).without_unused_parameters()
    }

    /// The parameters that the template still needs.
    pub fn parameters(&self) -> BTreeSet<&str> {
        self.0["Parameters"].as_object().into_iter().flatten().map(|(id, _)| id.as_str()).collect()
    }

    fn without_unused_parameters(mut self) -> Self {
        let mut used = BTreeSet::new();
        references(&self.0["Resources"], &mut used);
        references(&self.0["Outputs"], &mut used);
        let used: BTreeSet<String> = used.into_iter().map(str::to_owned).collect();
        if let Some(parameters) = self.0["Parameters"].as_object_mut() {
            parameters.retain(|name, _| used.contains(name));
        }
        self
    }
}

/// Replaces references to absent resources by names that do not exist.
fn close(value: &mut Value, absent: &BTreeSet<&str>) {
    let named = value.as_object().and_then(|entries| match entries.iter().next() {
        Some((name, Value::String(id))) if name == "Ref" => Some(id.as_str()),
        Some((name, Value::Array(path))) if name == "Fn::GetAtt" => path.first()?.as_str(),
        _ => None,
    });
    if let Some(id) = named.filter(|id| absent.contains(id)) {
        *value = format!("none-{}", id.to_lowercase()).into();
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, absent)),
        Value::Object(entries) => entries.values_mut().for_each(|of| close(of, absent)),
        _ => {}
    }
}

/// Removes the named statements, and absent resources from `DependsOn`.
fn drop_named(value: &mut Value, sids: &BTreeSet<String>, gone: &BTreeSet<String>) {
    match value {
        Value::Array(items) => {
            let named = |item: &Value| item["Sid"].as_str().is_some_and(|sid| sids.contains(sid));
            items.retain(|item| !named(item));
            items.iter_mut().for_each(|item| drop_named(item, sids, gone));
        }
        Value::Object(entries) => {
            if let Some(waits) = entries.get_mut("DependsOn") {
                let there = |of: &Value| of.as_str().is_some_and(|id| !gone.contains(id));
                *waits = match waits.take() {
                    Value::Array(all) => all.into_iter().filter(there).collect(),
                    one => Value::Array(Some(one).into_iter().filter(there).collect()),
                };
            }
            entries.values_mut().for_each(|of| drop_named(of, sids, gone));
        }
        _ => {}
    }
}

fn refers<T: Ord + std::borrow::Borrow<str>>(value: &Value, to: &BTreeSet<T>) -> bool {
    let mut found = BTreeSet::new();
    references(value, &mut found);
    found.iter().any(|name| to.contains(name))
}

/// Collects every name that the value refers to.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(entries) => {
            for (name, of) in entries {
                match (name.as_str(), of) {
                    ("Ref", Value::String(id)) => drop(found.insert(id)),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        found.extend(path.first().and_then(Value::as_str));
                    }
                    ("Fn::Sub", Value::String(text)) => {
                        let inner = text.split("${").skip(1).filter_map(|of| of.split_once('}'));
                        found.extend(inner.filter_map(|(name, _)| name.split('.').next()));
                    }
                    (_, of) => references(of, found),
                }
            }
        }
        _ => {}
    }
}

/// The property by which an import identifies a resource of this type.
pub fn import_identifier(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::Bucket" => "BucketName",
        "AWS::S3::BucketPolicy" => "Bucket",
        "AWS::KMS::Key" => "KeyId",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        _ => return None,
    })
}

/// Identifiers of the retained resources that exist.
pub type Found = BTreeMap<LogicalId, String>;

#[cfg(test)]
#[path = "stage_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
