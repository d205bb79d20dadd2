//! Keeping a lease while the work goes on, and knowing when it is lost.

use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::ports::{Delivery, Verdict};
use sce_core::ids::{Epoch, RunId};
use sce_core::run::RunChange;
use sce_core::unit::{Unit, UnitChange};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::worker::Worker;

/// Why the work is no longer ours to do. Whatever it has written is inert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseEnd {
    /// Another attempt has it, or the run has ended.
    Lost,
    /// No beat got through for too long: someone may have taken over.
    Fenced,
}

impl Worker {
    /// Beats for a unit until the lease is no longer ours.
    pub(super) async fn keep_unit(&self, unit: &Unit, delivery: Option<&Delivery>) -> LeaseEnd {
        let lease = self.rules.lease;
        let beat = async || {
            let lease_until = self.ports.clock.now().after(lease.lease);
            let change =
                UnitChange::Beat { epoch: unit.epoch, lease_until, room: (self.measure)() };
            let held = alive(self.ports.ledger.apply_unit(unit.id, &change).await)?;
            let run = self.ports.ledger.run(unit.id.run).await?;
            Ok(held && run.is_some_and(|run| run.is_open()))
        };
        let after = async || {
            if let Some(delivery) = delivery {
                self.extend(delivery, lease.visibility()).await;
            }
        };
        self.keep(beat, after).await
    }

    /// Beats for a finalization until it is no longer ours.
    pub(super) async fn keep_final(&self, run: RunId, fin_epoch: Epoch) -> LeaseEnd {
        let beat = async || {
            let until = self.ports.clock.now().after(self.rules.lease.lease);
            let change = RunChange::BeatFinal { fin_epoch, until };
            alive(self.ports.ledger.apply_run(run, &change).await)
        };
        self.keep(beat, async || {}).await
    }

    /// Calls `beat` each `beat_every` (sooner again after a failure) until it
    /// says no, or until none has got through for `fence_after`.
    async fn keep(
        &self,
        beat: impl AsyncFn() -> PortResult<bool>,
        after: impl AsyncFn(),
    ) -> LeaseEnd {
        let lease = self.rules.lease;
        let mut last = Instant::now();
        let mut pause = lease.beat_every;
        loop {
            sleep(pause).await;
            let began = Instant::now();
            let patience = (last + lease.fence_after).saturating_duration_since(began);
            match timeout(patience, beat()).await {
                Ok(Ok(true)) => {
                    (last, pause) = (began, lease.beat_every);
                    after().await;
                }
                Ok(Ok(false)) => return LeaseEnd::Lost,
                Err(_elapsed) => return LeaseEnd::Fenced,
                Ok(Err(e)) => {
                    warn!(worker = %self.id, "beat does not get through: {e}");
                    pause = lease.beat_every / 10 + Duration::from_millis(1);
                    if began.elapsed() + pause >= patience {
                        return LeaseEnd::Fenced;
                    }
                }
            }
        }
    }
}

fn alive<T>(verdict: PortResult<Verdict<T>>) -> PortResult<bool> {
    verdict.map(|verdict| verdict.is_ok())
}
