//! Tending: what must happen to runs when no worker does it.
//!
//! `sce run` and `sce watch` tend while they wait; on AWS `sce reap` will, on
//! the bastion's timer. One pass may be repeated, and by several at once.

use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::notice::publish_end;
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_core::ids::{OwnerId, Pit};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::run::{LaunchIntent, Notice, Run, RunChange, RunStatus};
use sce_core::unit::{Refused, Unit, UnitState};

/// A draft this old has lost its submitter and is aborted.
const DRAFT_AGE: Duration = Duration::from_secs(24 * 3600);
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
    /// How many workers a launch asks for.
    pub workers: u32,
}

impl Tender<'_> {
    /// One pass over every run: old drafts are aborted, open launch intents
    /// resumed or dropped, a dead fleet is revived, ends are told.
    ///
    /// # Errors
    /// A port that fails for good, or for longer than retries last.
    pub async fn pass(&self) -> PortResult<()> {
        let ledger = &self.ports.ledger;
        let runs = retry(|| ledger.runs()).await?;
        for intent in retry(|| ledger.open_launches()).await? {
            let open = runs.iter().any(|run| run.id == intent.run && run.is_open());
            self.resume(&intent, open).await?;
        }
        for run in &runs {
            let now = self.ports.clock.now();
            if run.status == RunStatus::Draft && now.since(run.created_at) > DRAFT_AGE {
                let reason = "its submitter fell silent".to_owned();
                let abort = RunChange::Abort { now, reason };
                let _ = retry(|| ledger.apply_run(run.id, &abort)).await?;
            }
            if run.is_open() && self.workers > 0 {
                self.revive(run).await?;
            }
            if run.notice == Some(Notice::Pending) {
                publish_end(self.ports, self.pit, run.id).await?;
            }
        }
        Ok(())
    }

    /// Launches workers for a run that has something to do and nobody to do
    /// it; ends a run whose budgets of launches or finalizations are spent.
    async fn revive(&self, run: &Run) -> PortResult<()> {
        if !self.ports.fleet.live().await?.is_empty() || !self.has_work_now(run).await? {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let ledger = &self.ports.ledger;
        let (launch, workers) = (run.launches, self.workers);
        let change = RunChange::Launch { launch, workers };
        match retry(|| ledger.apply_run(run.id, &change)).await? {
            Ok(_) => self.resume(&LaunchIntent { run: run.id, launch, workers }, true).await,
            Err(Refused::Budget) => {
                let reason =
                    format!("{launch} launches did not bring it to its end; see the workers' logs");
                let abort = RunChange::Abort { now, reason };
                // Refused: it ended meanwhile.
                let _ = retry(|| ledger.apply_run(run.id, &abort)).await?;
                publish_end(self.ports, self.pit, run.id).await.map(drop)
            }
            Err(_) => Ok(()),
        }
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

    async fn resume(&self, intent: &LaunchIntent, open: bool) -> PortResult<()> {
        if open {
            self.ports.fleet.launch(intent).await?;
        }
        retry(|| self.ports.ledger.close_launch(intent)).await
    }
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
    publish_end(ports, pit, run.id).await?;
    Ok(Ok(()))
}
