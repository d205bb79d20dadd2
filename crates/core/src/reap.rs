//! What upkeep removes: only what two looks, a grace apart, both found owned
//! by no live run.
//!
//! Used by `sce reap` on the bastion's timer. A worker that is just leaving, a
//! volume that is just being attached, a run that is just being released: the
//! second look spares them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::Timestamp;

/// An upload this old has lost its writer.
const UPLOAD_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long beyond its lifetime a worker may take to leave.
const LEAVING: Duration = Duration::from_secs(15 * 60);

/// Something that may be litter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A live instance.
    Instance(String),
    /// An instance that was stopped; ours only run or end.
    Halted(String),
    /// A volume that no instance has.
    Volume(String),
    /// A multipart upload that was begun and not ended.
    Upload(String),
}

/// What one look found.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// When.
    pub at: Timestamp,
    /// Whether any run was open (or released and not yet ended).
    pub run_open: bool,
    /// Things, and since when each is there, as far as that is known.
    pub things: Vec<(Thing, Option<Timestamp>)>,
}

/// What is to be removed after the second look.
pub fn plan_removal(first: &Sight, second: &Sight, lifetime: Duration) -> Vec<Thing> {
    let seen: BTreeSet<&Thing> = first.things.iter().map(|(thing, _)| thing).collect();
    let idle = !first.run_open && !second.run_open;
    let is_older = |since: Option<Timestamp>, than: Duration| {
        since.is_some_and(|since| second.at.since(since) > than)
    };
    let litter = |thing: &Thing, since: Option<Timestamp>| match thing {
        // Nothing else ended it within the longest life a worker has.
        Thing::Instance(_) => idle || is_older(since, lifetime.saturating_add(LEAVING)),
        Thing::Halted(_) | Thing::Volume(_) => true,
        Thing::Upload(_) => is_older(since, UPLOAD_AGE),
    };
    let found = second.things.iter().filter(|(thing, _)| seen.contains(thing));
    found.filter(|(thing, since)| litter(thing, *since)).map(|(thing, _)| thing.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(3600);
    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn instance() -> Thing {
        Thing::Instance("i-1".into())
    }

    fn sight(run_open: bool, thing: Thing, age: Duration) -> Sight {
        Sight { at: NOW, run_open, things: vec![(thing, Some(NOW.before(age)))] }
    }

    #[test]
    fn only_what_both_looks_found_unowned_is_removed() {
        let young = Duration::from_secs(600);
        let day = Duration::from_secs(25 * 3600);
        let volume = || Thing::Volume("vol-1".into());
        let upload = || Thing::Upload("u".into());
        let (open, idle) = (true, false);
        for (name, first, second, thing, age, removed) in [
            ("an idle worker", idle, idle, instance(), young, true),
            ("a run was released meanwhile", idle, open, instance(), young, false),
            ("a run has just ended", open, idle, instance(), young, false),
            ("a worker of an open run", open, open, instance(), young, false),
            ("a worker that outlived its life", open, open, instance(), LIFETIME * 2, true),
            ("a stopped worker", open, open, Thing::Halted("i-2".into()), young, true),
            ("a volume that nobody has", open, open, volume(), young, true),
            ("an upload under way", idle, idle, upload(), young, false),
            ("an upload of yesterday", open, open, upload(), day, true),
        ] {
            let (first, second) = (sight(first, thing.clone(), age), sight(second, thing, age));
            let planned = plan_removal(&first, &second, LIFETIME);
            assert_eq!(planned.len() == 1, removed, "{name}");
            // Seen once only: spared.
            assert_eq!(plan_removal(&Sight { things: vec![], ..first }, &second, LIFETIME), []);
        }
    }

    #[test]
    fn what_has_no_known_age_is_not_old() {
        let sight = Sight { at: NOW, run_open: true, things: vec![(instance(), None)] };
        assert_eq!(plan_removal(&sight, &sight, LIFETIME), []);
    }
}
