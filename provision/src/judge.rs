//! Control by control: does it hold, by what the account says?
//!
//! Used by `verify`. What nobody tells never holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compare::{Verdict, compare};
use crate::controls::{CONTROLS, Control};
use crate::expect::Resource;
use crate::stage::LogicalId;

/// How a resource was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// With these properties, in the template's form; null for what is not told.
    There(Value),
    /// Not at all.
    Gone,
    /// The account did not answer: why.
    Unreadable(String),
}

/// One control's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The control.
    pub control: &'static str,
    /// `holds`, `broken` or `cannot tell`.
    pub verdict: &'static str,
    /// What holds where it holds.
    pub says: &'static str,
    /// The paragraph of 45 CFR 164.
    pub paragraph: &'static str,
    /// What was looked at, or what is wrong with it.
    pub evidence: String,
}

const HOLDS: &str = "holds";
const BROKEN: &str = "broken";
const CANNOT_TELL: &str = "cannot tell";

/// How many controls stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// As they must.
    pub hold: usize,
    /// Otherwise.
    pub broken: usize,
    /// Nobody knows.
    pub silent: usize,
}

impl Tally {
    /// Counts them.
    pub fn of(lines: &[Line]) -> Self {
        let count = |verdict| lines.iter().filter(|of| of.verdict == verdict).count();
        Self { hold: count(HOLDS), broken: count(BROKEN), silent: count(CANNOT_TELL) }
    }

    /// Whether the account was hardly seen: nothing is known to be wrong, and of
    /// most controls nothing is known at all.
    pub fn is_blind(&self) -> bool {
        self.broken == 0 && self.silent > self.hold
    }
}

/// Each control's line. `left_out` are types that were not deployed at all.
pub fn judge(
    expected: &BTreeMap<LogicalId, Resource>,
    live: &BTreeMap<LogicalId, Live>,
    left_out: &BTreeSet<String>,
) -> Vec<Line> {
    CONTROLS.iter().filter_map(|control| control.judge(expected, live, left_out)).collect()
}

impl Control {
    /// Nothing where the environment has none of what it covers.
    fn judge(
        &self,
        expected: &BTreeMap<LogicalId, Resource>,
        live: &BTreeMap<LogicalId, Live>,
        left_out: &BTreeSet<String>,
    ) -> Option<Line> {
        let (mut seen, mut broken, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, paths) in self.covers {
            if left_out.contains(*kind) {
                silent.push(format!("{kind} was left out"));
            }
            for (id, resource) in expected.iter().filter(|(_, of)| of.kind == *kind) {
                seen.push(id.as_str());
                match live.get(id) {
                    Some(Live::There(properties)) => paths.iter().for_each(|path| {
                        match look(path, &resource.properties, properties) {
                            Verdict::Holds => {}
                            Verdict::Broken(how) => broken.push(format!("{id} {path}: {how}")),
                            Verdict::CannotTell(why) => silent.push(format!("{id} {path}: {why}")),
                        }
                    }),
                    Some(Live::Gone) => broken.push(format!("{id} is not there")),
                    Some(Live::Unreadable(why)) => silent.push(format!("{id}: {why}")),
                    None => silent.push(format!("{id} was not read")),
                }
            }
        }
        let (verdict, evidence) = match (broken.is_empty(), silent.is_empty(), seen.is_empty()) {
            (true, true, true) => return None,
            (false, _, _) => (BROKEN, broken.join("; ")),
            (true, false, _) => (CANNOT_TELL, silent.join("; ")),
            (true, true, false) => (HOLDS, seen.join(", ")),
        };
        let Self { name, says, paragraph, .. } = self;
        Some(Line { control: name, verdict, says, paragraph, evidence })
    }
}

/// One property, by its path. What the template does not state is not asked.
fn look(path: &str, expected: &Value, live: &Value) -> Verdict {
    let follow =
        |of: &Value| path.split('.').try_fold(of.clone(), |of, name| of.get(name).cloned());
    let Some(expected) = follow(expected) else {
        return Verdict::Holds;
    };
    let exact = path.ends_with("PolicyDocument") || path.ends_with("KeyPolicy");
    compare(&expected, &follow(live).unwrap_or_default(), exact)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
