//! What every ledger must do with single rows, counters and intents.

use std::time::Duration;

use sce_cloud::ports::Ledger;
use sce_core::ids::{Epoch, RunId, UnitId};
use sce_core::requests::Requests;
use sce_core::run::{Launch, LaunchIntent, Run, RunChange, RunStatus, Started};
use sce_core::time::Timestamp;
use sce_core::unit::{ObjectOutcome, Refused, Unit, UnitChange, UnitState};

use crate::books::{NOW, claim, commit, draft, expired, object, owner, release, units_of};
use crate::candidates::{Candidate, every, lease};

type Books = Candidate<dyn Ledger>;

every!(ledgers holds
    a_late_put_changes_nothing release_sets_the_counters_once
    every_terminal_change_counts_down_once a_spent_counter_refuses_the_change
    absent_rows_are_reported units_come_in_order_and_pages
    runs_come_newest_first launch_intents_open_and_close odd_texts_come_back);

async fn change(
    ledger: &dyn Ledger,
    run: &Run,
    index: u32,
    change: UnitChange,
) -> Result<Unit, Refused> {
    ledger.apply_unit(UnitId { run: run.id, index }, &change).await.unwrap()
}

async fn a_late_put_changes_nothing(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 2).await;
    change(ledger, &run, 0, claim(0)).await.unwrap();
    let done = change(ledger, &run, 0, commit(1)).await.unwrap();
    let late = &*candidate.doors[1];
    let answered = late.put_run(&draft("", 2, NOW.after(Duration::from_secs(9)))).await.unwrap();
    assert_eq!(answered, run, "a repeated put answers the row that is there");
    late.put_units(&units_of(&run)).await.unwrap();
    assert_eq!(ledger.run(run.id).await.unwrap(), Some(run));
    assert_eq!(ledger.unit(done.id).await.unwrap(), Some(done));
}

async fn release_sets_the_counters_once(candidate: &Books) {
    let ledger = candidate.port();
    let run = draft("", 11, NOW);
    ledger.put_run(&run).await.unwrap();
    ledger.put_units(&units_of(&run)).await.unwrap();
    assert_eq!(ledger.left(run.id).await.unwrap(), 0);
    let release = RunChange::Release { now: NOW, left: run.counters() };
    assert_eq!(
        ledger.apply_run(run.id, &release).await.unwrap().unwrap().status,
        RunStatus::Running
    );
    assert_eq!(ledger.left(run.id).await.unwrap(), 11);
    change(ledger, &run, 0, claim(0)).await.unwrap();
    change(ledger, &run, 0, commit(1)).await.unwrap();
    for door in &candidate.doors {
        let again = door.apply_run(run.id, &release).await.unwrap();
        assert_eq!(again, Err(Refused::MovedOn));
        assert_eq!(door.left(run.id).await.unwrap(), 10);
    }
}

/// Brings unit `index` of a run to the point where one more change ends it.
async fn wear_out(ledger: &dyn Ledger, run: &Run, index: u32, by_errors: bool) -> u32 {
    let mut epoch = 1;
    change(ledger, run, index, claim(0)).await.unwrap();
    for _ in 0..2 {
        let e = Epoch(epoch);
        if by_errors {
            let error = UnitChange::Error { epoch: e, reason: "disk".into() };
            change(ledger, run, index, error).await.unwrap();
            change(ledger, run, index, claim(epoch)).await.unwrap();
        } else {
            let lease_until = NOW.after(lease().lease);
            let over = UnitChange::TakeOver {
                epoch: e,
                beat: 0,
                now: expired(),
                owner: owner(2),
                lease_until,
            };
            change(ledger, run, index, over).await.unwrap();
        }
        epoch += 1;
    }
    epoch
}

async fn every_terminal_change_counts_down_once(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 3).await;
    let mut left = 3;
    for index in 0..3 {
        let epoch = wear_out(ledger, &run, index, index == 1).await;
        assert_eq!(ledger.left(run.id).await.unwrap(), left, "what is not terminal counts nothing");
        let e = Epoch(epoch);
        let (end, state) = match index {
            0 => (UnitChange::GiveUp { epoch: e, beat: 0, now: expired() }, UnitState::Failed),
            1 => (UnitChange::Fail { epoch: e, reason: "disk".into() }, UnitState::Failed),
            _ => (commit(epoch), UnitState::Done),
        };
        assert_eq!(change(ledger, &run, index, end.clone()).await.unwrap().state, state);
        left -= 1;
        // The same change from elsewhere, like after a lost response.
        assert_eq!(change(&*candidate.doors[1], &run, index, end).await, Err(Refused::MovedOn));
        assert_eq!(ledger.left(run.id).await.unwrap(), left);
    }
}

async fn a_spent_counter_refuses_the_change(candidate: &Books) {
    let ledger = candidate.port();
    let run = draft("", 2, NOW);
    ledger.put_run(&run).await.unwrap();
    ledger.put_units(&units_of(&run)).await.unwrap();
    // The release sets one counter to 0 and does not set the other.
    let release = RunChange::Release { now: NOW, left: vec![0] };
    ledger.apply_run(run.id, &release).await.unwrap().unwrap();
    for index in 0..2 {
        let leased = change(ledger, &run, index, claim(0)).await.unwrap();
        assert_eq!(change(ledger, &run, index, commit(1)).await, Err(Refused::CounterSpent));
        assert_eq!(ledger.unit(leased.id).await.unwrap(), Some(leased));
        assert_eq!(ledger.left(run.id).await.unwrap(), 0);
    }
}

async fn absent_rows_are_reported(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 1).await;
    let nowhere = RunId::new([9; 8]);
    assert_eq!(ledger.run(nowhere).await.unwrap(), None);
    assert_eq!(ledger.units(nowhere, 0, 10).await.unwrap(), vec![]);
    assert_eq!(ledger.left(nowhere).await.unwrap(), 0);
    let cancel = RunChange::Cancel { now: NOW };
    assert_eq!(ledger.apply_run(nowhere, &cancel).await.unwrap(), Err(Refused::Absent));
    for id in [UnitId { run: nowhere, index: 0 }, UnitId { run: run.id, index: 1 }] {
        assert_eq!(ledger.unit(id).await.unwrap(), None);
        assert_eq!(ledger.apply_unit(id, &claim(0)).await.unwrap(), Err(Refused::Absent));
    }
}

async fn units_come_in_order_and_pages(candidate: &Books) {
    let ledger = candidate.port();
    let run = draft("", 230, NOW);
    // Units of another run in the same table.
    release(ledger, "other", 5).await;
    let mut units = units_of(&run);
    units.reverse();
    ledger.put_units(&units).await.unwrap();
    units.reverse();
    let mut read = Vec::new();
    loop {
        let from = u32::try_from(read.len()).unwrap();
        let page = ledger.units(run.id, from, 100).await.unwrap();
        assert!(page.len() <= 100);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, units);
    assert_eq!(ledger.units(run.id, 7, 1).await.unwrap(), units[7..8]);
}

async fn runs_come_newest_first(candidate: &Books) {
    let ledger = candidate.port();
    assert_eq!(ledger.runs().await.unwrap(), vec![]);
    for (again, at) in [("a", 3), ("b", 1), ("c", 2)] {
        ledger.put_run(&draft(again, 0, Timestamp(at))).await.unwrap();
    }
    // A change does not make a run newer.
    let oldest = draft("b", 0, Timestamp(1)).id;
    ledger.apply_run(oldest, &RunChange::Cancel { now: NOW }).await.unwrap().unwrap();
    let order: Vec<_> = ledger.runs().await.unwrap().iter().map(|run| run.created_at.0).collect();
    assert_eq!(order, [3, 2, 1]);
}

async fn launch_intents_open_and_close(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 1).await;
    let launch = |launch| RunChange::Launch { launch, workers: 5, now: NOW };
    let intent = |launch| LaunchIntent { run: run.id, launch, workers: 5 };
    assert_eq!(ledger.open_launches().await.unwrap(), vec![]);
    assert_eq!(ledger.apply_run(run.id, &launch(1)).await.unwrap(), Err(Refused::MovedOn));
    assert_eq!(ledger.open_launches().await.unwrap(), vec![], "a refused launch leaves no intent");
    assert_eq!(ledger.apply_run(run.id, &launch(0)).await.unwrap().unwrap().launches, 1);
    assert_eq!(ledger.apply_run(run.id, &launch(0)).await.unwrap(), Err(Refused::MovedOn));
    ledger.apply_run(run.id, &launch(1)).await.unwrap().unwrap();
    assert_eq!(candidate.doors[1].open_launches().await.unwrap(), [intent(0), intent(1)]);
    for (workers, door) in (3..).zip(&candidate.doors) {
        let started = Started { workers, machine: "m5.large".into(), at: Some(NOW) };
        door.close_launch(&intent(0), &started).await.unwrap();
        assert_eq!(ledger.open_launches().await.unwrap(), [intent(1)]);
    }
    // The first result is kept.
    let first = Started { workers: 3, machine: "m5.large".into(), at: Some(NOW) };
    let launches = [
        Launch { intent: intent(0), asked_at: NOW, started: Some(first) },
        Launch { intent: intent(1), asked_at: NOW, started: None },
    ];
    assert_eq!(ledger.launches(run.id).await.unwrap(), launches);
    assert_eq!(ledger.launches(RunId::new([9; 8])).await.unwrap(), []);
    for n in 2..10 {
        ledger.apply_run(run.id, &launch(n)).await.unwrap().unwrap();
    }
    assert_eq!(ledger.apply_run(run.id, &launch(10)).await.unwrap(), Err(Refused::Budget));
}

async fn odd_texts_come_back(candidate: &Books) {
    let ledger = candidate.port();
    for odd in ["", "it's \"quoted\"; DROP TABLE units --", "Größe\n\t\u{0}\u{1F4A9} {} %s"] {
        let run = release(ledger, odd, 1).await;
        change(ledger, &run, 0, claim(0)).await.unwrap();
        let outcome =
            ObjectOutcome { key: object("a").key, quarantined: Some(odd.into()), rows: u64::MAX };
        let outcomes = vec![outcome];
        let commit = UnitChange::Commit {
            epoch: Epoch(1),
            partial: object("p"),
            outcomes: outcomes.clone(),
            requests: Requests::from([(odd.to_owned(), u64::MAX)]),
        };
        let done = change(ledger, &run, 0, commit).await.unwrap();
        assert_eq!(done.outcomes, outcomes);
        assert_eq!(ledger.unit(done.id).await.unwrap(), Some(done));
    }
}
