//! Tests of every transition of a run from every status.

use std::time::Duration;

use super::*;
use crate::manifest::Manifest;

const NOW: Timestamp = Timestamp(1_000_000);
const LEASE: Duration = Duration::from_secs(60);

fn owner(n: u8) -> OwnerId {
    OwnerId::new([n; 8])
}

fn draft() -> Run {
    let study = StudySettings::default();
    let digest = PlanDigest::of(&Manifest::new(vec![]).unwrap(), &study, None);
    Run::draft(digest, study, 11, 11, NOW)
}

fn apply(run: &Run, change: &RunChange) -> Result<Run, Refused> {
    run.apply(change, &LeaseRules::of(LEASE), &Budgets::default())
}

fn running() -> Run {
    apply(&draft(), &RunChange::Release { now: NOW, left: draft().counters() }).unwrap()
}

fn take(fin_epoch: u32, now: Timestamp) -> RunChange {
    let fin_epoch = Epoch(fin_epoch);
    RunChange::TakeFinal { fin_epoch, owner: owner(1), now, until: now.after(LEASE) }
}

fn commit(fin_epoch: u32, failed: u64) -> RunChange {
    let counts = Counts { failed, ..Counts::default() };
    let report =
        Report { deliverables: vec![], may_leave: vec![], counts, requests: Requests::new() };
    RunChange::CommitFinal { fin_epoch: Epoch(fin_epoch), report, now: NOW }
}

#[test]
fn every_change_applies_where_it_should_and_nowhere_else() {
    let taken = apply(&running(), &take(0, NOW)).unwrap();
    let late = NOW.after(LEASE * 2);
    let worn = Run { fin_epoch: Epoch(3), ..taken.clone() };
    let done = apply(&taken, &commit(1, 0)).unwrap();
    let release = RunChange::Release { now: NOW, left: vec![] };
    let exhaust = |now| RunChange::ExhaustFinal { fin_epoch: Epoch(3), now };
    let launch = |launch| RunChange::Launch { launch, workers: 1, now: NOW };
    let beat = |epoch| RunChange::BeatFinal { fin_epoch: Epoch(epoch), until: late };
    let cancel = RunChange::Cancel { now: NOW };
    let abort = RunChange::Abort { now: NOW, reason: "x".into() };
    let fail = RunChange::FailFinal { fin_epoch: Epoch(1), reason: "x".into(), now: NOW };
    use RunStatus::{Aborted, Canceled, Done, Failed, Running};
    for (name, run, change, expected) in [
        ("release draft", draft(), release.clone(), Ok(Running)),
        ("release twice", running(), release, Err(Refused::MovedOn)),
        ("finalize draft", draft(), take(0, NOW), Err(Refused::MovedOn)),
        ("finalize running", running(), take(0, NOW), Ok(Running)),
        ("finalize with a live finalizer", taken.clone(), take(1, NOW), Err(Refused::Live)),
        ("finalize after a silent one", taken.clone(), take(1, late), Ok(Running)),
        ("finalize at a stale epoch", taken.clone(), take(0, late), Err(Refused::MovedOn)),
        ("finalize beyond the budget", worn.clone(), take(3, late), Err(Refused::Budget)),
        ("exhaust beyond the budget", worn.clone(), exhaust(late), Ok(Failed)),
        ("exhaust with a live one", worn, exhaust(NOW), Err(Refused::Live)),
        ("exhaust within the budget", taken.clone(), exhaust(late), Err(Refused::MovedOn)),
        ("beat mine", taken.clone(), beat(1), Ok(Running)),
        ("beat not mine", taken.clone(), beat(0), Err(Refused::MovedOn)),
        ("commit mine", taken.clone(), commit(1, 0), Ok(Done)),
        ("commit with failed units", taken.clone(), commit(1, 2), Ok(Failed)),
        ("commit not mine", taken.clone(), commit(2, 0), Err(Refused::MovedOn)),
        ("commit twice", done.clone(), commit(1, 0), Err(Refused::Ended)),
        ("fail mine", taken, fail, Ok(Failed)),
        ("cancel draft", draft(), cancel.clone(), Ok(Canceled)),
        ("cancel running", running(), cancel.clone(), Ok(Canceled)),
        ("cancel done", done.clone(), cancel, Err(Refused::Ended)),
        ("abort running", running(), abort.clone(), Ok(Aborted)),
        ("abort done", done.clone(), abort, Err(Refused::Ended)),
        ("launch running", running(), launch(0), Ok(Running)),
        ("launch a number twice", running(), launch(1), Err(Refused::MovedOn)),
        ("launch draft", draft(), launch(0), Err(Refused::MovedOn)),
        (
            "launch beyond the budget",
            Run { launches: 10, ..running() },
            launch(10),
            Err(Refused::Budget),
        ),
        ("launch ended", done.clone(), launch(0), Err(Refused::Ended)),
        ("notify of the end", done, RunChange::NoticeSent { kind: NoticeKind::End }, Ok(Done)),
        (
            "notify too early",
            running(),
            RunChange::NoticeSent { kind: NoticeKind::End },
            Err(Refused::MovedOn),
        ),
    ] {
        assert_eq!(apply(&run, &change).map(|run| run.status), expected, "{name}");
    }
}

#[test]
fn an_end_leaves_a_notice_and_one_end_wins() {
    let canceled = apply(&running(), &RunChange::Cancel { now: NOW }).unwrap();
    assert_eq!((canceled.notices.end, canceled.ended_at), (Some(Notice::Pending), Some(NOW)));
    let notified = apply(&canceled, &RunChange::NoticeSent { kind: NoticeKind::End }).unwrap();
    assert_eq!(notified.notices.end, Some(Notice::Sent));
    assert_eq!(
        apply(&notified, &RunChange::NoticeSent { kind: NoticeKind::End }),
        Err(Refused::MovedOn)
    );
}

#[test]
fn counters_hold_every_unit_once() {
    for units in [0, 1, 7, 8, 9, 1000] {
        let run = Run { units, ..draft() };
        let counters = run.counters();
        assert_eq!(counters.iter().sum::<u32>(), units);
        let of_shard = |shard| (0..units).filter(|index| index % run.shards() == shard).count();
        for (shard, left) in (0..).zip(&counters) {
            assert_eq!(of_shard(shard), *left as usize);
        }
    }
}

#[test]
fn a_finalization_is_planned_only_for_an_open_run_without_a_finalizer() {
    let (lease, budgets) = (LeaseRules::of(LEASE), Budgets::default());
    let plan = |run: &Run, now| run.plan_finalize(owner(2), now, &lease, &budgets);
    assert!(plan(&draft(), NOW).is_none());
    assert!(matches!(plan(&running(), NOW), Some(RunChange::TakeFinal { .. })));
    let taken = apply(&running(), &take(0, NOW)).unwrap();
    assert!(plan(&taken, NOW).is_none());
    let late = NOW.after(LEASE * 2);
    assert!(matches!(plan(&taken, late), Some(RunChange::TakeFinal { .. })));
    let worn = Run { fin_epoch: Epoch(3), ..taken };
    assert!(matches!(plan(&worn, late), Some(RunChange::ExhaustFinal { .. })));
}
