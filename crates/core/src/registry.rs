//! The names table: every uploaded object, and the run that took it.
//!
//! Used by `sce put` (registers names) and `sce run` (takes names that no run
//! has processed). A name must have passed [`crate::names`] before it is here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::object::{ObjectKey, ObjectRef};
use crate::run::{Run, RunStatus};
use crate::time::Timestamp;

/// A row of the names table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The object, pinned as it was registered.
    pub object: ObjectRef,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The run that took the name last.
    pub run: Option<RunId>,
}

/// An upload whose name was refused: the bucket and the event that reported it, so that
/// the administrator (J) can find it; never the name itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The bucket's name.
    pub bucket: String,
    /// The position of the event in the bucket's order of events.
    pub sequencer: String,
    /// The rule that refused the name.
    pub rule: String,
    /// When the upload was reported.
    pub at: Timestamp,
}

/// Whether a run may take a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No run has processed it.
    Free,
    /// Held by a released run that has not ended.
    Taken,
    /// A run analyzed or quarantined it.
    Processed,
}

/// The runs that names refer to, as far as they have been read.
#[derive(Debug, Clone, Default)]
pub struct RunFacts {
    /// Every run, by id.
    pub runs: BTreeMap<RunId, Run>,
    /// The objects processed by runs that ended with unfinished units.
    pub processed: BTreeMap<RunId, BTreeSet<ObjectKey>>,
    /// The tables of people of runs that are open or done.
    people: BTreeSet<ObjectRef>,
}

impl RunFacts {
    /// Returns the runs for which [`RunFacts::processed`] must be filled: they ended
    /// before all their units were done.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        // A run that is done has processed everything, so nothing must be read for it.
        self.runs.values().filter(|run| run.has_ended() && run.status != RunStatus::Done)
    }

    /// Creates facts about these runs; none of their objects is known to be processed.
    #[must_use]
    pub fn of(runs: Vec<Run>) -> Self {
        // A failed run may have named an object by mistake that is not a table of people.
        let named = runs.iter().filter(|run| !run.has_ended() || run.status == RunStatus::Done);
        let people = named.flat_map(|run| &run.study.side_inputs);
        Self {
            people: people.cloned().collect(),
            runs: runs.into_iter().map(|run| (run.id, run)).collect(),
            processed: BTreeMap::new(),
        }
    }

    /// True if the current version of the object is a run's table of people. A run leaves
    /// it out unless it is requested by name, because it may also hold measurements.
    #[must_use]
    pub fn is_table(&self, name: &Name) -> bool {
        self.people.contains(&name.object)
    }

    /// Returns whether a run may take the name.
    pub fn standing(&self, name: &Name) -> Standing {
        let Some(run) = name.run.and_then(|id| self.runs.get(&id)) else {
            return Standing::Free;
        };
        // The submitter of a draft may have crashed: a repeated submission finds the same
        // run and continues it.
        if run.status == RunStatus::Draft {
            return Standing::Free;
        }
        if !run.has_ended() {
            return Standing::Taken;
        }
        // A run that ended early returns the objects that it did not process.
        let processed =
            || self.processed.get(&run.id).is_some_and(|keys| keys.contains(&name.object.key));
        if run.status == RunStatus::Done || processed() {
            Standing::Processed
        } else {
            Standing::Free
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::{Manifest, PlanDigest};
    use crate::study::StudySettings;

    fn run(status: RunStatus) -> Run {
        let study = StudySettings::default();
        let digest = PlanDigest::of(&Manifest::new(vec![]).unwrap(), &study, None);
        let mut run = Run::draft(digest, study, 1, 1, Timestamp(0));
        run.status = status;
        let ended = !matches!(status, RunStatus::Draft | RunStatus::Running);
        run.ended_at = ended.then_some(Timestamp(1));
        run
    }

    #[test]
    fn a_name_is_free_until_a_run_has_processed_it() {
        let key = ObjectKey::try_from("part-1.csv".to_owned()).unwrap();
        let object =
            ObjectRef { key: key.clone(), version: "null".into(), etag: "e".into(), size: 1 };
        for (status, processed, expected) in [
            (RunStatus::Draft, false, Standing::Free),
            (RunStatus::Running, false, Standing::Taken),
            (RunStatus::Done, false, Standing::Processed),
            (RunStatus::Canceled, false, Standing::Free),
            (RunStatus::Canceled, true, Standing::Processed),
            (RunStatus::Failed, false, Standing::Free),
            (RunStatus::Failed, true, Standing::Processed),
            (RunStatus::Aborted, false, Standing::Free),
        ] {
            let run = run(status);
            let name =
                Name { object: object.clone(), registered_at: Timestamp(0), run: Some(run.id) };
            let keys = processed.then(|| key.clone()).into_iter().collect();
            let mut facts = RunFacts::of(vec![run.clone()]);
            facts.processed = BTreeMap::from([(run.id, keys)]);
            assert_eq!(facts.standing(&name), expected, "{status:?} {processed}");
            assert_eq!(facts.standing(&Name { run: None, ..name }), Standing::Free);
        }
    }

    #[test]
    fn a_table_of_people_is_known_unless_its_run_failed_or_it_was_put_again() {
        let key = ObjectKey::try_from("people/people.csv".to_owned()).unwrap();
        let object = ObjectRef { key, version: "null".into(), etag: "e".into(), size: 1 };
        let name = Name { object: object.clone(), registered_at: Timestamp(0), run: None };
        for (status, expected) in [
            (RunStatus::Draft, true),
            (RunStatus::Running, true),
            (RunStatus::Done, true),
            (RunStatus::Failed, false),
            (RunStatus::Canceled, false),
        ] {
            let mut run = run(status);
            run.study.side_inputs = vec![object.clone()];
            let facts = RunFacts::of(vec![run]);
            assert_eq!(facts.is_table(&name), expected, "{status:?}");
            assert_eq!(facts.standing(&name), Standing::Free);
            let again = ObjectRef { etag: "f".into(), ..object.clone() };
            assert!(!facts.is_table(&Name { object: again, ..name.clone() }));
        }
    }
}
