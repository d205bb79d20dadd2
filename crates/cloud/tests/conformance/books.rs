//! Rows and changes for the checks of ledgers.

use std::time::Duration;

use sce_cloud::ports::Ledger;
use sce_core::ids::{Epoch, OwnerId, UnitId};
use sce_core::limits::LeaseRules;
use sce_core::manifest::{Manifest, PlanDigest};
use sce_core::object::ObjectRef;
use sce_core::requests::Requests;
use sce_core::run::{Run, RunChange};
use sce_core::study::StudySettings;
use sce_core::time::Timestamp;
use sce_core::unit::{Unit, UnitChange};

/// The start of every sequence of changes.
pub const NOW: Timestamp = Timestamp(1_000_000);

/// Rules of every ledger under test.
pub fn lease() -> LeaseRules {
    LeaseRules::of(Duration::from_secs(12))
}

/// A time after the end of every lease that was given at [`NOW`].
pub fn expired() -> Timestamp {
    NOW.after(lease().lease + lease().margin + Duration::from_millis(1))
}

/// Creates a draft of `units` units; a different `again` gives a different run.
pub fn draft(again: &str, units: u32, created_at: Timestamp) -> Run {
    let study = StudySettings::default();
    let digest = PlanDigest::of(&Manifest::new(vec![]).unwrap(), &study, Some(again));
    Run::draft(digest, study, units, u64::from(units), created_at)
}

/// A reference to an object that is never opened.
pub fn object(name: &str) -> ObjectRef {
    let key = name.to_owned().try_into().unwrap();
    ObjectRef { key, version: "null".into(), etag: "e".into(), size: 1 }
}

pub fn owner(n: u8) -> OwnerId {
    OwnerId::new([n; 8])
}

/// The units of a run, as submitted.
pub fn units_of(run: &Run) -> Vec<Unit> {
    let unit = |index| {
        let id = UnitId { run: run.id, index };
        Unit::pending(id, vec![object(&format!("part-{index}.csv"))], index % run.shards())
    };
    (0..run.units).map(unit).collect()
}

/// Puts and releases a run.
pub async fn release(ledger: &dyn Ledger, again: &str, units: u32) -> Run {
    let run = draft(again, units, NOW);
    ledger.put_run(&run).await.unwrap();
    ledger.put_units(&units_of(&run)).await.unwrap();
    let change = RunChange::Release { now: NOW, left: run.counters() };
    ledger.apply_run(run.id, &change).await.unwrap().unwrap()
}

pub fn claim(epoch: u32) -> UnitChange {
    UnitChange::Claim {
        epoch: Epoch(epoch),
        owner: owner(1),
        lease_until: NOW.after(lease().lease),
    }
}

pub fn commit(epoch: u32) -> UnitChange {
    UnitChange::Commit {
        epoch: Epoch(epoch),
        partial: object("partial"),
        outcomes: vec![],
        requests: Requests::new(),
    }
}
