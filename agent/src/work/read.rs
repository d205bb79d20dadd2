//! Reading a unit's objects: each opened, checked and analysed by itself, so
//! that one that can never succeed is quarantined alone.

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

/// Longest reason kept in the ledger, in characters.
const REASON_MAX: usize = 300;

impl Worker {
    /// The encoded partial of the unit's good objects, and every object's
    /// outcome.
    pub(super) async fn read_objects(
        &self,
        analysis: &dyn Analysis,
        unit: &Unit,
    ) -> PortResult<(Vec<u8>, Vec<ObjectOutcome>)> {
        let fail = |e: AnalysisError| PortError::new(class_of(&e), "analyze unit", unit.id, e);
        let mut fold = analysis.fold(FoldLimits::default());
        let mut outcomes = Vec::new();
        // In the unit's order, whichever is read first.
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

    /// The object's partial; or the reason to quarantine it. What was computed
    /// counts only once the whole object has verified.
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
            Err(lack) if !lack.is_permanent() => {
                Err(PortError::new(Class::Transient, "read object", &object.key, lack))
            }
            Err(defect) => Ok(Err(defect.to_string().chars().take(REASON_MAX).collect())),
        }
    }
}

/// Whether another attempt can help.
fn class_of(e: &AnalysisError) -> Class {
    if e.is_transient() { Class::Transient } else { Class::Permanent }
}
