//! Judges each control by the actual state of its resources.
//!
//! Used by `verify`. A control does not hold if AWS does not report a property.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compare::{Verdict, compare};
use crate::controls::{CONTROLS, Control};
use crate::expect::Resource;
use crate::stage::LogicalId;

/// The actual state of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// It has these properties, in the template's form; null for what AWS does
    /// not report.
    There(Value),
    /// It does not exist.
    Gone,
    /// AWS did not answer, and why.
    Unreadable(String),
}

/// One control's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The control.
    pub control: &'static str,
    /// `holds`, `broken` or `cannot tell`.
    pub verdict: &'static str,
    /// What is true if the control holds.
    pub says: &'static str,
    /// The paragraph of 45 CFR 164.
    pub paragraph: &'static str,
    /// The resources checked, or what is wrong with them.
    pub evidence: String,
}

const HOLDS: &str = "holds";
const BROKEN: &str = "broken";
const CANNOT_TELL: &str = "cannot tell";

/// Number of controls by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Controls that hold.
    pub hold: usize,
    /// Controls that are broken.
    pub broken: usize,
    /// Controls whose state AWS does not report.
    pub silent: usize,
}

impl Tally {
    /// Counts them.
    pub fn of(lines: &[Line]) -> Self {
        let count = |verdict| lines.iter().filter(|of| of.verdict == verdict).count();
        Self { hold: count(HOLDS), broken: count(BROKEN), silent: count(CANNOT_TELL) }
    }

    /// Whether hardly anything could be read: nothing is known to be broken,
    /// and most controls are unknown.
    pub fn is_blind(&self) -> bool {
        self.broken == 0 && self.silent > self.hold
    }
}

/// Judges every control. `left_out` are types that were not deployed.
pub fn judge(
    expected: &BTreeMap<LogicalId, Resource>,
    live: &BTreeMap<LogicalId, Live>,
    left_out: &BTreeSet<String>,
) -> Vec<Line> {
    CONTROLS.iter().filter_map(|control| control.judge(expected, live, left_out)).collect()
}

impl Control {
    /// Judges one control; `None` if the environment has nothing that it
    /// covers.
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
                    Some(Live::Gone) => broken.push(format!("{id} does not exist")),
                    Some(Live::Unreadable(why)) => silent.push(format!("{id}: {why}")),
                    None => silent.push(format!("{id} was not read")),
                }
            }
        }
        // A broken property decides, even if others are unknown.
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

/// Compares one property, by its path. Properties that are not in the template
/// are ignored.
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
