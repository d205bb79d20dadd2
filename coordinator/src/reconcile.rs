//! Tending: what must happen to runs when no worker does it.
//!
//! `sce run` and `sce watch` tend while they wait; on AWS `sce reap` does, on
//! the bastion's timer. One pass may be repeated, and by several at once.

use std::collections::BTreeSet;
use std::time::Duration;

use sce_cloud::error::{PortError, PortResult};
use sce_cloud::notice::{publish, publish_pending};
use sce_cloud::ports::{Instance, Ports};
use sce_cloud::retry::retry;
use sce_core::ids::{OwnerId, Pit, RunId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::notice::{Notice, NoticeKind};
use sce_core::run::{LaunchIntent, Run, RunChange, RunStatus, Started};
use sce_core::unit::{Refused, Unit, UnitState};

/// A draft this old has lost its submitter and is aborted.
const DRAFT_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long the worker that ended a run has to tell people of it.
const TELL_WAIT: Duration = Duration::from_secs(10);
/// Units read at a time.
const PAGE: u32 = 500;

/// Who tends, by which rules.
pub struct Tender<'a> {
    /// Everything outside.
    pub ports: &'a Ports,
    /// The project.
    pub pit: &'a Pit,
    /// Leases.
    pub lease: LeaseRules,
    /// Budgets.
    pub budgets: Budgets,
    /// How many workers a launch for this one run asks for; every other run
    /// gets as many as it was submitted with.
    pub workers: Option<(RunId, u32)>,
    /// How long started workers may take to be seen.
    pub grace: Duration,
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Passed {
    /// The live workers.
    pub live: Vec<Instance>,
    /// What did not succeed and will be tried again: a line each, ids only.
    pub warnings: Vec<String>,
    /// Launches that will not succeed before a person has seen to the cause.
    pub failed: Vec<(RunId, PortError)>,
}

impl Tender<'_> {
    /// One pass over every run: old drafts are aborted, open launch intents
    /// resumed or dropped, spent finalizations ended, a dead fleet is revived,
    /// people are told.
    ///
    /// # Errors
    /// A port that fails for good, or for longer than retries last.
    pub async fn pass(&self) -> PortResult<Passed> {
        let ledger = &self.ports.ledger;
        let mut passed = Passed::default();
        let mut waiting = BTreeSet::new();
        let runs = retry(|| ledger.runs()).await?;
        for intent in retry(|| ledger.open_launches()).await? {
            let open = runs.iter().any(|run| run.id == intent.run && run.is_open());
            if !self.resume(&intent, open, &mut passed).await? {
                waiting.insert(intent.run);
            }
        }
        passed.live = retry(|| self.ports.fleet.live()).await?;
        let mut may_launch = passed.live.is_empty() && !self.just_started(&runs).await?;
        for run in &runs {
            let now = self.ports.clock.now();
            if run.status == RunStatus::Draft && now.since(run.created_at) > DRAFT_AGE {
                let reason = "its submitter fell silent".to_owned();
                let abort = RunChange::Abort { now, reason };
                let _ = retry(|| ledger.apply_run(run.id, &abort)).await?;
            }
            if run.is_open() && may_launch && !waiting.contains(&run.id) {
                // One fleet serves all runs.
                may_launch = !self.revive(run, &mut passed).await?;
            }
            // The worker that ends a run tells of it in the same breath: only if
            // it fell silent in between is that left to a tender.
            let is_worker_telling =
                !passed.live.is_empty() && run.ended_at.is_some_and(|at| now.since(at) < TELL_WAIT);
            let is_pending = is_due(run, NoticeKind::Start) || is_due(run, NoticeKind::End);
            if is_pending && !is_worker_telling {
                publish_pending(self.ports, self.pit, run.id).await?;
            }
            let settled = run.launched_at.is_none_or(|at| now.since(at) >= self.grace);
            if is_due(run, NoticeKind::Gone) && passed.live.is_empty() && settled {
                publish(self.ports, self.pit, run.id, NoticeKind::Gone).await?;
            }
        }
        Ok(passed)
    }

    /// Did a launch succeed so lately that its workers may not be listed yet?
    async fn just_started(&self, runs: &[Run]) -> PortResult<bool> {
        let now = self.ports.clock.now();
        for run in runs.iter().filter(|run| run.is_open() && run.launches > 0) {
            let launches = retry(|| self.ports.ledger.launches(run.id)).await?;
            let mut started = launches.iter().filter_map(|launch| launch.started.as_ref()?.at);
            if started.any(|at| now.since(at) < self.grace) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Launches workers for a run that has something to do and nobody to do
    /// it (true), or ends a run whose budgets are spent.
    async fn revive(&self, run: &Run, passed: &mut Passed) -> PortResult<bool> {
        let now = self.ports.clock.now();
        let workers = match self.workers {
            Some((id, workers)) if id == run.id => workers,
            _ => run.workers,
        };
        if !self.has_work_now(run).await? {
            return Ok(false);
        }
        if let Some(change) = self.plan_end(run).await? {
            // Refused: it ended, or moved on, meanwhile.
            let _ = retry(|| self.ports.ledger.apply_run(run.id, &change)).await?;
            publish_pending(self.ports, self.pit, run.id).await?;
            return Ok(false);
        }
        if workers == 0 {
            return Ok(false);
        }
        let launch = run.launches;
        let change = RunChange::Launch { launch, workers, now };
        if retry(|| self.ports.ledger.apply_run(run.id, &change)).await?.is_ok() {
            let intent = LaunchIntent { run: run.id, launch, workers };
            self.resume(&intent, true, passed).await?;
            passed.live = retry(|| self.ports.fleet.live()).await?;
        }
        Ok(true)
    }

    /// The end of a run that no further worker would bring to its end.
    async fn plan_end(&self, run: &Run) -> PortResult<Option<RunChange>> {
        let now = self.ports.clock.now();
        let nobody = OwnerId::new([0; 8]);
        if retry(|| self.ports.ledger.left(run.id)).await? == 0 {
            let change = run.plan_finalize(nobody, now, &self.lease, &self.budgets);
            if let Some(RunChange::ExhaustFinal { .. }) = change {
                return Ok(change);
            }
        }
        if run.launches >= self.budgets.launches {
            let reason = format!(
                "{} launches did not bring it to its end; see the workers' logs",
                run.launches
            );
            return Ok(Some(RunChange::Abort { now, reason }));
        }
        if run.launches == 0 {
            return Ok(None);
        }
        let failures = retry(|| self.ports.fleet.failures(run.id)).await?;
        let spent = failures.len() >= self.budgets.engine_failures as usize;
        let last = failures.last().filter(|_| spent);
        Ok(last.map(|last| {
            let reason = format!("{} workers died at boot; the last: {last}", failures.len());
            RunChange::Abort { now, reason }
        }))
    }

    /// Is a unit claimable, or the run finalizable, at this moment?
    async fn has_work_now(&self, run: &Run) -> PortResult<bool> {
        let now = self.ports.clock.now();
        let nobody = OwnerId::new([0; 8]);
        if retry(|| self.ports.ledger.left(run.id)).await? == 0 {
            return Ok(run.plan_finalize(nobody, now, &self.lease, &self.budgets).is_some());
        }
        let mut from = 0;
        while from < run.units {
            let page = retry(|| self.ports.ledger.units(run.id, from, PAGE)).await?;
            let claimable =
                |unit: &Unit| unit.plan_claim(nobody, now, &self.lease, &self.budgets).is_some();
            if page.iter().any(claimable) {
                return Ok(true);
            }
            from += PAGE;
        }
        Ok(false)
    }

    /// Carries out an intent, or drops it where its run has ended. What may
    /// pass (no capacity, throttling) leaves it open for the next pass: false.
    async fn resume(
        &self,
        intent: &LaunchIntent,
        open: bool,
        passed: &mut Passed,
    ) -> PortResult<bool> {
        let mut started = Started::default();
        if open {
            match self.ports.fleet.launch(intent).await {
                Ok(workers) => {
                    started = Started { at: Some(self.ports.clock.now()), ..workers };
                }
                Err(e) if e.is_transient() => {
                    passed.warnings.push(e.to_string());
                    return Ok(false);
                }
                Err(e) => {
                    passed.failed.push((intent.run, e));
                    return Ok(false);
                }
            }
            if started.workers < intent.workers {
                passed.warnings.push(format!(
                    "launch {}: {} of {} workers started, there is no more room",
                    intent.token(),
                    started.workers,
                    intent.workers
                ));
            }
        }
        retry(|| self.ports.ledger.close_launch(intent, &started)).await.map(|()| true)
    }
}

fn is_due(run: &Run, kind: NoticeKind) -> bool {
    run.notices.of(kind) == Some(Notice::Pending)
}

/// Ends a run by a person's wish: no unit is taken any more, and workers leave
/// unless another run is open.
///
/// # Errors
/// A port fails. The answer inside says whether the run had ended already.
pub async fn cancel(ports: &Ports, pit: &Pit, run: &Run) -> PortResult<Result<(), Refused>> {
    let change = RunChange::Cancel { now: ports.clock.now() };
    if let Err(refused) = retry(|| ports.ledger.apply_run(run.id, &change)).await? {
        let row = retry(|| ports.ledger.run(run.id)).await?;
        // Canceled already, perhaps by this very call whose answer was lost:
        // what is left to do is done again.
        if row.is_none_or(|row| row.status != RunStatus::Canceled) {
            return Ok(Err(refused));
        }
    }
    let mut from = 0;
    while from < run.units {
        for unit in retry(|| ports.ledger.units(run.id, from, PAGE)).await? {
            if matches!(unit.state, UnitState::Pending | UnitState::Leased) {
                let cancel = sce_core::unit::UnitChange::Cancel;
                // Refused: it became terminal meanwhile.
                let _ = retry(|| ports.ledger.apply_unit(unit.id, &cancel)).await?;
            }
        }
        from += PAGE;
    }
    let runs = retry(|| ports.ledger.runs()).await?;
    if !runs.iter().any(Run::is_open) {
        for instance in ports.fleet.live().await? {
            ports.fleet.drain(&instance).await?;
        }
    }
    publish_pending(ports, pit, run.id).await?;
    Ok(Ok(()))
}
