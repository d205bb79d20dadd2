//! The reconciler: does for runs what their workers left undone.
//!
//! `sce run` and `sce watch` reconcile while they wait; on AWS `sce reap` does
//! it as well, started by the bastion's timer. A pass can be repeated, and
//! several processes can run one at the same time.

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

use crate::plural::plural;

/// Age at which a draft is aborted, because its submitter must be gone.
const DRAFT_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long the worker that ended a run has to send the notice about its end.
const NOTICE_WAIT: Duration = Duration::from_secs(10);
/// Units read at a time.
const PAGE: u32 = 500;

/// Revives, finishes and cleans up runs.
pub struct Reconciler<'a> {
    /// The ports of the project.
    pub ports: &'a Ports,
    /// The project.
    pub pit: &'a Pit,
    /// The rules of leases.
    pub lease: LeaseRules,
    /// How often launches, units and finalizations may be repeated.
    pub budgets: Budgets,
    /// Number of workers of a launch for this one run; every other run gets as
    /// many as it was submitted with.
    pub workers: Option<(RunId, u32)>,
    /// How long a started worker may be missing from the list of workers.
    pub grace: Duration,
}

/// The result of a pass.
#[derive(Debug, Default)]
pub struct Passed {
    /// The live workers.
    pub live: Vec<Instance>,
    /// Failures that will be retried: one line each, with ids only.
    pub warnings: Vec<String>,
    /// Launches that cannot succeed until a user removes the cause.
    pub failed: Vec<(RunId, PortError)>,
}

impl Reconciler<'_> {
    /// Makes one pass over every run: aborts old drafts, resumes or drops open
    /// launch intents, ends runs whose finalizations are used up, starts new
    /// workers if none are left, and sends pending notices.
    ///
    /// # Errors
    /// A port fails permanently, or for longer than retries last.
    pub async fn pass(&self) -> PortResult<Passed> {
        let ledger = &self.ports.ledger;
        let mut passed = Passed::default();
        let mut waiting = BTreeSet::new();
        let runs = retry(|| ledger.runs()).await?;
        // Intents before the list of live workers, which then contains the workers of resumed
        // launches: otherwise a second fleet would be launched.
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
                let reason = "its submission was not completed within 24 hours".to_owned();
                let abort = RunChange::Abort { now, reason };
                // Refused: it was released or aborted in the meantime.
                let _ = retry(|| ledger.apply_run(run.id, &abort)).await?;
            }
            if run.is_open() && may_launch && !waiting.contains(&run.id) {
                // One fleet serves all runs, so at most one launch per pass is needed.
                may_launch = !self.revive(run, &mut passed).await?;
            }
            // The worker that ends a run sends the notice right afterwards. Wait for it, or users
            // would usually get the same mail twice.
            let is_worker_sending = !passed.live.is_empty()
                && run.ended_at.is_some_and(|at| now.since(at) < NOTICE_WAIT);
            let is_pending = is_due(run, NoticeKind::Start) || is_due(run, NoticeKind::End);
            if is_pending && !is_worker_sending {
                publish_pending(self.ports, self.pit, run.id).await?;
            }
            // Within the grace, an empty list does not prove that the last worker is gone.
            let settled = run.launched_at.is_none_or(|at| now.since(at) >= self.grace);
            if is_due(run, NoticeKind::Gone) && passed.live.is_empty() && settled {
                publish(self.ports, self.pit, run.id, NoticeKind::Gone).await?;
            }
        }
        Ok(passed)
    }

    /// Whether a launch succeeded so recently that its workers may not be
    /// listed yet.
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

    /// Launches workers for a run that has work but no worker (and returns
    /// true), or ends a run whose budgets are used up.
    async fn revive(&self, run: &Run, passed: &mut Passed) -> PortResult<bool> {
        let now = self.ports.clock.now();
        let workers = match self.workers {
            Some((id, workers)) if id == run.id => workers,
            _ => run.workers,
        };
        // A unit may still be leased to a worker that died. Launching before its lease has ended
        // would pay for workers that find nothing to do.
        if !self.has_work_now(run).await? {
            return Ok(false);
        }
        if let Some(change) = self.plan_end(run).await? {
            // Refused: it ended, or changed, in the meantime.
            let _ = retry(|| self.ports.ledger.apply_run(run.id, &change)).await?;
            publish_pending(self.ports, self.pit, run.id).await?;
            return Ok(false);
        }
        if workers == 0 {
            return Ok(false);
        }
        // The intent is written before the launch. Its number becomes the client token, so that
        // every process that resumes it repeats the same launch.
        let launch = run.launches;
        let change = RunChange::Launch { launch, workers, now };
        if retry(|| self.ports.ledger.apply_run(run.id, &change)).await?.is_ok() {
            let intent = LaunchIntent { run: run.id, launch, workers };
            self.resume(&intent, true, passed).await?;
            passed.live = retry(|| self.ports.fleet.live()).await?;
        }
        Ok(true)
    }

    /// The change that ends a run which further workers could not finish.
    async fn plan_end(&self, run: &Run) -> PortResult<Option<RunChange>> {
        let now = self.ports.clock.now();
        // Only asks what a worker would do; the owner is never written.
        let no_owner = OwnerId::new([0; 8]);
        if retry(|| self.ports.ledger.left(run.id)).await? == 0 {
            let change = run.plan_finalize(no_owner, now, &self.lease, &self.budgets);
            if let Some(RunChange::ExhaustFinal { .. }) = change {
                return Ok(change);
            }
        }
        if run.launches >= self.budgets.launches {
            let launches = plural(run.launches.into(), "launch");
            let reason = format!("it did not finish after {launches}: see the workers' logs");
            return Ok(Some(RunChange::Abort { now, reason }));
        }
        if run.launches == 0 {
            return Ok(None);
        }
        let failures = retry(|| self.ports.fleet.failures(run.id)).await?;
        let spent = failures.len() >= self.budgets.engine_failures as usize;
        let last = failures.last().filter(|_| spent);
        Ok(last.map(|last| {
            let workers = plural(failures.len() as u64, "worker");
            let reason = format!("{workers} died at boot; the last: {last}");
            RunChange::Abort { now, reason }
        }))
    }

    /// Whether a worker could claim a unit, or finalize the run, right now.
    async fn has_work_now(&self, run: &Run) -> PortResult<bool> {
        let now = self.ports.clock.now();
        let no_owner = OwnerId::new([0; 8]);
        if retry(|| self.ports.ledger.left(run.id)).await? == 0 {
            return Ok(run.plan_finalize(no_owner, now, &self.lease, &self.budgets).is_some());
        }
        let mut from = 0;
        while from < run.units {
            let page = retry(|| self.ports.ledger.units(run.id, from, PAGE)).await?;
            let claimable =
                |unit: &Unit| unit.plan_claim(no_owner, now, &self.lease, &self.budgets).is_some();
            if page.iter().any(claimable) {
                return Ok(true);
            }
            from += PAGE;
        }
        Ok(false)
    }

    /// Launches the workers of an intent, or drops the intent if its run has
    /// ended. After a failure (no capacity, throttling) the intent stays open
    /// for the next pass, and the result is false.
    async fn resume(
        &self,
        intent: &LaunchIntent,
        open: bool,
        passed: &mut Passed,
    ) -> PortResult<bool> {
        let mut started = Started::default();
        if open {
            // Not retried here: a lack of capacity lasts longer than retries, and the other runs
            // of this pass should not wait for it.
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
                    "launch {}: {} of {} started, no capacity for more",
                    intent.token(),
                    started.workers,
                    plural(intent.workers.into(), "worker")
                ));
            }
        }
        retry(|| self.ports.ledger.close_launch(intent, &started)).await.map(|()| true)
    }
}

fn is_due(run: &Run, kind: NoticeKind) -> bool {
    run.notices.of(kind) == Some(Notice::Pending)
}

/// Cancels a run for a user: no more units are handed out, and the workers
/// leave unless another run is open.
///
/// # Errors
/// A port fails. The inner result is an error if the run had already ended.
pub async fn cancel(ports: &Ports, pit: &Pit, run: &Run) -> PortResult<Result<(), Refused>> {
    let change = RunChange::Cancel { now: ports.clock.now() };
    if let Err(refused) = retry(|| ports.ledger.apply_run(run.id, &change)).await? {
        let row = retry(|| ports.ledger.run(run.id)).await?;
        // Already canceled, perhaps by an earlier try of this call whose response was lost:
        // continue, because the units may not be canceled yet.
        if row.is_none_or(|row| row.status != RunStatus::Canceled) {
            return Ok(Err(refused));
        }
    }
    let mut from = 0;
    while from < run.units {
        for unit in retry(|| ports.ledger.units(run.id, from, PAGE)).await? {
            if matches!(unit.state, UnitState::Pending | UnitState::Leased) {
                let cancel = sce_core::unit::UnitChange::Cancel;
                // Refused: it became terminal in the meantime.
                let _ = retry(|| ports.ledger.apply_unit(unit.id, &cancel)).await?;
            }
        }
        from += PAGE;
    }
    // Read after the change: workers of a run that was released meanwhile are spared.
    let runs = retry(|| ports.ledger.runs()).await?;
    if !runs.iter().any(Run::is_open) {
        for instance in ports.fleet.live().await? {
            ports.fleet.drain(&instance).await?;
        }
    }
    publish_pending(ports, pit, run.id).await?;
    Ok(Ok(()))
}
