//! A CloudFormation template as a tree, read from YAML and written as YAML (for
//! readers and tools) or JSON (for programs).

use yaml_serde::value::{Tag, TaggedValue};
use yaml_serde::{Mapping, Value};

/// The template of the environment, as it is in the repository.
const ENVIRONMENT: &str = include_str!("../environment.yaml");
/// The first lines of a rendered template.
const RENDERED: &str =
    "# Rendered by `sce env render` from provision/environment.yaml, which explains
# every line.
";

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("template: {0}")]
    Malformed(#[from] yaml_serde::Error),
    /// It does not have the structure of a template.
    #[error("template: {0}")]
    Unknown(String),
}

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(pub(crate) Mapping);

impl Template {
    /// The environment, with all parameters unset.
    ///
    /// # Errors
    /// It is not a template; a test ensures that it is.
    pub fn environment() -> Result<Self, TemplateError> {
        Self::parse(ENVIRONMENT)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// It is not YAML, or not a mapping.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        match yaml_serde::from_str(text)? {
            Value::Mapping(sections) => Ok(Self(sections)),
            _ => Err(TemplateError::Unknown("not a mapping".to_owned())),
        }
    }

    /// As YAML, with CloudFormation's short tags.
    ///
    /// # Errors
    /// It has no YAML form.
    pub fn to_yaml(&self) -> Result<String, TemplateError> {
        let mut text = yaml_serde::to_string(&self.0)?;
        // YAML 1.1 parsers, which most CloudFormation tools use, would parse
        // these as dates.
        for version in ["2010-09-09", "2012-10-17"] {
            text = text.replace(&format!("Version: {version}"), &format!("Version: \"{version}\""));
        }
        Ok(format!("{RENDERED}{text}"))
    }

    /// As JSON, with the long names of CloudFormation's functions.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn to_json(&self) -> Result<serde_json::Value, TemplateError> {
        json(&Value::Mapping(self.0.clone()))
    }

    /// A section's entries by name; empty if there is no such section.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let entries = self.0.get(name).and_then(Value::as_mapping).into_iter().flatten();
        entries.filter_map(|(name, value)| Some((name.as_str()?, value)))
    }
}

/// A function's short name, without the exclamation mark.
pub(crate) fn function(tagged: &TaggedValue) -> String {
    tagged.tag.to_string().trim_start_matches('!').to_owned()
}

/// `!name value`.
pub(crate) fn call(name: &str, value: Value) -> Value {
    Value::Tagged(Box::new(TaggedValue { tag: Tag::new(name), value }))
}

fn json(value: &Value) -> Result<serde_json::Value, TemplateError> {
    use serde_json::Value as Json;
    let unknown = |what: &str| TemplateError::Unknown(format!("{what} has no JSON form"));
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => {
            Json::Number(number.as_i64().ok_or_else(|| unknown("a fraction"))?.into())
        }
        Value::String(text) => Json::String(text.clone()),
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Value::Mapping(entries) => {
            let entry = |(name, value): (&Value, &Value)| {
                let name = name.as_str().ok_or_else(|| unknown("a name that is not text"))?;
                Ok::<_, TemplateError>((name.to_owned(), json(value)?))
            };
            Json::Object(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Value::Tagged(tagged) => {
            let (name, value) = match function(tagged).as_str() {
                name @ ("Ref" | "Condition") => (name.to_owned(), json(&tagged.value)?),
                "GetAtt" => ("Fn::GetAtt".to_owned(), attribute(&tagged.value)?),
                name => (format!("Fn::{name}"), json(&tagged.value)?),
            };
            Json::Object([(name, value)].into_iter().collect())
        }
    })
}

/// `Resource.Attribute` in its long form, a list of two.
fn attribute(value: &Value) -> Result<serde_json::Value, TemplateError> {
    let Some((resource, attribute)) = value.as_str().and_then(|text| text.split_once('.')) else {
        return json(value);
    };
    Ok(serde_json::json!([resource, attribute]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sce_core::addresses::NETWORK;

    use super::*;

    #[test]
    fn workers_are_told_the_networks_own_addresses() {
        let template = Template::environment().unwrap().to_json().unwrap();
        let cidr = &template["Resources"]["V"]["Properties"]["CidrBlock"];
        assert_eq!(cidr, &NETWORK.to_string());
    }
}
