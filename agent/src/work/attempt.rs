//! One attempt at one unit: claims it, works on it, and records the outcome.

use sce_cloud::error::{PortError, PortResult};
use sce_cloud::ports::{Delivery, Put, PutMode};
use sce_cloud::retry::retry;
use sce_cloud::sealed::seal_bytes;
use sce_core::access::AccessRecord;
use sce_core::ids::OwnerId;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::run::RunChange;
use sce_core::study::StudySettings;
use sce_core::unit::{ObjectOutcome, Refused, Unit, UnitChange};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::worker::{ShutdownMode, Worker};

/// How often the write of an outcome is repeated while its result is unknown.
const RECORD_TRIES: u32 = 20;

/// Returns when the worker must stop and put its unit back.
async fn wait_for_stop(mut shutdown: watch::Receiver<ShutdownMode>) {
    if shutdown.wait_for(|mode| *mode == ShutdownMode::Stop).await.is_err() {
        // The sender is gone, so the mode cannot change any more.
        std::future::pending::<()>().await;
    }
}

/// The state of the unit after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    /// Its row is terminal.
    Terminal,
    /// It is pending again.
    PutBack,
    /// Another attempt holds it, or may hold it.
    NotMine,
}

impl Worker {
    /// Executes a planned claim of a unit and, if it succeeds, works on the
    /// unit.
    pub(super) async fn attempt(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
        claim: &UnitChange,
        delivery: Option<&Delivery>,
        shutdown: &watch::Receiver<ShutdownMode>,
    ) -> PortResult<Attempted> {
        let Some(unit) = self.claim(unit, owner, claim).await? else {
            return Ok(Attempted::NotMine);
        };
        if unit.state.is_terminal() {
            return Ok(Attempted::Terminal);
        }
        info!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, objects = unit.objects.len(), "claimed");
        // The first branch that completes drops the other two, at any of their awaits. That is
        // safe, because only the recorded outcome has an effect.
        tokio::select! {
            attempted = self.work_on(settings, &unit, owner) => attempted,
            end = self.keep_unit(&unit, delivery) => {
                warn!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, "lease {end:?}; unit dropped");
                Ok(Attempted::NotMine)
            }
            () = wait_for_stop(shutdown.clone()) => {
                self.record(&unit, owner, UnitChange::Stop { epoch: unit.epoch }).await
            }
        }
    }

    /// Claims the unit. Returns the claimed row, or the terminal one if the claim
    /// used up the unit's budget; `None` if another worker was faster.
    async fn claim(
        &self,
        unit: &Unit,
        owner: OwnerId,
        claim: &UnitChange,
    ) -> PortResult<Option<Unit>> {
        match self.ports.ledger.apply_unit(unit.id, claim).await {
            Ok(Ok(row)) => Ok(Some(row)),
            Ok(Err(Refused::CounterSpent)) => self.alarm(unit).await.map(|()| None),
            Ok(Err(_)) => self.reread_claim(unit, owner).await,
            Err(e) if e.is_transient() => self.reread_claim(unit, owner).await,
            Err(e) => Err(e),
        }
    }

    /// Reads the row after a lost response or a refusal. Either can hide a claim
    /// of our own that succeeded.
    async fn reread_claim(&self, unit: &Unit, owner: OwnerId) -> PortResult<Option<Unit>> {
        let row = retry(|| self.ports.ledger.unit(unit.id)).await?;
        // The owner is fresh for each claim, so a row with this owner and the next epoch can only
        // be ours.
        let ours = |row: &Unit| {
            row.is_held_by(unit.epoch.next(), owner)
                || (row.epoch == unit.epoch && row.state.is_terminal())
        };
        Ok(row.filter(ours))
    }

    async fn work_on(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
    ) -> PortResult<Attempted> {
        let change = match self.produce(settings, unit, owner).await {
            Ok((partial, outcomes)) => UnitChange::Commit {
                epoch: unit.epoch,
                partial,
                outcomes,
                requests: self.ports.counts.take(),
            },
            Err(e) => {
                warn!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, "attempt failed: {e}");
                unit.plan_error(e.to_string(), &self.rules.budgets)
            }
        };
        self.record(unit, owner, change).await
    }

    /// Does everything before the outcome: writes the access record, reads the
    /// objects and stores the sealed partial.
    async fn produce(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
    ) -> PortResult<(ObjectRef, Vec<ObjectOutcome>)> {
        self.record_access(settings, unit, owner).await?;
        let analysis = self.analyses.get(&self.ports, &self.pit, settings).await?;
        let (partial, outcomes) = self.read_objects(analysis.as_ref(), unit).await?;
        // The epoch in the key separates attempts: a late writer cannot touch our partial.
        let key = ObjectKey::partial(unit.id, unit.epoch);
        let put = retry(|| seal_bytes(&self.ports, &self.pit, &key, &partial, PutMode::IfAbsent));
        let partial = self.settle_put(Bucket::Output, &key, put.await?).await?;
        Ok((partial, outcomes))
    }

    /// Writes the access record. It is durable before the first byte of an object
    /// is fetched.
    async fn record_access(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
    ) -> PortResult<()> {
        let record = AccessRecord {
            schema_version: 1,
            at: self.ports.clock.now(),
            worker: self.id,
            machine: self.machine.clone(),
            owner,
            unit: unit.id,
            epoch: unit.epoch,
            key_name: self.ports.keys.key_name(),
            objects: settings.side_inputs.iter().chain(&unit.objects).cloned().collect(),
        };
        let permanent =
            |e| PortError::new(sce_cloud::error::Class::Permanent, "record access", unit.id, e);
        let bytes = record.render().map_err(permanent)?;
        let key = ObjectKey::access_record(unit.id, unit.epoch);
        retry(async || {
            let mut writer = self.ports.objects.create(Bucket::Logs, &key).await?;
            writer.write(&bytes).await?;
            // If it exists, it is our own put whose response was lost: the key has our epoch.
            writer.finish(PutMode::IfAbsent).await.map(drop)
        })
        .await
    }

    /// Returns the object that a put created. `Exists` can only be an earlier put
    /// of this attempt whose response was lost: the key has its epoch.
    pub(super) async fn settle_put(
        &self,
        bucket: Bucket,
        key: &ObjectKey,
        put: Put,
    ) -> PortResult<ObjectRef> {
        if let Put::Written(object) = put {
            return Ok(object);
        }
        let found = retry(|| self.ports.objects.head(bucket, key)).await?;
        found.ok_or_else(|| {
            PortError::new(sce_cloud::error::Class::Transient, "put object", key, "it disappeared")
        })
    }

    /// Records the attempt's outcome, also if responses are lost.
    async fn record(
        &self,
        unit: &Unit,
        owner: OwnerId,
        change: UnitChange,
    ) -> PortResult<Attempted> {
        let mut last = None;
        for _ in 0..RECORD_TRIES {
            match self.ports.ledger.apply_unit(unit.id, &change).await {
                Ok(Ok(row)) => return Ok(self.recorded(&row)),
                Ok(Err(Refused::CounterSpent)) => {
                    self.alarm(unit).await?;
                    return Ok(Attempted::NotMine);
                }
                Ok(Err(_)) => {}
                Err(e) if e.is_transient() => last = Some(e),
                Err(e) => return Err(e),
            }
            let Some(row) = retry(|| self.ports.ledger.unit(unit.id)).await? else {
                return Ok(Attempted::NotMine);
            };
            if !row.is_held_by(unit.epoch, owner) {
                // Not held, but our epoch: an earlier try succeeded and ended our hold.
                let mine = row.epoch == unit.epoch;
                return Ok(if mine { self.recorded(&row) } else { Attempted::NotMine });
            }
        }
        Err(last.unwrap_or_else(|| {
            PortError::new(sce_cloud::error::Class::Transient, "record outcome", unit.id, "refused")
        }))
    }

    fn recorded(&self, row: &Unit) -> Attempted {
        let quarantined = row.outcomes.iter().filter(|o| o.quarantined.is_some()).count();
        info!(worker = %self.id, unit = %row.id, epoch = %row.epoch, state = ?row.state, quarantined, "recorded");
        if row.state.is_terminal() { Attempted::Terminal } else { Attempted::PutBack }
    }

    /// Aborts the run because the ledger is inconsistent: the counter of
    /// remaining units would become negative.
    async fn alarm(&self, unit: &Unit) -> PortResult<()> {
        error!(worker = %self.id, unit = %unit.id, "remaining-unit counter would become negative; run aborted");
        let now = self.ports.clock.now();
        let reason = format!("the ledger is inconsistent at unit {}", unit.id);
        let abort = RunChange::Abort { now, reason };
        retry(|| self.ports.ledger.apply_run(unit.id.run, &abort)).await.map(drop)?;
        self.notify(unit.id.run).await
    }
}
