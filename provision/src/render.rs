//! Replaces a template's parameters by answers and removes the parts that are
//! switched off, so that a tool or a reader sees what will be built.

use std::collections::{BTreeMap, BTreeSet};

use yaml_serde::value::TaggedValue;
use yaml_serde::{Mapping, Value};

use crate::answers::{Answer, Answers};
use crate::template::{Template, TemplateError, call, function};

impl Template {
    /// Renders the template with these answers. Parameters without an answer
    /// stay if anything still refers to them.
    ///
    /// # Errors
    /// A condition has an unsupported form.
    pub fn render(&self, answers: &Answers) -> Result<Self, TemplateError> {
        let values: BTreeMap<&str, Answer> = answers.values().into_iter().collect();
        let mut sections = Mapping::new();
        for (name, section) in &self.0 {
            let rendered = match name.as_str() {
                Some("Conditions") => continue,
                Some("Resources" | "Outputs") => self.kept(section, &values)?,
                _ => section.clone(),
            };
            sections.insert(name.clone(), substitute(&rendered, &values));
        }
        let mut rendered = Self(sections);
        rendered.drop_unused_parameters();
        Ok(rendered)
    }

    /// The entries of a section that have no condition, or one that holds.
    fn kept(
        &self,
        section: &Value,
        values: &BTreeMap<&str, Answer>,
    ) -> Result<Value, TemplateError> {
        let mut kept = Mapping::new();
        for (name, entry) in section.as_mapping().into_iter().flatten() {
            let mut entry = entry.clone();
            let condition = entry.as_mapping_mut().and_then(|of| of.shift_remove("Condition"));
            let holds = condition.map_or(Ok(true), |of| self.holds(&of, values))?;
            if holds {
                kept.insert(name.clone(), entry);
            }
        }
        Ok(Value::Mapping(kept))
    }

    /// Evaluates a condition, given by name or written out.
    fn holds(&self, of: &Value, values: &BTreeMap<&str, Answer>) -> Result<bool, TemplateError> {
        let unknown = || TemplateError::Unknown(format!("condition {of:?} is not supported"));
        match of {
            Value::String(name) => {
                let found = self.section("Conditions").find(|(known, _)| known == name);
                let (_, condition) = found.ok_or_else(unknown)?;
                self.holds(condition, values)
            }
            Value::Tagged(tagged) => match (function(tagged).as_str(), &tagged.value) {
                ("Condition", name) => self.holds(name, values),
                ("And", Value::Sequence(all)) => {
                    all.iter().try_fold(true, |held, one| Ok(held && self.holds(one, values)?))
                }
                ("Equals", Value::Sequence(two)) => match two.as_slice() {
                    [left, right] => Ok(substitute(left, values) == substitute(right, values)),
                    _ => Err(unknown()),
                },
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }

    fn drop_unused_parameters(&mut self) {
        let mut used = BTreeSet::new();
        for section in ["Resources", "Outputs"] {
            self.section(section).for_each(|(_, entry)| find_references(entry, &mut used));
        }
        if let Some(parameters) = self.0.get_mut("Parameters").and_then(Value::as_mapping_mut) {
            parameters.retain(|name, _| name.as_str().is_some_and(|name| used.contains(name)));
        }
    }
}

/// Replaces every parameter that has an answer.
fn substitute(value: &Value, values: &BTreeMap<&str, Answer>) -> Value {
    match value {
        Value::Sequence(items) => items.iter().map(|item| substitute(item, values)).collect(),
        Value::Mapping(entries) => Value::Mapping(
            entries.iter().map(|(name, of)| (name.clone(), substitute(of, values))).collect(),
        ),
        Value::Tagged(tagged) => substitute_call(tagged, values),
        plain => plain.clone(),
    }
}

fn substitute_call(tagged: &TaggedValue, values: &BTreeMap<&str, Answer>) -> Value {
    match (function(tagged).as_str(), &tagged.value) {
        ("Ref", Value::String(name)) => match values.get(name.as_str()) {
            Some(Answer::Text(text)) => text.clone().into(),
            Some(Answer::Number(number)) => (*number).into(),
            None => Value::Tagged(Box::new(tagged.clone())),
        },
        ("Sub", Value::String(text)) => {
            let filled = values.iter().fold(text.clone(), |text, (name, answer)| match answer {
                Answer::Text(of) => text.replace(&format!("${{{name}}}"), of),
                Answer::Number(of) => text.replace(&format!("${{{name}}}"), &of.to_string()),
            });
            // Without variables left, the text needs no function.
            if filled.contains("${") { call("Sub", filled.into()) } else { filled.into() }
        }
        (name, value) => call(name, substitute(value, values)),
    }
}

/// Collects every name that the value refers to.
pub(crate) fn find_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Sequence(items) => items.iter().for_each(|item| find_references(item, found)),
        Value::Mapping(entries) => entries.values().for_each(|of| find_references(of, found)),
        Value::Tagged(tagged) => match (function(tagged).as_str(), &tagged.value) {
            ("Ref", Value::String(name)) => {
                found.insert(name.clone());
            }
            ("GetAtt", Value::String(path)) => {
                found.insert(path.split('.').next().unwrap_or_default().to_owned());
            }
            ("Sub", Value::String(text)) => {
                let inner = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
                let names = inner.map(|(name, _)| name).filter(|name| !name.starts_with('!'));
                found.extend(
                    names.map(|name| name.split('.').next().unwrap_or_default().to_owned()),
                );
            }
            (_, value) => find_references(value, found),
        },
        _ => {}
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
