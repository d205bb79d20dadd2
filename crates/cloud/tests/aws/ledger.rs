//! The ledger when responses are lost: a caller that reads again finds what it
//! did, and nothing is counted twice.

use std::sync::Arc;
use std::time::Duration;

use sce_cloud::aws::DynamoLedger;
use sce_cloud::error::Class;
use sce_cloud::ports::{Ledger, Verdict};
use sce_cloud::retry::retry;
use sce_core::ids::{Epoch, UnitId};
use sce_core::limits::Budgets;
use sce_core::run::{Run, RunChange, RunStatus};
use sce_core::unit::{Refused, Unit, UnitChange, UnitState};
use sce_testkit::{Emulator, Kind};
use tokio::sync::Barrier;

use crate::books::{NOW, claim, commit, draft, expired, lease, owner, release, units_of};
use crate::project::Project;
use crate::support::{ATTEMPTS, error, lost, start, struck};

/// Opens a new ledger behind the proxy, without faults.
pub async fn open() -> (Emulator, Project, DynamoLedger) {
    let (emulator, project) = start(Kind::Ministack).await;
    project.make_table().await;
    let ledger = door(&project);
    (emulator, project, ledger)
}

/// Opens the ledger like another process.
pub fn door(project: &Project) -> DynamoLedger {
    let (client, table) = (project.clients.dynamodb.clone(), project.resources.table());
    DynamoLedger::new(client, table, lease(), Budgets::default())
}

/// Checks that the answer fits what was done: the row, a refusal because the row has changed,
/// or a transient error.
fn check_answer<T: std::fmt::Debug + PartialEq>(
    what: &str,
    answer: Result<Verdict<T>, sce_cloud::error::PortError>,
    done: &T,
    answers_lost: i32,
) {
    match answer {
        Ok(Ok(row)) => assert_eq!(&row, done, "{what}"),
        Ok(Err(refused)) => {
            assert!(matches!(refused, Refused::MovedOn | Refused::Live), "{what}: {refused}");
        }
        Err(e) => {
            assert_eq!(e.class, Class::Transient, "{what}: {e}");
            assert_eq!(answers_lost, ATTEMPTS, "{what}: the client does not repeat: {e}");
        }
    }
}

/// Applies `before` to a unit, then `change`, whose response is lost once or each time.
async fn lose_unit_answers(name: &str, before: &[UnitChange], change: &UnitChange) {
    let (emulator, _project, ledger) = open().await;
    let operation = if change.counts_down() { "TransactWriteItems" } else { "PutItem" };
    for times in [1, ATTEMPTS] {
        let what = format!("{name}, {times} answers lost");
        let run = release(&ledger, &what, 3).await;
        let id = UnitId { run: run.id, index: 1 };
        for earlier in before {
            ledger.apply_unit(id, earlier).await.unwrap().unwrap();
        }
        let before = ledger.unit(id).await.unwrap().unwrap();
        let done: Unit = before.apply(change, &lease(), &Budgets::default()).unwrap();
        emulator.fault(&lost(operation, times));
        let answer = ledger.apply_unit(id, change).await;
        assert_eq!(struck(&emulator), i64::from(times), "{what}");
        check_answer(&what, answer, &done, times);
        // Read again, the row is changed; applied again, the change is refused.
        let row = ledger.unit(id).await.unwrap().unwrap();
        assert_eq!(row, done, "{what}");
        let left = 3 - u64::from(change.counts_down());
        assert_eq!(ledger.left(run.id).await.unwrap(), left, "{what}");
        assert_eq!(ledger.apply_unit(id, change).await.unwrap(), Err(Refused::MovedOn), "{what}");
        assert_eq!(ledger.left(run.id).await.unwrap(), left, "{what}: counted twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_is_lost_is_ours() {
    lose_unit_answers("claim", &[], &claim(0)).await;
    let lease_until = expired().after(lease().lease);
    let over = UnitChange::TakeOver {
        epoch: Epoch(1),
        beat: 0,
        now: expired(),
        owner: owner(2),
        lease_until,
    };
    lose_unit_answers("takeover", &[claim(0)], &over).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_whose_answer_is_lost_counts_once() {
    lose_unit_answers("commit", &[claim(0)], &commit(1)).await;
    let error = UnitChange::Error { epoch: Epoch(1), reason: "x".into() };
    lose_unit_answers("error", &[claim(0)], &error).await;
    let over = |epoch, n| UnitChange::TakeOver {
        epoch: Epoch(epoch),
        beat: 0,
        now: expired(),
        owner: owner(n),
        lease_until: NOW,
    };
    let before = [claim(0), over(1, 2), over(2, 3)];
    let give_up = UnitChange::GiveUp { epoch: Epoch(3), beat: 0, now: expired() };
    lose_unit_answers("give up", &before, &give_up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_run_whose_answer_is_lost_is_done_once() {
    let (emulator, _project, ledger) = open().await;
    let take = RunChange::TakeFinal { fin_epoch: Epoch(0), owner: owner(1), now: NOW, until: NOW };
    let launch = RunChange::Launch { launch: 0, workers: 2, now: NOW };
    for (name, times) in ["release", "launch", "final"].iter().flat_map(|n| [(n, 1), (n, ATTEMPTS)])
    {
        let what = format!("{name}, {times} answers lost");
        let (run, change): (Run, RunChange) = match *name {
            "release" => {
                let run = draft(&what, 11, NOW);
                ledger.put_run(&run).await.unwrap();
                ledger.put_units(&units_of(&run)).await.unwrap();
                let left = run.counters();
                (run, RunChange::Release { now: NOW, left })
            }
            "launch" => (release(&ledger, &what, 11).await, launch.clone()),
            _ => (release(&ledger, &what, 11).await, take.clone()),
        };
        let done = run.apply(&change, &lease(), &Budgets::default()).unwrap();
        emulator.fault(&lost("TransactWriteItems", times));
        let answer = ledger.apply_run(run.id, &change).await;
        assert_eq!(struck(&emulator), i64::from(times), "{what}");
        check_answer(&what, answer, &done, times);
        assert_eq!(ledger.run(run.id).await.unwrap().as_ref(), Some(&done), "{what}");
        assert_eq!(done.is_finalized_by(Epoch(1), owner(1)), *name == "final", "{what}");
        let again = ledger.apply_run(run.id, &change).await.unwrap();
        assert_eq!(again, Err(Refused::MovedOn), "{what}");
        assert_eq!(ledger.run(run.id).await.unwrap(), Some(done), "{what}");
        assert_eq!(ledger.left(run.id).await.unwrap(), 11, "{what}");
        let intents = ledger.open_launches().await.unwrap();
        let intents: Vec<_> = intents.iter().filter(|intent| intent.run == run.id).collect();
        assert_eq!(intents.len(), usize::from(*name == "launch"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_answers_are_lost_is_one() {
    let (emulator, _project, ledger) = open().await;
    let run = draft("", 40, NOW);
    emulator.fault(&lost("PutItem", 1));
    let later = draft("", 40, NOW.after(Duration::from_secs(5)));
    assert_eq!(ledger.put_run(&run).await.unwrap(), run);
    assert_eq!(ledger.put_run(&later).await.unwrap(), run);
    emulator.fault(&lost("PutItem", 9));
    let units = units_of(&run);
    retry(|| ledger.put_units(&units)).await.unwrap();
    assert_eq!(struck(&emulator), 9);
    assert_eq!(ledger.units(run.id, 0, 100).await.unwrap(), units);
}

/// Eight workers claim one unit while answers are lost and calls throttled.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_claims_wins_whatever_goes_wrong() {
    const RIVALS: u8 = 8;
    let (emulator, project, ledger) = open().await;
    let run = release(&ledger, "", 12).await;
    let mut winners_without_answer = 0;
    for index in 0..run.units {
        let id = UnitId { run: run.id, index };
        // The first writes of all: one of them is that of the winner.
        emulator.fault(&lost("PutItem", 3));
        emulator.fault(&error("GetItem", 400, "ThrottlingException", 4));
        let start = Arc::new(Barrier::new(RIVALS.into()));
        let rivals = (0..RIVALS).map(|n| {
            let (start, ledger) = (start.clone(), door(&project));
            tokio::spawn(async move {
                let claim =
                    UnitChange::Claim { epoch: Epoch(0), owner: owner(n), lease_until: NOW };
                start.wait().await;
                let answer = ledger.apply_unit(id, &claim).await;
                let answered = matches!(answer, Ok(Ok(_)));
                let row = ledger.unit(id).await.unwrap().unwrap();
                (answered, row.is_held_by(Epoch(1), owner(n)))
            })
        });
        let mut holders = 0;
        for rival in rivals.collect::<Vec<_>>() {
            let (answered, holds) = rival.await.unwrap();
            assert!(holds || !answered, "a rival got the answer that it won, and did not");
            holders += usize::from(holds);
            winners_without_answer += u32::from(holds && !answered);
        }
        assert_eq!(holders, 1);
        let row = ledger.unit(id).await.unwrap().unwrap();
        assert_eq!((row.state, row.epoch), (UnitState::Leased, Epoch(1)));
    }
    assert!(winners_without_answer > 0, "no winner's answer was lost");
    assert_eq!(ledger.run(run.id).await.unwrap().unwrap().status, RunStatus::Running);
}
