//! Any sequence of changes gives the same verdicts and rows in every ledger as
//! in the pure rules of `core`: an in-memory ledger that contains nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use sce_cloud::ports::{Ledger, Verdict};
use sce_core::ids::{Epoch, UnitId};
use sce_core::limits::Budgets;
use sce_core::notice::NoticeKind;
use sce_core::requests::Requests;
use sce_core::run::{Counts, LaunchIntent, Report, Run, RunChange};
use sce_core::time::Timestamp;
use sce_core::unit::{ObjectOutcome, Refused, Unit, UnitChange};

use crate::books::{NOW, draft, object, owner, units_of};
use crate::candidates::{lease, ledgers};

const UNITS: u32 = 3;

/// One step, relative to the row that it is applied to, so that most steps are valid.
#[derive(Debug, Clone)]
enum Step {
    Unit { index: u32, kind: u8, epochs_off: i32, beats_off: i32, seconds: u64 },
    Run { kind: u8, epochs_off: i32, seconds: u64 },
    PutAgain,
}

const ROOM: sce_core::room::Room = sce_core::room::Room { memory_mib: 1000, hipaa_mib: 2000 };

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly 0, the value of the row; otherwise a stale or a future value.
    let off = || prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)];
    // A lease is 12 s: before its end, within the margin, after.
    let seconds = || prop_oneof![Just(0u64), Just(5), Just(12), Just(13), Just(30)];
    let unit = (0..=UNITS, 0u8..12, off(), off(), seconds()).prop_map(
        |(index, kind, epochs_off, beats_off, seconds)| Step::Unit {
            index,
            kind,
            epochs_off,
            beats_off,
            seconds,
        },
    );
    let run = (0u8..20, off(), seconds()).prop_map(|(kind, epochs_off, seconds)| Step::Run {
        kind,
        epochs_off,
        seconds,
    });
    let step = prop_oneof![12 => unit, 5 => run, 1 => Just(Step::PutAgain)];
    prop::collection::vec(step, 1..60)
}

fn moved(value: u32, by: i32) -> u32 {
    value.saturating_add_signed(by)
}

/// Returns the change of a step for a row; `clock` is the time of the step.
fn unit_change(row: &Unit, step: &Step, clock: Timestamp) -> UnitChange {
    let Step::Unit { kind, epochs_off, beats_off, .. } = step else { unreachable!() };
    let (epoch, beat) = (Epoch(moved(row.epoch.0, *epochs_off)), moved(row.beat, *beats_off));
    let (now, lease_until) = (clock, clock.after(lease().lease));
    let (owner, reason) = (owner(*kind), format!("reason {kind}"));
    match kind {
        0..=2 => UnitChange::Claim { epoch, owner, lease_until },
        3 | 4 => UnitChange::TakeOver { epoch, beat, now, owner, lease_until },
        5 => UnitChange::GiveUp { epoch, beat, now },
        6 => UnitChange::Beat { epoch, lease_until, room: ROOM },
        7 => {
            let outcome =
                ObjectOutcome { key: object("a").key, quarantined: Some(reason.clone()), rows: 3 };
            UnitChange::Commit {
                epoch,
                partial: object("partial"),
                outcomes: vec![outcome],
                requests: Requests::from([(reason, 7)]),
            }
        }
        8 => UnitChange::Error { epoch, reason },
        9 => UnitChange::Fail { epoch, reason },
        10 => UnitChange::Stop { epoch },
        _ => UnitChange::Cancel,
    }
}

fn run_change(row: &Run, step: &Step, clock: Timestamp) -> RunChange {
    let Step::Run { kind, epochs_off, .. } = step else { unreachable!() };
    let fin_epoch = Epoch(moved(row.fin_epoch.0, *epochs_off));
    let (now, until) = (clock, clock.after(lease().lease));
    let counts = Counts { failed: u64::from(kind % 2), ..Counts::default() };
    let report = Report {
        deliverables: vec![object("report")],
        may_leave: vec![],
        counts,
        requests: Requests::new(),
    };
    match kind {
        0..=4 => RunChange::Release { now, left: row.counters() },
        5..=8 => RunChange::TakeFinal { fin_epoch, owner: owner(*kind), now, until },
        9 | 10 => RunChange::BeatFinal { fin_epoch, until },
        11 => RunChange::CommitFinal { fin_epoch, report, now },
        12 => RunChange::FailFinal { fin_epoch, reason: "spent".into(), now },
        13 => RunChange::ExhaustFinal { fin_epoch, now },
        14 => RunChange::Cancel { now },
        15 => RunChange::Abort { now, reason: "alarm".into() },
        16 => RunChange::NoticeSent { kind: NoticeKind::End },
        _ => RunChange::Launch { launch: moved(row.launches, *epochs_off), workers: 2, now },
    }
}

/// The ledger according to `core` alone.
struct Model {
    run: Run,
    units: BTreeMap<u32, Unit>,
    counters: BTreeMap<u32, u32>,
    launches: BTreeSet<u32>,
}

impl Model {
    fn new() -> Self {
        let run = draft("model", UNITS, NOW);
        let units = units_of(&run).into_iter().map(|unit| (unit.id.index, unit)).collect();
        Self { run, units, counters: BTreeMap::new(), launches: BTreeSet::new() }
    }

    fn apply_run(&mut self, change: &RunChange) -> Verdict<Run> {
        self.run = self.run.apply(change, &lease(), &Budgets::default())?;
        match change {
            RunChange::Release { left, .. } => self.counters = (0..).zip(left.clone()).collect(),
            RunChange::Launch { launch, .. } => drop(self.launches.insert(*launch)),
            _ => {}
        }
        Ok(self.run.clone())
    }

    fn apply_unit(&mut self, index: u32, change: &UnitChange) -> Verdict<Unit> {
        let row = self.units.get_mut(&index).ok_or(Refused::Absent)?;
        let after = row.apply(change, &lease(), &Budgets::default())?;
        if change.counts_down() {
            let left = self.counters.get_mut(&after.shard).filter(|left| **left > 0);
            *left.ok_or(Refused::CounterSpent)? -= 1;
        }
        *row = after.clone();
        Ok(after)
    }

    async fn assert_same(&self, ledger: &dyn Ledger) -> TestCaseResult {
        let id = self.run.id;
        let run = ledger.run(id).await.unwrap();
        prop_assert_eq!(run.as_ref(), Some(&self.run));
        let units: Vec<_> = self.units.values().cloned().collect();
        prop_assert_eq!(ledger.units(id, 0, 100).await.unwrap(), units);
        let left: u32 = self.counters.values().sum();
        prop_assert_eq!(ledger.left(id).await.unwrap(), u64::from(left));
        let intent = |&launch| LaunchIntent { run: id, launch, workers: 2 };
        let open: Vec<_> = self.launches.iter().map(intent).collect();
        prop_assert_eq!(ledger.open_launches().await.unwrap(), open);
        Ok(())
    }
}

async fn follow(doors: &[std::sync::Arc<dyn Ledger>], steps: &[Step]) -> TestCaseResult {
    let (mut model, mut clock) = (Model::new(), NOW);
    let submitted = Model::new();
    let put_units: Vec<_> = submitted.units.values().cloned().collect();
    doors[0].put_run(&submitted.run).await.unwrap();
    doors[0].put_units(&put_units).await.unwrap();
    for (n, step) in steps.iter().enumerate() {
        let ledger = &*doors[n % doors.len()];
        match step {
            Step::Unit { index, seconds, .. } => {
                clock = clock.after(std::time::Duration::from_secs(*seconds));
                let id = UnitId { run: model.run.id, index: *index };
                let met = model.units.get(index).unwrap_or(&put_units[0]);
                let change = unit_change(met, step, clock);
                let verdict = ledger.apply_unit(id, &change).await.unwrap();
                prop_assert_eq!(verdict, model.apply_unit(*index, &change), "{:?}", change);
            }
            Step::Run { seconds, .. } => {
                clock = clock.after(std::time::Duration::from_secs(*seconds));
                let change = run_change(&model.run, step, clock);
                let verdict = ledger.apply_run(model.run.id, &change).await.unwrap();
                prop_assert_eq!(verdict, model.apply_run(&change), "{:?}", change);
            }
            Step::PutAgain => {
                prop_assert_eq!(&ledger.put_run(&submitted.run).await.unwrap(), &model.run);
                ledger.put_units(&put_units).await.unwrap();
            }
        }
        model.assert_same(&*doors[(n + 1) % doors.len()]).await?;
    }
    Ok(())
}

#[test]
fn any_history_goes_as_the_rules_say() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config =
        ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let check = |steps: Vec<Step>| {
        for candidate in runtime.block_on(ledgers()) {
            runtime.block_on(follow(&candidate.doors, &steps))?;
        }
        Ok(())
    };
    TestRunner::new(config).run(&steps(), check).unwrap();
}
