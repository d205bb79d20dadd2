//! Renews a lease during the work, and detects when it is lost.

use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::ports::{Delivery, Verdict};
use sce_core::ids::{Epoch, RunId};
use sce_core::run::RunChange;
use sce_core::unit::{Unit, UnitChange};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::worker::Worker;

/// Why a lease ended. Nothing that the attempt has written has an effect then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseEnd {
    /// Another attempt has the lease, or the run has ended.
    Lost,
    /// No beat succeeded for too long: another attempt may have the lease.
    Fenced,
}

impl Worker {
    /// Renews the lease of a unit until it ends.
    pub(super) async fn keep_unit(&self, unit: &Unit, delivery: Option<&Delivery>) -> LeaseEnd {
        let lease = self.rules.lease;
        let beat = async || {
            let lease_until = self.ports.clock.now().after(lease.lease);
            let change =
                UnitChange::Beat { epoch: unit.epoch, lease_until, room: (self.measure)() };
            // The beat also reads the run: a canceled run ends the attempt without a message.
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

    /// Renews the lease of a finalization until it ends.
    pub(super) async fn keep_final(&self, run: RunId, fin_epoch: Epoch) -> LeaseEnd {
        let beat = async || {
            let until = self.ports.clock.now().after(self.rules.lease.lease);
            let change = RunChange::BeatFinal { fin_epoch, until };
            alive(self.ports.ledger.apply_run(run, &change).await)
        };
        self.keep(beat, async || {}).await
    }

    /// Calls `beat` every `beat_every` (sooner after a failure) until it returns
    /// false, or until none has succeeded for `fence_after`.
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
            // Measured from the start of the beat: the ledger may have written the lease any time
            // between then and the response.
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
                    warn!(worker = %self.id, "beat failed: {e}");
                    // The millisecond keeps the pause above 0 for the short leases of tests.
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
