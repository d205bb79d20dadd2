//! The work loop of an agent, from its first poll until it leaves.
//!
//! Messages are hints; only the ledger decides. The loop takes one unit at a
//! time and does not prefetch. It has no state that matters, so it can be killed
//! at any await.

mod analyses;
mod attempt;
mod blocking;
mod finalize;
mod lease;
mod read;
mod reason;
mod worker;

use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::ports::Delivery;
use sce_cloud::retry::retry;
use sce_core::ids::OwnerId;
use sce_core::message::UnitMessage;
use sce_core::run::Run;
use sce_core::unit::Unit;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

pub(crate) use self::analyses::SIDE_INPUT_MAX_BYTES;
pub use self::analyses::StartedAnalyses;
use self::attempt::Attempted;
use self::worker::PAGE;
pub use self::worker::{LeaveReason, ShutdownMode, WorkRules, Worker};

/// Number of empty polls after which a worker looks for work in the ledger.
const EMPTY_POLLS: u32 = 3;

impl Worker {
    /// Works until there is nothing left to do, or until it is asked to leave.
    ///
    /// # Errors
    /// A port fails permanently, or for longer than retries last.
    pub async fn work(
        &self,
        mut shutdown: watch::Receiver<ShutdownMode>,
    ) -> PortResult<LeaveReason> {
        let born = Instant::now();
        let mut open = self.open_runs().await?;
        if open.is_empty() {
            return Ok(LeaveReason::NoOpenRun);
        }
        let mut empty = 0;
        while *shutdown.borrow() == ShutdownMode::Run && born.elapsed() < self.rules.lifetime {
            let visibility = self.rules.lease.visibility();
            // A poll waits up to 20 s on AWS; a shutdown must not wait for it.
            let received = tokio::select! {
                received = retry(|| self.ports.queue.receive(self.rules.poll, visibility)) => received?,
                _ = shutdown.changed() => continue,
            };
            if let Some(delivery) = received {
                empty = 0;
                self.take_delivery(&delivery, &shutdown).await?;
                continue;
            }
            empty += 1;
            if empty == 1 {
                // Listing the runs costs a request, so do it only when the queue becomes empty.
                open = self.open_runs().await?;
                if open.is_empty() {
                    return Ok(LeaveReason::NoOpenRun);
                }
            }
            // Messages can be lost or still invisible. Several polls pass before the ledger is
            // searched, because that reads many rows.
            if empty >= EMPTY_POLLS {
                empty = 0;
                if !self.take_from_ledger(&open, &shutdown).await? {
                    return Ok(LeaveReason::Idle);
                }
            }
        }
        Ok(LeaveReason::Asked)
    }

    async fn open_runs(&self) -> PortResult<Vec<Run>> {
        let runs = retry(|| self.ports.ledger.runs()).await?;
        Ok(runs.into_iter().filter(Run::is_open).collect())
    }

    /// Handles one message.
    async fn take_delivery(
        &self,
        delivery: &Delivery,
        shutdown: &watch::Receiver<ShutdownMode>,
    ) -> PortResult<()> {
        let message = match UnitMessage::parse(&delivery.body) {
            Ok(message) => message,
            Err(unreadable) => {
                warn!(worker = %self.id, "{unreadable} deleted");
                self.delete(delivery).await;
                return Ok(());
            }
        };
        let ledger = &self.ports.ledger;
        let run = retry(|| ledger.run(message.unit.run)).await?;
        let unit = retry(|| ledger.unit(message.unit)).await?;
        let (Some(run), Some(unit)) = (run, unit) else {
            warn!(worker = %self.id, unit = %message.unit, "message names an unknown unit; deleted");
            self.delete(delivery).await;
            return Ok(());
        };
        if run.has_ended() || unit.state.is_terminal() {
            self.delete(delivery).await;
            return Ok(());
        }
        // A fresh owner for each claim distinguishes our own claims from each other, too.
        let owner = self.fresh_owner()?;
        let now = self.ports.clock.now();
        let claim = unit.plan_claim(owner, now, &self.rules.lease, &self.rules.budgets);
        let attempted = match claim {
            Some(claim) if run.is_open() => {
                self.attempt(&run.study, &unit, owner, &claim, Some(delivery), shutdown).await?
            }
            _ => Attempted::NotMine,
        };
        match attempted {
            // Deleted only now that the ledger has the outcome: a message that is lost earlier
            // would leave its unit to the search of the ledger.
            Attempted::Terminal => {
                self.delete(delivery).await;
                self.finalize(run.id).await?;
            }
            // Visible at once, so that another worker can take the unit.
            Attempted::PutBack => self.extend(delivery, Duration::ZERO).await,
            Attempted::NotMine => {
                // Comes back when the other's lease has ended, in case it dies.
                let until = unit.lease_until.max(now);
                self.extend(delivery, self.rules.lease.put_back_for(until, now)).await;
            }
        }
        Ok(())
    }

    /// Looks for work without a message: a claimable unit of an open run, or
    /// else a run to finalize. Returns false if there is neither.
    async fn take_from_ledger(
        &self,
        open: &[Run],
        shutdown: &watch::Receiver<ShutdownMode>,
    ) -> PortResult<bool> {
        for run in open {
            // The list may be several polls old.
            let row = retry(|| self.ports.ledger.run(run.id)).await?;
            let Some(run) = row.filter(Run::is_open) else { continue };
            let run = &run;
            let owner = self.fresh_owner()?;
            if let Some(unit) = self.find_claimable(run, owner).await? {
                let now = self.ports.clock.now();
                let claim = unit.plan_claim(owner, now, &self.rules.lease, &self.rules.budgets);
                if let Some(claim) = claim {
                    let attempted =
                        self.attempt(&run.study, &unit, owner, &claim, None, shutdown).await?;
                    if attempted == Attempted::Terminal {
                        self.finalize(run.id).await?;
                    }
                }
                return Ok(true);
            }
            if self.finalize(run.id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds a claimable unit of a run. The search starts at a random unit, so
    /// that idle workers do not all claim the same one.
    async fn find_claimable(&self, run: &Run, owner: OwnerId) -> PortResult<Option<Unit>> {
        let bytes = self.ports.random_id()?;
        let start = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) % run.units.max(1);
        for (from, end) in [(start, run.units), (0, start)] {
            let mut from = from;
            while from < end {
                let limit = PAGE.min(end - from);
                let page = retry(|| self.ports.ledger.units(run.id, from, limit)).await?;
                let now = self.ports.clock.now();
                let (lease, budgets) = (&self.rules.lease, &self.rules.budgets);
                let claimable = |unit: &Unit| unit.plan_claim(owner, now, lease, budgets).is_some();
                if let Some(unit) = page.into_iter().find(claimable) {
                    return Ok(Some(unit));
                }
                from += limit;
            }
        }
        Ok(None)
    }

    /// Deletes a message. A failure is harmless: the message is delivered again
    /// and then deleted.
    async fn delete(&self, delivery: &Delivery) {
        if let Err(e) = retry(|| self.ports.queue.delete(&delivery.receipt)).await {
            warn!(worker = %self.id, "{e}");
        }
    }

    /// Changes when a message is delivered again. A failure is harmless: it is
    /// then delivered at another time.
    async fn extend(&self, delivery: &Delivery, by: Duration) {
        if let Err(e) = self.ports.queue.extend(&delivery.receipt, by).await {
            warn!(worker = %self.id, "{e}");
        }
    }
}
