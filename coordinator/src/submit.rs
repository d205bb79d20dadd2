//! Submission: from a manifest to a released run.
//!
//! Every step can be repeated with the same manifest: the run's id is the
//! digest of its content, every put is conditional, and messages are only
//! hints. Repeating a submission that was interrupted completes it.

use sce_cloud::error::{PortError, PortResult};
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_core::ids::{RunId, UnitId};
use sce_core::manifest::{Manifest, PlanDigest};
use sce_core::message::UnitMessage;
use sce_core::run::{Run, RunChange, shards};
use sce_core::study::StudySettings;
use sce_core::unit::Unit;

/// Units written, and messages sent, in one call.
const BATCH: usize = 500;
/// How often a release with an unknown result is repeated.
const RELEASE_TRIES: u32 = 10;

/// A run to submit.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The objects.
    pub manifest: Manifest,
    /// The analysis and its settings.
    pub study: StudySettings,
    /// A random text that makes a repeated submission another run.
    pub again: Option<String>,
    /// Number of workers per launch; 0 if other workers process the run.
    pub workers: u32,
}

/// Why a submission fails.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A port fails.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The ledger contains another run with the same id.
    #[error(
        "run {0} belongs to another submission: the ledger is damaged or two digests collide: submit with --again"
    )]
    Mismatch(RunId),
}

impl Plan {
    /// The digest from which the run's id is derived.
    pub fn digest(&self) -> PlanDigest {
        PlanDigest::of(&self.manifest, &self.study, self.again.as_deref())
    }
}

/// Submits and releases a run. Returns its row, also if it was submitted
/// before.
///
/// # Errors
/// A port fails, or another plan has the run's id.
pub async fn submit(ports: &Ports, plan: &Plan) -> Result<Run, SubmitError> {
    let packed = plan.manifest.pack();
    let count = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    let objects = plan.manifest.objects().len() as u64;
    let digest = plan.digest();
    let draft = Run::draft(digest.clone(), plan.study.clone(), count, objects, ports.clock.now());
    let draft = Run { workers: plan.workers, ..draft };
    // Returns the row that is in the ledger, which may be an earlier one with the same id.
    let row = retry(|| ports.ledger.put_run(&draft)).await?;
    if row.plan_digest != digest {
        return Err(SubmitError::Mismatch(row.id));
    }
    // Workers take no units of a run that has ended, so messages would only be deleted.
    if row.has_ended() {
        return Ok(row);
    }
    let units: Vec<Unit> = (0..count)
        .zip(packed)
        .map(|(index, objects)| {
            Unit::pending(UnitId { run: row.id, index }, objects, index % shards(count))
        })
        .collect();
    // All units are written before the release, because a worker deletes a message whose unit
    // has no row. Messages follow after it, because workers do not claim units of a draft.
    for batch in units.chunks(BATCH) {
        retry(|| ports.ledger.put_units(batch)).await?;
    }
    let row = release(ports, &row).await?;
    let bodies: Vec<String> = units.iter().map(|unit| UnitMessage::new(unit.id).render()).collect();
    for batch in bodies.chunks(BATCH) {
        retry(|| ports.queue.send(batch)).await?;
    }
    Ok(row)
}

/// Releases a draft. Does nothing if it is already released.
async fn release(ports: &Ports, draft: &Run) -> PortResult<Run> {
    let change = RunChange::Release { now: ports.clock.now(), left: draft.counters() };
    let mut last = None;
    for _ in 0..RELEASE_TRIES {
        match ports.ledger.apply_run(draft.id, &change).await {
            Ok(Ok(row)) => return Ok(row),
            Err(e) if !e.is_transient() => return Err(e),
            Ok(Err(_)) => {}
            Err(e) => last = Some(e),
        }
        // A refusal or a lost response may hide a release that succeeded: only the row decides.
        let row = retry(|| ports.ledger.run(draft.id)).await?;
        if let Some(row) = row.filter(|row| row.released_at.is_some() || row.has_ended()) {
            return Ok(row);
        }
    }
    Err(last.unwrap_or_else(|| {
        PortError::new(sce_cloud::error::Class::Permanent, "release run", draft.id, "refused")
    }))
}
