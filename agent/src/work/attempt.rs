//! One attempt at one unit: claim, work, outcome.

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

use super::worker::{Wish, Worker};

/// How often an unanswered or unclear write of an outcome is looked into.
const RECORD_TRIES: u32 = 20;

/// Returns once somebody wants the worker to put its unit back.
async fn wished_to_stop(mut wish: watch::Receiver<Wish>) {
    if wish.wait_for(|wish| *wish == Wish::Stop).await.is_err() {
        // Nobody is left who could wish.
        std::future::pending::<()>().await;
    }
}

/// Where an attempt left its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    /// Its row was read as terminal.
    Terminal,
    /// Pending again.
    PutBack,
    /// Another attempt has it, or may have it.
    NotMine,
}

impl Worker {
    /// Claims a unit as planned and, if that succeeds, works on it.
    pub(super) async fn attempt(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
        claim: &UnitChange,
        delivery: Option<&Delivery>,
        wish: &watch::Receiver<Wish>,
    ) -> PortResult<Attempted> {
        let Some(unit) = self.claim(unit, owner, claim).await? else {
            return Ok(Attempted::NotMine);
        };
        if unit.state.is_terminal() {
            return Ok(Attempted::Terminal);
        }
        info!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, objects = unit.objects.len(), "claimed");
        tokio::select! {
            attempted = self.work_on(settings, &unit, owner) => attempted,
            end = self.keep_unit(&unit, delivery) => {
                warn!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, "lease {end:?}; dropped");
                Ok(Attempted::NotMine)
            }
            () = wished_to_stop(wish.clone()) => {
                self.record(&unit, owner, UnitChange::Stop { epoch: unit.epoch }).await
            }
        }
    }

    /// The claimed row (or the terminal one, where the claim gave it up);
    /// `None` if another was faster.
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

    /// No answer, or a refusal that a repeat of our own may have earned.
    async fn reread_claim(&self, unit: &Unit, owner: OwnerId) -> PortResult<Option<Unit>> {
        let row = retry(|| self.ports.ledger.unit(unit.id)).await?;
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
                warn!(worker = %self.id, unit = %unit.id, epoch = %unit.epoch, "attempt fails: {e}");
                unit.plan_error(e.to_string(), &self.rules.budgets)
            }
        };
        self.record(unit, owner, change).await
    }

    /// Access record, objects, sealed partial: everything before the outcome.
    async fn produce(
        &self,
        settings: &StudySettings,
        unit: &Unit,
        owner: OwnerId,
    ) -> PortResult<(ObjectRef, Vec<ObjectOutcome>)> {
        self.record_access(settings, unit, owner).await?;
        let analysis = self.analyses.get(&self.ports, &self.pit, settings).await?;
        let (partial, outcomes) = self.read_objects(analysis.as_ref(), unit).await?;
        let key = ObjectKey::partial(unit.id, unit.epoch);
        let put = retry(|| seal_bytes(&self.ports, &self.pit, &key, &partial, PutMode::IfAbsent));
        let partial = self.settle_put(Bucket::Output, &key, put.await?).await?;
        Ok((partial, outcomes))
    }

    /// Durable before the first byte is fetched.
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
            // Exists: our own, its answer was lost; the key holds our epoch.
            writer.finish(PutMode::IfAbsent).await.map(drop)
        })
        .await
    }

    /// The object as it lies there now. `Exists` can only be this attempt's
    /// own earlier put, whose answer was lost: the key holds its epoch.
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
            PortError::new(sce_cloud::error::Class::Transient, "put object", key, "it vanished")
        })
    }

    /// Writes the attempt's outcome, however often the answer is lost.
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

    /// A counter would fall below nothing: the ledger contradicts itself.
    async fn alarm(&self, unit: &Unit) -> PortResult<()> {
        error!(worker = %self.id, unit = %unit.id, "a counter would fall below nothing; run aborted");
        let now = self.ports.clock.now();
        let reason = format!("ledger contradicts itself at unit {}", unit.id);
        let abort = RunChange::Abort { now, reason };
        retry(|| self.ports.ledger.apply_run(unit.id.run, &abort)).await.map(drop)?;
        self.notify(unit.id.run).await
    }
}
