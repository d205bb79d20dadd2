//! Tests of every transition of a unit from every state, and of the invariants.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ids::RunId;

const LEASE: Duration = Duration::from_secs(60);
const NOW: Timestamp = Timestamp(1_000_000);

const ROOM: crate::room::Room = crate::room::Room { memory_mib: 1000, hipaa_mib: 2000 };

fn rules() -> (LeaseRules, Budgets) {
    (LeaseRules::of(LEASE), Budgets::default())
}

fn owner(n: u8) -> OwnerId {
    OwnerId::new([n; 8])
}

fn object(n: u8) -> ObjectRef {
    let key = ObjectKey::try_from(format!("part-{n}.csv")).unwrap();
    ObjectRef { key, version: "null".into(), etag: "e".into(), size: 1 }
}

fn pending() -> Unit {
    Unit::pending(UnitId { run: RunId::new([1; 8]), index: 0 }, vec![object(1)], 0)
}

fn apply(unit: &Unit, change: &UnitChange) -> Result<Unit, Refused> {
    let (lease, budgets) = rules();
    unit.apply(change, &lease, &budgets)
}

fn claim(epoch: u32) -> UnitChange {
    UnitChange::Claim { epoch: Epoch(epoch), owner: owner(1), lease_until: NOW.after(LEASE) }
}

fn commit(epoch: u32) -> UnitChange {
    UnitChange::Commit {
        epoch: Epoch(epoch),
        partial: object(9),
        outcomes: vec![],
        requests: Requests::new(),
    }
}

fn leased() -> Unit {
    apply(&pending(), &claim(0)).unwrap()
}

/// A time at which the lease of `leased` has certainly ended.
fn late() -> Timestamp {
    NOW.after(LEASE * 2)
}

fn take_over(unit: &Unit, now: Timestamp) -> UnitChange {
    UnitChange::TakeOver {
        epoch: unit.epoch,
        beat: unit.beat,
        now,
        owner: owner(2),
        lease_until: now.after(LEASE),
    }
}

#[test]
fn every_change_applies_where_it_should_and_nowhere_else() {
    let error = |epoch| UnitChange::Error { epoch: Epoch(epoch), reason: "x".into() };
    let fail = |epoch| UnitChange::Fail { epoch: Epoch(epoch), reason: "x".into() };
    let stop = |epoch| UnitChange::Stop { epoch: Epoch(epoch) };
    let beat = |epoch| UnitChange::Beat { epoch: Epoch(epoch), lease_until: late(), room: ROOM };
    let done = apply(&leased(), &commit(1)).unwrap();
    let spent = Unit { task_errors: 2, ..leased() };
    let silent = Unit { losses: 2, ..leased() };
    let give_up =
        |unit: &Unit| UnitChange::GiveUp { epoch: unit.epoch, beat: unit.beat, now: late() };
    use UnitState::{Canceled, Done, Failed, Leased, Pending};
    for (name, unit, change, expected) in [
        ("claim pending", pending(), claim(0), Ok(Leased)),
        ("claim at a stale epoch", pending(), claim(7), Err(Refused::MovedOn)),
        ("claim leased", leased(), claim(1), Err(Refused::MovedOn)),
        ("claim done", done.clone(), claim(1), Err(Refused::MovedOn)),
        ("take over expired", leased(), take_over(&leased(), late()), Ok(Leased)),
        ("take over live", leased(), take_over(&leased(), NOW), Err(Refused::Live)),
        ("take over pending", pending(), take_over(&pending(), late()), Err(Refused::MovedOn)),
        (
            "take over beaten since",
            Unit { beat: 1, ..leased() },
            take_over(&leased(), late()),
            Err(Refused::Live),
        ),
        (
            "take over, losses spent",
            silent.clone(),
            take_over(&silent, late()),
            Err(Refused::Budget),
        ),
        ("give up, losses spent", silent.clone(), give_up(&silent), Ok(Failed)),
        ("give up, losses left", leased(), give_up(&leased()), Err(Refused::Budget)),
        ("beat mine", leased(), beat(1), Ok(Leased)),
        ("beat not mine", leased(), beat(0), Err(Refused::MovedOn)),
        ("beat pending", pending(), beat(0), Err(Refused::MovedOn)),
        ("commit mine", leased(), commit(1), Ok(Done)),
        ("commit late", Unit { epoch: Epoch(2), ..leased() }, commit(1), Err(Refused::MovedOn)),
        ("commit twice", done.clone(), commit(1), Err(Refused::MovedOn)),
        ("error, errors left", leased(), error(1), Ok(Pending)),
        ("error, errors spent", spent.clone(), error(1), Err(Refused::Budget)),
        ("fail, errors spent", spent, fail(1), Ok(Failed)),
        ("fail, errors left", leased(), fail(1), Err(Refused::Budget)),
        ("stop mine", leased(), stop(1), Ok(Pending)),
        ("stop not mine", leased(), stop(0), Err(Refused::MovedOn)),
        ("cancel pending", pending(), UnitChange::Cancel, Ok(Canceled)),
        ("cancel leased", leased(), UnitChange::Cancel, Ok(Canceled)),
        ("cancel done", done, UnitChange::Cancel, Err(Refused::MovedOn)),
    ] {
        assert_eq!(apply(&unit, &change).map(|unit| unit.state), expected, "{name}");
    }
}

#[test]
fn charges_are_made_where_they_are_due() {
    let stopped = apply(&leased(), &UnitChange::Stop { epoch: Epoch(1) }).unwrap();
    assert_eq!((stopped.stops, stopped.task_errors, stopped.losses), (1, 0, 0));
    let error = UnitChange::Error { epoch: Epoch(1), reason: "x".into() };
    let erred = apply(&leased(), &error).unwrap();
    assert_eq!((erred.task_errors, erred.losses), (1, 0));
    let lost = apply(&leased(), &take_over(&leased(), late())).unwrap();
    assert_eq!((lost.losses, lost.epoch, lost.owner), (1, Epoch(2), Some(owner(2))));
}

fn any_change() -> impl Strategy<Value = UnitChange> {
    let epoch = (0u32..6).prop_map(Epoch);
    let at = (0i64..400_000).prop_map(|ms| Timestamp(1_000_000 + ms));
    (0u8..9, epoch, 0u32..3, at, 0u8..4).prop_map(|(kind, epoch, beat, now, who)| {
        let (owner, lease_until) = (owner(who), now.after(LEASE));
        let reason = String::new();
        match kind {
            0 => UnitChange::Claim { epoch, owner, lease_until },
            1 => UnitChange::TakeOver { epoch, beat, now, owner, lease_until },
            2 => UnitChange::GiveUp { epoch, beat, now },
            3 => UnitChange::Beat { epoch, lease_until, room: ROOM },
            4 => UnitChange::Commit {
                epoch,
                partial: object(9),
                outcomes: vec![],
                requests: Requests::new(),
            },
            5 => UnitChange::Error { epoch, reason },
            6 => UnitChange::Fail { epoch, reason },
            7 => UnitChange::Stop { epoch },
            _ => UnitChange::Cancel,
        }
    })
}

proptest! {
    /// For any changes in any order: the epoch never decreases, a terminal unit never
    /// changes, budgets hold, and at most one change decrements the counter.
    #[test]
    fn invariants_hold_over_any_history(changes in prop::collection::vec(any_change(), 0..200)) {
        let budgets = Budgets::default();
        let mut unit = pending();
        let mut counted = 0;
        for change in &changes {
            let before = unit.clone();
            if let Ok(after) = apply(&before, change) {
                prop_assert!(!before.state.is_terminal());
                prop_assert!(after.epoch >= before.epoch);
                counted += u32::from(change.counts_down());
                unit = after;
            }
            prop_assert!(unit.losses <= budgets.losses && unit.task_errors <= budgets.task_errors);
            prop_assert_eq!(counted, u32::from(matches!(unit.state, UnitState::Done | UnitState::Failed)));
        }
    }

    /// A planned change always applies to the row it was planned from.
    #[test]
    fn plans_apply(changes in prop::collection::vec(any_change(), 0..100), at in 0i64..900_000) {
        let (lease, budgets) = rules();
        let mut unit = pending();
        for change in &changes {
            unit = apply(&unit, change).unwrap_or(unit);
        }
        let now = Timestamp(1_000_000 + at);
        if let Some(change) = unit.plan_claim(owner(3), now, &lease, &budgets) {
            prop_assert!(apply(&unit, &change).is_ok(), "{:?} {:?}", unit, change);
        }
        if unit.state == UnitState::Leased {
            let change = unit.plan_error("x".into(), &budgets);
            prop_assert!(apply(&unit, &change).is_ok());
        }
    }
}
