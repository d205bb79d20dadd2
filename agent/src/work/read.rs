//! Reads the objects of a unit. Each is opened, checked and analyzed
//! separately, so that a defect quarantines only the object that has it.

use futures_util::stream::{self, StreamExt};
use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, open_object};
use sce_core::object::{Bucket, ObjectRef};
use sce_core::unit::{ObjectOutcome, Unit};
use sce_study::{Analysis, AnalysisError, FoldLimits, ObjectPart};
use tracing::warn;

use super::blocking::run_blocking;
use super::reason::permanent_reason;
use super::worker::Worker;

/// Longest reason stored in the ledger, in characters.
const REASON_MAX: usize = 300;

impl Worker {
    /// Returns the encoded partial of the unit's analyzed objects, and the
    /// outcome of every object.
    pub(super) async fn read_objects(
        &self,
        analysis: &dyn Analysis,
        unit: &Unit,
    ) -> PortResult<(Vec<u8>, Vec<ObjectOutcome>)> {
        let fail = |e: AnalysisError| PortError::new(class_of(&e), "analyze unit", unit.id, e);
        let mut fold = analysis.fold(FoldLimits::default());
        let mut outcomes = Vec::new();
        // `buffered` yields in the unit's order, whichever object is read first: the partial does
        // not depend on timing.
        let mut reads = stream::iter(&unit.objects)
            .map(async |object| (object, retry(|| self.read_object(analysis, object)).await))
            .buffered(self.rules.load.objects);
        while let Some((object, read)) = reads.next().await {
            let read = read?;
            let mut outcome = ObjectOutcome { key: object.key.clone(), quarantined: None, rows: 0 };
            match read {
                Ok(part) => {
                    outcome.rows = part.rows;
                    fold =
                        run_blocking(move || fold.add(part).map(|()| fold)).await.map_err(fail)?;
                }
                Err(reason) => {
                    warn!(worker = %self.id, unit = %unit.id, object = %object.key, "quarantined: {reason}");
                    outcome.quarantined = Some(reason);
                }
            }
            outcomes.push(outcome);
        }
        Ok((run_blocking(move || fold.encode()).await.map_err(fail)?, outcomes))
    }

    /// Reads an object. Returns its partial, or the reason to quarantine it. The
    /// computed values are used only after the whole object was verified.
    async fn read_object(
        &self,
        analysis: &dyn Analysis,
        object: &ObjectRef,
    ) -> PortResult<Result<ObjectPart, String>> {
        let mut reader = analysis.begin(object.key.as_str());
        let sink = |plaintext: &[u8]| reader.push(plaintext);
        let opened = open_object(&self.ports, &self.pit, Bucket::Data, object, sink).await;
        let verified = match opened {
            Ok(_) => run_blocking(move || reader.finish()).await,
            Err(OpenError::Port(e)) => return permanent_reason(e).map(Err),
            Err(OpenError::Envelope(e)) => return Ok(Err(e.to_string())),
            Err(OpenError::Sink(defect)) => Err(defect),
        };
        match verified {
            Ok(part) => Ok(Ok(part)),
            // Such as a full disk: the object may succeed in another attempt.
            Err(lack) if !lack.is_permanent() => {
                Err(PortError::new(Class::Transient, "read object", &object.key, lack))
            }
            Err(defect) => Ok(Err(defect.to_string().chars().take(REASON_MAX).collect())),
        }
    }
}

/// The class of an error: whether another attempt can succeed.
fn class_of(e: &AnalysisError) -> Class {
    if e.is_transient() { Class::Transient } else { Class::Permanent }
}
