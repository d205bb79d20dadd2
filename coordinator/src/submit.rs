//! Submission: from a manifest to a released run.
//!
//! Every step may be repeated by anyone who has the same manifest: the run's
//! id is the digest of what it is, every put is conditional, and messages are
//! only hints. A submission that dies halfway is finished by repeating it.

use sce_cloud::error::{PortError, PortResult};
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_core::ids::{RunId, UnitId};
use sce_core::manifest::{Manifest, PlanDigest};
use sce_core::message::UnitMessage;
use sce_core::run::{Run, RunChange, shards};
use sce_core::study::StudySettings;
use sce_core::unit::Unit;

/// Units written, and messages sent, by one call.
const BATCH: usize = 500;
/// How often an unclear release is looked into.
const RELEASE_TRIES: u32 = 10;

/// What is to be submitted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Over which objects.
    pub manifest: Manifest,
    /// What to compute.
    pub study: StudySettings,
    /// Makes a repeated submission another run.
    pub again: Option<String>,
    /// How many workers a launch asks for; none where others work on the run.
    pub workers: u32,
}

/// Why a submission is refused.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A port fails.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The ledger has another run under the same id.
    #[error(
        "run {0} is another submission: the ledger is damaged or a digest collides; submit with --again"
    )]
    Mismatch(RunId),
}

impl Plan {
    /// The digest that names the run.
    pub fn digest(&self) -> PlanDigest {
        PlanDigest::of(&self.manifest, &self.study, self.again.as_deref())
    }
}

/// Submits and releases; answers the run's row, whoever had submitted it.
///
/// # Errors
/// A port fails, or the run's id is taken by another plan.
pub async fn submit(ports: &Ports, plan: &Plan) -> Result<Run, SubmitError> {
    let packed = plan.manifest.pack();
    let count = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    let objects = plan.manifest.objects().len() as u64;
    let digest = plan.digest();
    let draft = Run::draft(digest.clone(), plan.study.clone(), count, objects, ports.clock.now());
    let draft = Run { workers: plan.workers, ..draft };
    let row = retry(|| ports.ledger.put_run(&draft)).await?;
    if row.plan_digest != digest {
        return Err(SubmitError::Mismatch(row.id));
    }
    if row.has_ended() {
        return Ok(row);
    }
    let units: Vec<Unit> = (0..count)
        .zip(packed)
        .map(|(index, objects)| {
            Unit::pending(UnitId { run: row.id, index }, objects, index % shards(count))
        })
        .collect();
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

/// Releases a draft, once; a repeat finds it released.
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
        let row = retry(|| ports.ledger.run(draft.id)).await?;
        if let Some(row) = row.filter(|row| row.released_at.is_some() || row.has_ended()) {
            return Ok(row);
        }
    }
    Err(last.unwrap_or_else(|| {
        PortError::new(sce_cloud::error::Class::Permanent, "release run", draft.id, "refused")
    }))
}
