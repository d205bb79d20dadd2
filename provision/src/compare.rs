//! Compares the actual properties with those of the template.

use serde_json::Value;

/// Result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Holds,
    /// Different, and how.
    Broken(String),
    /// Not reported, and why.
    CannotTell(String),
}

/// Compares one property of a resource, as expected and as read.
///
/// With `exact`, additional entries are differences too, as in a policy. AWS
/// did not report a null; an object with `unreadable` gives the reason.
pub fn compare(expected: &Value, live: &Value, exact: bool) -> Verdict {
    if let Some(why) = live.get("unreadable").and_then(Value::as_str) {
        return Verdict::CannotTell(why.to_owned());
    }
    if live.is_null() {
        return Verdict::CannotTell("not reported".to_owned());
    }
    let mut found = Differences { exact, ..Differences::default() };
    found.look(expected, live, &mut Vec::new());
    match (found.different.as_slice(), found.unknown) {
        ([], false) => Verdict::Holds,
        ([], true) => Verdict::CannotTell("not reported in full".to_owned()),
        (different, _) => Verdict::Broken(different.join("; ")),
    }
}

#[derive(Default)]
struct Differences {
    exact: bool,
    different: Vec<String>,
    unknown: bool,
}

impl Differences {
    fn look(&mut self, expected: &Value, live: &Value, path: &mut Vec<String>) {
        match (expected, live) {
            (Value::Null, _) | (_, Value::Null) => self.unknown = true,
            (Value::Object(expected), Value::Object(live)) => {
                for (name, of) in expected {
                    path.push(name.clone());
                    match live.get(name) {
                        Some(live) => self.look(of, live, path),
                        None => self.say(path, &format!("is missing, must be {}", short(of))),
                    }
                    path.pop();
                }
                let extra = live.keys().filter(|name| self.exact && !expected.contains_key(*name));
                let extra: Vec<&String> = extra.collect();
                extra.into_iter().for_each(|name| self.say(path, &format!("{name} is unexpected")));
            }
            (Value::Array(_), _) | (_, Value::Array(_)) => {
                self.look_at_lists(&listed(expected), &listed(live), path);
            }
            (expected, live) if text(expected) == text(live) => {}
            (expected, live) => {
                self.say(path, &format!("is {}, not {}", short(live), short(expected)));
            }
        }
    }

    /// Compares lists without regard to order.
    fn look_at_lists(&mut self, expected: &[Value], live: &[Value], path: &mut Vec<String>) {
        let mut left: Vec<&Value> = live.iter().collect();
        let mut missing = Vec::new();
        for item in expected {
            let trials: Vec<Self> = left.iter().map(|live| self.compared(item, live)).collect();
            match trials.iter().position(|found| found.different.is_empty()) {
                Some(at) => {
                    self.unknown |= trials[at].unknown;
                    left.remove(at);
                }
                None => missing.push(item),
            }
        }
        // Statements of the same name are compared in detail, to report only
        // what differs.
        for item in missing {
            let named = |live: &&Value| item.get("Sid").is_some() && live["Sid"] == item["Sid"];
            match left.iter().position(named) {
                Some(at) => {
                    path.push(short(&item["Sid"]));
                    self.look(item, left.remove(at), path);
                    path.pop();
                }
                None => self.say(path, &format!("{} is missing", short(item))),
            }
        }
        left.into_iter().for_each(|item| self.say(path, &format!("{} is unexpected", short(item))));
    }

    /// Compares two items of lists.
    fn compared(&self, expected: &Value, live: &Value) -> Self {
        let mut inner = Self { exact: self.exact, ..Self::default() };
        inner.look(expected, live, &mut Vec::new());
        inner
    }

    fn say(&mut self, path: &[String], what: &str) {
        let place = path.join(".");
        self.different.push(if place.is_empty() {
            what.to_owned()
        } else {
            format!("{place} {what}")
        });
    }
}

/// A single value is equivalent to a list of one.
fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Some services report numbers and flags as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Longest excerpt of a document in the evidence, in characters.
const SHORT_MAX: usize = 120;

/// A value in one short line; a policy statement by its `Sid`.
fn short(value: &Value) -> String {
    let value = value.get("Sid").unwrap_or(value);
    let whole = text(value);
    let cut: String = whole.chars().take(SHORT_MAX).collect();
    if cut.len() < whole.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(expected: &Value, live: &Value, exact: bool) -> String {
        match compare(expected, live, exact) {
            Verdict::Broken(evidence) => evidence,
            other => panic!("{other:?}: {expected} {live}"),
        }
    }

    #[test]
    fn form_and_order_make_no_difference() {
        for (expected, live) in [
            (json!(true), json!("true")),
            (json!(443), json!("443")),
            (json!("s3:*"), json!(["s3:*"])),
            (json!(["a", "b"]), json!(["b", "a"])),
            (json!({ "a": 1 }), json!({ "a": 1, "more": 2 })),
            (json!([]), json!([])),
        ] {
            assert_eq!(compare(&expected, &live, false), Verdict::Holds, "{expected} {live}");
        }
    }

    #[test]
    fn what_is_missing_changed_or_too_much_is_said() {
        for (expected, live, exact, evidence) in [
            (json!("dedicated"), json!("default"), false, "is default, not dedicated"),
            (json!({ "a": 1 }), json!({}), false, "a is missing, must be 1"),
            (json!({ "a": { "b": 1 } }), json!({ "a": { "b": 2 } }), false, "a.b is 2, not 1"),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), true, "b is unexpected"),
            (json!(["a"]), json!(["a", "b"]), false, "b is unexpected"),
            (json!(["a", "a"]), json!(["a"]), false, "a is missing"),
            (json!([]), json!(["x"]), false, "x is unexpected"),
            (
                json!([{ "Sid": "TlsOnly", "Effect": "Deny" }]),
                json!([{ "Sid": "TlsOnly", "Effect": "Allow" }]),
                true,
                "TlsOnly.Effect is Allow, not Deny",
            ),
            (json!([{ "Sid": "TlsOnly" }]), json!([]), true, "TlsOnly is missing"),
        ] {
            assert_eq!(broken(&expected, &live, exact), evidence);
        }
        let long = broken(&json!("a"), &json!("x".repeat(500)), false);
        assert!(long.chars().count() < 200, "{long}");
    }

    #[test]
    fn what_is_not_told_is_neither_good_nor_bad() {
        let silent = |expected: Value, live: Value| {
            matches!(compare(&expected, &live, true), Verdict::CannotTell(_))
        };
        assert!(silent(json!(1), json!(null)));
        assert!(silent(json!(1), json!({ "unreadable": "AccessDenied" })));
        assert!(silent(json!({ "a": null }), json!({ "a": 1 })));
        assert!(silent(json!({ "a": 1 }), json!({ "a": null })));
        // A difference is reported even if other properties are unknown.
        broken(&json!({ "a": 1, "b": 1 }), &json!({ "a": null, "b": 2 }), true);
    }
}
