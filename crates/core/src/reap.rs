//! What `sce reap` removes: only resources that no live run owns in two
//! observations, one grace period after the other.
//!
//! Used by `sce reap` on the timer of the bastion (B). It must spare a worker
//! that is about to leave, a volume that is about to be attached, and a run that
//! is about to be released; the second observation does.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::Timestamp;

/// Age from which an upload no longer has a writer.
const UPLOAD_AGE: Duration = Duration::from_secs(24 * 3600);
/// Time that a worker may need to leave after its lifetime.
const LEAVING: Duration = Duration::from_secs(15 * 60);

/// A resource that may be orphaned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A live instance.
    Instance(String),
    /// A stopped instance; workers only run or terminate.
    Halted(String),
    /// A volume that is not attached.
    Volume(String),
    /// A multipart upload that was started and not completed.
    Upload(String),
}

/// One observation.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// When.
    pub at: Timestamp,
    /// Whether any run was open (released and not ended).
    pub run_open: bool,
    /// The resources, and when each was created, if known.
    pub things: Vec<(Thing, Option<Timestamp>)>,
}

/// Returns the resources to remove after the second observation.
pub fn plan_removal(first: &Sight, second: &Sight, lifetime: Duration) -> Vec<Thing> {
    let seen: BTreeSet<&Thing> = first.things.iter().map(|(thing, _)| thing).collect();
    // A run released between the observations may own any instance.
    let idle = !first.run_open && !second.run_open;
    let is_older = |since: Option<Timestamp>, than: Duration| {
        // Unknown age: not old, so it is spared.
        since.is_some_and(|since| second.at.since(since) > than)
    };
    let litter = |thing: &Thing, since: Option<Timestamp>| match thing {
        // Every worker ends itself within its lifetime; this one did not.
        Thing::Instance(_) => idle || is_older(since, lifetime.saturating_add(LEAVING)),
        Thing::Halted(_) | Thing::Volume(_) => true,
        Thing::Upload(_) => is_older(since, UPLOAD_AGE),
    };
    // Only what both observations have: new resources are spared.
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
            ("a volume that is not attached", open, open, volume(), young, true),
            ("an upload under way", idle, idle, upload(), young, false),
            ("an upload of yesterday", open, open, upload(), day, true),
        ] {
            let (first, second) = (sight(first, thing.clone(), age), sight(second, thing, age));
            let planned = plan_removal(&first, &second, LIFETIME);
            assert_eq!(planned.len() == 1, removed, "{name}");
            // Observed only once: spared.
            assert_eq!(plan_removal(&Sight { things: vec![], ..first }, &second, LIFETIME), []);
        }
    }

    #[test]
    fn what_has_no_known_age_is_not_old() {
        let sight = Sight { at: NOW, run_open: true, things: vec![(instance(), None)] };
        assert_eq!(plan_removal(&sight, &sight, LIFETIME), []);
    }
}
