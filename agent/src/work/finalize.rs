//! The finalizer: a worker that finds every unit of a run terminal merges the
//! partials and delivers the results.

use std::collections::BTreeMap;
use std::io::Read;

use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::ports::PutMode;
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, SealedWriter, open_bytes};
use sce_core::ids::{Epoch, OwnerId, RunId};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::run::{Counts, Report, Run, RunChange};
use sce_core::unit::{Unit, UnitState};
use sce_study::{
    Deliverable, FoldLimits, InputFact, InputOutcome, PARTIAL_BYTES_MAX, Release, RunFacts,
};
use tracing::{info, warn};

use super::blocking::run_blocking;
use super::worker::{PAGE, Worker};

/// Most partials held before they are merged into one, whatever their size.
const PARTIALS_MAX: usize = 64;
/// Bytes of a result that are sealed at a time.
const PIECE_BYTES: usize = 1 << 20;
/// How often the commit of the report is repeated while its result is unknown.
const COMMIT_TRIES: u32 = 20;

impl Worker {
    /// Finalizes a run if it is ready and no other worker does. Returns true if
    /// this worker ended the run.
    pub(super) async fn finalize(&self, run: RunId) -> PortResult<bool> {
        // Called after every unit: usually this one read is all, because units are left.
        if retry(|| self.ports.ledger.left(run)).await? > 0 {
            return Ok(false);
        }
        let row = retry(|| self.ports.ledger.run(run)).await?;
        let Some(row) = row.filter(Run::is_open) else {
            return Ok(false);
        };
        let owner = self.fresh_owner()?;
        let now = self.ports.clock.now();
        let (lease, budgets) = (&self.rules.lease, &self.rules.budgets);
        let Some(change) = row.plan_finalize(owner, now, lease, budgets) else {
            return Ok(false);
        };
        let Some(row) = self.take_final(&row, owner, &change).await? else {
            return Ok(false);
        };
        if !row.has_ended() {
            info!(worker = %self.id, %run, fin_epoch = %row.fin_epoch, "finalizes");
            let ended = tokio::select! {
                ended = self.finalize_and_commit(&row) => ended?,
                end = self.keep_final(run, row.fin_epoch) => {
                    warn!(worker = %self.id, %run, fin_epoch = %row.fin_epoch, "lease {end:?}; finalization dropped");
                    false
                }
            };
            if !ended {
                return Ok(false);
            }
        }
        self.notify(run).await?;
        Ok(true)
    }

    /// Claims the finalization. Returns the claimed row, or the ended one if the
    /// budget of finalizations was used up; `None` if another worker was faster.
    async fn take_final(
        &self,
        run: &Run,
        owner: OwnerId,
        change: &RunChange,
    ) -> PortResult<Option<Run>> {
        match self.ports.ledger.apply_run(run.id, change).await {
            Ok(Ok(row)) => return Ok(Some(row)),
            Err(e) if !e.is_transient() => return Err(e),
            Ok(Err(_)) | Err(_) => {}
        }
        // A refusal or a lost response can hide a claim of our own that succeeded.
        let row = retry(|| self.ports.ledger.run(run.id)).await?;
        Ok(row.filter(|row| row.is_finalized_by(run.fin_epoch.next(), owner)))
    }

    async fn finalize_and_commit(&self, run: &Run) -> PortResult<bool> {
        let (fin_epoch, now) = (run.fin_epoch, self.ports.clock.now());
        let change = match self.merge_and_deliver(run).await {
            Ok(report) => RunChange::CommitFinal { fin_epoch, report, now },
            // Not recorded: when the lease has ended, another finalizer tries again.
            Err(e) if e.is_transient() => return Err(e),
            Err(e) => RunChange::FailFinal { fin_epoch, reason: e.to_string(), now },
        };
        for _ in 0..COMMIT_TRIES {
            match self.ports.ledger.apply_run(run.id, &change).await {
                Ok(Ok(_)) => return Ok(true),
                Err(e) if !e.is_transient() => return Err(e),
                Ok(Err(_)) | Err(_) => {}
            }
            let row = retry(|| self.ports.ledger.run(run.id)).await?;
            match row {
                // Still ours and open: the commit did not arrive, so repeat it.
                Some(row) if !row.has_ended() && row.fin_epoch == fin_epoch => {}
                Some(row) => return Ok(row.has_ended() && row.fin_epoch == fin_epoch),
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Merges the partials named by the unit rows and delivers sealed results.
    async fn merge_and_deliver(&self, run: &Run) -> PortResult<Report> {
        let limits = FoldLimits { parts: PARTIALS_MAX, bytes: self.rules.load.partial_bytes };
        let mut fold = self.analyses.start(&run.study)?.fold(limits);
        // Sorted by object, so that the results do not depend on how objects were packed.
        let mut inputs = BTreeMap::new();
        let mut counts = Counts::default();
        let mut from = 0;
        while from < run.units {
            let page = retry(|| self.ports.ledger.units(run.id, from, PAGE)).await?;
            // Without this check, a missing row would make the loop endless.
            if page.is_empty() {
                return Err(permanent(run.id, "a unit's row is missing from the ledger"));
            }
            // A page has at most PAGE rows, so the conversion cannot fail.
            from += u32::try_from(page.len()).unwrap_or(PAGE);
            for unit in page {
                if let Some(partial) = unit.partial.as_ref() {
                    let bytes = self.fetch_partial(partial).await?;
                    let added = run_blocking(move || fold.add_encoded(&bytes).map(|()| fold));
                    fold = added.await.map_err(|e| permanent(&partial.key, e))?;
                }
                note_inputs(&unit, &mut inputs, &mut counts);
            }
        }
        let facts = RunFacts { run: run.id.to_string(), inputs: inputs.into_values().collect() };
        let delivered = run_blocking(move || fold.deliver(&facts)).await;
        let (mut deliverables, mut may_leave) = (Vec::new(), Vec::new());
        for one in delivered.map_err(|e| permanent(run.id, e))? {
            let sealed = self.deliver(run.id, run.fin_epoch, &one).await?;
            if one.release == Release::MayLeave {
                may_leave.push(sealed.key.clone());
            }
            deliverables.push(sealed);
        }
        Ok(Report { deliverables, may_leave, counts, requests: self.ports.counts.take() })
    }

    async fn deliver(
        &self,
        run: RunId,
        fin_epoch: Epoch,
        one: &Deliverable,
    ) -> PortResult<ObjectRef> {
        let key =
            ObjectKey::deliverable(run, fin_epoch, &one.name).map_err(|e| permanent(run, e))?;
        // Each try reads the content again from the start, because a part of it may have been
        // uploaded.
        let put = retry(async || {
            let unread = |e| PortError::new(Class::Transient, "read result", &key, e);
            let mut content = one.content.open().map_err(unread)?;
            let mut writer =
                SealedWriter::create(&self.ports, &self.pit, Bucket::Output, &key).await?;
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                match content.read(&mut piece).map_err(unread)? {
                    0 => break writer.finish(PutMode::IfAbsent).await,
                    some => writer.write(&piece[..some]).await?,
                }
            }
        });
        self.settle_put(Bucket::Output, &key, put.await?).await
    }

    async fn fetch_partial(&self, object: &ObjectRef) -> PortResult<Vec<u8>> {
        if object.size > PARTIAL_BYTES_MAX as u64 {
            return Err(permanent(&object.key, "the partial is larger than 1 GiB"));
        }
        retry(async || match open_bytes(&self.ports, &self.pit, Bucket::Output, object).await {
            Ok(bytes) => Ok(bytes),
            Err(OpenError::Port(e)) => Err(e),
            Err(e) => Err(permanent(&object.key, e)),
        })
        .await
    }
}

/// Adds the outcomes of a unit's objects.
fn note_inputs(unit: &Unit, inputs: &mut BTreeMap<String, InputFact>, counts: &mut Counts) {
    // Iterates over the unit's objects, not over its outcomes: a failed unit has none.
    let outcomes: BTreeMap<_, _> = unit.outcomes.iter().map(|o| (&o.key, o)).collect();
    for object in &unit.objects {
        counts.objects += 1;
        let known = outcomes.get(&object.key).filter(|_| unit.state == UnitState::Done);
        let (outcome, reason) = match known {
            Some(one) if one.quarantined.is_none() => {
                counts.analyzed += 1;
                counts.rows += one.rows;
                (InputOutcome::Analyzed, None)
            }
            Some(one) => {
                counts.quarantined += 1;
                (InputOutcome::Quarantined, one.quarantined.clone())
            }
            None => {
                counts.failed += 1;
                let reason = unit.reason.clone().unwrap_or_default();
                (InputOutcome::Failed, Some(format!("unit {}: {reason}", unit.id)))
            }
        };
        let object = object.key.to_string();
        inputs.insert(object.clone(), InputFact { object, outcome, reason });
    }
}

fn permanent(target: impl std::fmt::Display, cause: impl std::fmt::Display) -> PortError {
    PortError::new(Class::Permanent, "finalize", target, cause)
}
