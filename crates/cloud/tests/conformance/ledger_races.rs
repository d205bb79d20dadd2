//! What every ledger must do if several callers make a change at the same time,
//! each through its own connection: one wins.

use std::collections::BTreeSet;
use std::sync::Arc;

use sce_cloud::ports::Ledger;
use sce_core::ids::{Epoch, UnitId};
use sce_core::notice::NoticeKind;
use sce_core::requests::Requests;
use sce_core::run::{Counts, Report, RunChange, RunStatus};
use sce_core::unit::{Refused, UnitChange};
use tokio::sync::Barrier;

use crate::books::{NOW, claim, commit, draft, expired, owner, release, units_of};
use crate::candidates::{Candidate, every, lease};

type Books = Candidate<dyn Ledger>;

every!(ledgers holds
    one_claim_wins one_takeover_wins one_commit_wins one_finalization_wins one_end_wins
    one_launch_wins many_claims_and_commits_lose_nothing submissions_at_once_are_one);

const RIVALS: u8 = 8;

/// Runs `ask` for eight rivals at once, over all connections; returns the successes.
async fn contend<T, F>(candidate: &Books, ask: impl Fn(Arc<dyn Ledger>, u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Refused>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(usize::from(RIVALS)));
    let rivals = (0..RIVALS).map(|n| {
        let start = start.clone();
        let ask = ask(candidate.doors[usize::from(n) % candidate.doors.len()].clone(), n);
        tokio::spawn(async move {
            start.wait().await;
            ask.await
        })
    });
    let mut won = Vec::new();
    for rival in rivals.collect::<Vec<_>>() {
        won.extend(rival.await.unwrap());
    }
    won
}

/// Like [`contend`], with one change of the same unit each.
async fn contend_for_unit(
    candidate: &Books,
    id: UnitId,
    change: impl Fn(u8) -> UnitChange,
) -> usize {
    let ask = |ledger: Arc<dyn Ledger>, n| {
        let change = change(n);
        async move { ledger.apply_unit(id, &change).await.unwrap() }
    };
    let won = contend(candidate, ask).await;
    assert_eq!(candidate.port().unit(id).await.unwrap().as_ref(), won.first());
    won.len()
}

/// Like [`contend`], with one change of the same run each.
async fn contend_for_run(
    candidate: &Books,
    id: sce_core::ids::RunId,
    change: impl Fn(u8) -> RunChange,
) -> usize {
    let ask = |ledger: Arc<dyn Ledger>, n| {
        let change = change(n);
        async move { ledger.apply_run(id, &change).await.unwrap() }
    };
    let won = contend(candidate, ask).await;
    assert_eq!(candidate.port().run(id).await.unwrap().as_ref(), won.first());
    won.len()
}

async fn one_claim_wins(candidate: &Books) {
    let run = release(candidate.port(), "", 5).await;
    for index in 0..5 {
        let lease_until = NOW.after(lease().lease);
        let claim = |n| UnitChange::Claim { epoch: Epoch(0), owner: owner(n), lease_until };
        assert_eq!(contend_for_unit(candidate, UnitId { run: run.id, index }, claim).await, 1);
    }
}

async fn one_takeover_wins(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 1).await;
    let id = UnitId { run: run.id, index: 0 };
    ledger.apply_unit(id, &claim(0)).await.unwrap().unwrap();
    for epoch in [1, 2] {
        let over = |n| UnitChange::TakeOver {
            epoch: Epoch(epoch),
            beat: 0,
            now: expired(),
            owner: owner(n),
            lease_until: NOW,
        };
        assert_eq!(contend_for_unit(candidate, id, over).await, 1);
    }
    let give_up = |_| UnitChange::GiveUp { epoch: Epoch(3), beat: 0, now: expired() };
    assert_eq!(contend_for_unit(candidate, id, give_up).await, 1);
    assert_eq!(ledger.left(run.id).await.unwrap(), 0);
}

async fn one_commit_wins(candidate: &Books) {
    let ledger = candidate.port();
    let run = release(ledger, "", 3).await;
    let id = UnitId { run: run.id, index: 1 };
    ledger.apply_unit(id, &claim(0)).await.unwrap().unwrap();
    assert_eq!(contend_for_unit(candidate, id, |_| commit(1)).await, 1);
    assert_eq!(ledger.left(run.id).await.unwrap(), 2, "counted once");
}

async fn one_finalization_wins(candidate: &Books) {
    let run = release(candidate.port(), "", 0).await;
    let until = NOW.after(lease().lease);
    let take = |n| RunChange::TakeFinal { fin_epoch: Epoch(0), owner: owner(n), now: NOW, until };
    assert_eq!(contend_for_run(candidate, run.id, take).await, 1);
    let over = |n| {
        let now = expired();
        RunChange::TakeFinal {
            fin_epoch: Epoch(1),
            owner: owner(n),
            now,
            until: now.after(lease().lease),
        }
    };
    assert_eq!(contend_for_run(candidate, run.id, over).await, 1);
}

async fn one_end_wins(candidate: &Books) {
    let run = release(candidate.port(), "", 0).await;
    let take =
        RunChange::TakeFinal { fin_epoch: Epoch(0), owner: owner(1), now: NOW, until: expired() };
    candidate.port().apply_run(run.id, &take).await.unwrap().unwrap();
    let report = Report {
        deliverables: vec![],
        may_leave: vec![],
        counts: Counts::default(),
        requests: Requests::new(),
    };
    let end = |n: u8| match n % 4 {
        0 => RunChange::Cancel { now: NOW },
        1 => RunChange::Abort { now: NOW, reason: "x".into() },
        2 => RunChange::FailFinal { fin_epoch: Epoch(1), reason: "y".into(), now: NOW },
        _ => RunChange::CommitFinal { fin_epoch: Epoch(1), report: report.clone(), now: NOW },
    };
    assert_eq!(contend_for_run(candidate, run.id, end).await, 1);
    assert_eq!(
        contend_for_run(candidate, run.id, |_| RunChange::NoticeSent { kind: NoticeKind::End })
            .await,
        1
    );
}

async fn one_launch_wins(candidate: &Books) {
    let run = release(candidate.port(), "", 1).await;
    let launch = |n| RunChange::Launch { launch: 0, workers: u32::from(n), now: NOW };
    assert_eq!(contend_for_run(candidate, run.id, launch).await, 1);
    assert_eq!(candidate.port().open_launches().await.unwrap().len(), 1);
}

async fn many_claims_and_commits_lose_nothing(candidate: &Books) {
    const UNITS: u32 = 24;
    let run = release(candidate.port(), "", UNITS).await;
    let work = |ledger: Arc<dyn Ledger>, n| async move {
        let mut mine = Vec::new();
        for index in 0..UNITS {
            let id = UnitId { run: run.id, index };
            let claim = UnitChange::Claim { epoch: Epoch(0), owner: owner(n), lease_until: NOW };
            if ledger.apply_unit(id, &claim).await.unwrap().is_ok() {
                ledger.apply_unit(id, &commit(1)).await.unwrap()?;
                mine.push(index);
            }
        }
        Ok(mine)
    };
    let done = contend(candidate, work).await;
    assert_eq!(done.len(), usize::from(RIVALS), "a worker's commit was refused");
    let done: Vec<_> = done.into_iter().flatten().collect();
    assert_eq!(done.len(), UNITS as usize);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), UNITS as usize);
    assert_eq!(candidate.port().left(run.id).await.unwrap(), 0);
}

async fn submissions_at_once_are_one(candidate: &Books) {
    let run = draft("", 9, NOW);
    let submit = |ledger: Arc<dyn Ledger>, n: u8| {
        let run = draft("", 9, NOW.after(std::time::Duration::from_secs(n.into())));
        async move {
            let row = ledger.put_run(&run).await.unwrap();
            ledger.put_units(&units_of(&run)).await.unwrap();
            let left = run.counters();
            let released = ledger.apply_run(run.id, &RunChange::Release { now: NOW, left }).await;
            released.unwrap().map(|released| (row.created_at, released.created_at))
        }
    };
    let released = contend(candidate, submit).await;
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].0, released[0].1);
    let row = candidate.port().run(run.id).await.unwrap().unwrap();
    assert_eq!((row.status, row.created_at), (RunStatus::Running, released[0].0));
    assert_eq!(candidate.port().left(run.id).await.unwrap(), 9);
    assert_eq!(candidate.port().units(run.id, 0, 100).await.unwrap(), units_of(&run));
}
