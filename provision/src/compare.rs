//! Whether what the account says is what the template says.

use serde_json::Value;

/// How something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be.
    Holds,
    /// Otherwise: what is different.
    Broken(String),
    /// Nothing was said of it: why.
    CannotTell(String),
}

/// A property of one resource: as it must be, and as it was read.
///
/// `exact` where more than was asked for is a difference as well, as in a
/// policy. A null was not told; an object with `unreadable` says why not.
pub fn compare(expected: &Value, live: &Value, exact: bool) -> Verdict {
    if let Some(why) = live.get("unreadable").and_then(Value::as_str) {
        return Verdict::CannotTell(why.to_owned());
    }
    if live.is_null() {
        return Verdict::CannotTell("not told".to_owned());
    }
    let mut found = Differences { exact, ..Differences::default() };
    found.look(expected, live, &mut Vec::new());
    match (found.different.as_slice(), found.unknown) {
        ([], false) => Verdict::Holds,
        ([], true) => Verdict::CannotTell("not told in full".to_owned()),
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
                        None => self.say(path, &format!("is not there, must be {}", short(of))),
                    }
                    path.pop();
                }
                let extra = live.keys().filter(|name| self.exact && !expected.contains_key(*name));
                let extra: Vec<&String> = extra.collect();
                extra.into_iter().for_each(|name| self.say(path, &format!("{name} is there, too")));
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

    /// Lists are equal in any order.
    fn look_at_lists(&mut self, expected: &[Value], live: &[Value], path: &mut Vec<String>) {
        let mut left: Vec<&Value> = live.iter().collect();
        let mut missing = Vec::new();
        for item in expected {
            let apart: Vec<Self> = left.iter().map(|live| self.apart(item, live)).collect();
            match apart.iter().position(|found| found.different.is_empty()) {
                Some(at) => {
                    self.unknown |= apart[at].unknown;
                    left.remove(at);
                }
                None => missing.push(item),
            }
        }
        for item in missing {
            let named = |live: &&Value| item.get("Sid").is_some() && live["Sid"] == item["Sid"];
            match left.iter().position(named) {
                Some(at) => {
                    path.push(short(&item["Sid"]));
                    self.look(item, left.remove(at), path);
                    path.pop();
                }
                None => self.say(path, &format!("{} is not there", short(item))),
            }
        }
        left.into_iter().for_each(|item| self.say(path, &format!("{} is there, too", short(item))));
    }

    /// The differences between two items of lists.
    fn apart(&self, expected: &Value, live: &Value) -> Self {
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

/// A single value stands for a list of one.
fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Numbers and flags are texts to some services.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Longest piece of a document that evidence repeats, in characters.
const SHORT_MAX: usize = 120;

/// A value in one short line; a statement of a policy by its name.
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
            (json!({ "a": 1 }), json!({}), false, "a is not there, must be 1"),
            (json!({ "a": { "b": 1 } }), json!({ "a": { "b": 2 } }), false, "a.b is 2, not 1"),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), true, "b is there, too"),
            (json!(["a"]), json!(["a", "b"]), false, "b is there, too"),
            (json!(["a", "a"]), json!(["a"]), false, "a is not there"),
            (json!([]), json!(["x"]), false, "x is there, too"),
            (
                json!([{ "Sid": "TlsOnly", "Effect": "Deny" }]),
                json!([{ "Sid": "TlsOnly", "Effect": "Allow" }]),
                true,
                "TlsOnly.Effect is Allow, not Deny",
            ),
            (json!([{ "Sid": "TlsOnly" }]), json!([]), true, "TlsOnly is not there"),
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
        // A difference is one, whatever else is not told.
        broken(&json!({ "a": 1, "b": 1 }), &json!({ "a": null, "b": 2 }), true);
    }
}
