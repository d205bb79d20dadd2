//! Reading a unit's objects: each opened, checked and analysed by itself, so
//! that one that can never succeed is quarantined alone.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, open_object};
use sce_core::object::{Bucket, ObjectRef};
use sce_core::unit::{ObjectOutcome, Unit};
use tracing::warn;

use super::Worker;
use super::apart::apart;
use crate::study::{Defect, ObjectReader, Study, StudyError};

/// Partials of objects held before they are merged into one.
const PARTS_MAX: usize = 4;
/// Longest reason kept in the ledger, in characters.
const REASON_MAX: usize = 300;

impl<S: Study> Worker<S> {
    /// The encoded partial of the unit's good objects, and every object's
    /// outcome.
    pub(super) async fn read_objects(
        &self,
        study: &Arc<S>,
        unit: &Unit,
    ) -> PortResult<(Vec<u8>, Vec<ObjectOutcome>)> {
        let fail = |e: StudyError| PortError::new(e.class(), "analyse unit", unit.id, e);
        let mut parts = Vec::new();
        let mut outcomes = Vec::new();
        // In the unit's order, whichever is through first.
        let mut reads = stream::iter(&unit.objects)
            .map(async |object| (object, retry(|| self.read_object(study, object)).await))
            .buffered(self.rules.load.objects);
        while let Some((object, read)) = reads.next().await {
            let read = read?;
            let mut outcome = ObjectOutcome { key: object.key.clone(), quarantined: None, rows: 0 };
            match read {
                Ok(part) => {
                    outcome.rows = study.rows(&part);
                    parts.push(part);
                    if parts.len() >= PARTS_MAX {
                        let study = study.clone();
                        parts = vec![apart(move || study.merge(parts)).await.map_err(fail)?];
                    }
                }
                Err(reason) => {
                    warn!(worker = %self.id, unit = %unit.id, object = %object.key, "quarantined: {reason}");
                    outcome.quarantined = Some(reason);
                }
            }
            outcomes.push(outcome);
        }
        let study = study.clone();
        let encoded = apart(move || study.merge(parts).and_then(|merged| study.encode(&merged)));
        Ok((encoded.await.map_err(fail)?, outcomes))
    }

    /// The object's partial; or, for good, the reason to quarantine it. What
    /// was computed counts only once the whole object has verified.
    async fn read_object(
        &self,
        study: &S,
        object: &ObjectRef,
    ) -> PortResult<Result<S::Partial, String>> {
        let mut reader = study.begin(object.key.as_str());
        let sink = |plaintext: &[u8]| reader.push(plaintext);
        let opened = open_object(&self.ports, &self.pit, Bucket::Data, object, sink).await;
        let verified = match opened {
            Ok(_) => apart(|| reader.finish()).await,
            Err(OpenError::Port(e)) => return lasting_reason(e).map(Err),
            Err(OpenError::Envelope(e)) => return Ok(Err(e.to_string())),
            Err(OpenError::Sink(defect)) => Err(defect),
        };
        match verified {
            Ok(part) => Ok(Ok(part)),
            Err(lack @ Defect::NoScratch) => {
                Err(PortError::new(Class::Transient, "read object", &object.key, lack))
            }
            Err(defect) => Ok(Err(defect.to_string().chars().take(REASON_MAX).collect())),
        }
    }
}

/// Why an object that the store or the keys refuse can never succeed; any
/// other failure is the environment's and goes back.
pub(super) fn lasting_reason(e: PortError) -> PortResult<String> {
    match e.class {
        Class::Absent => Ok("it is missing from the store: put it again, then retry".to_owned()),
        Class::Changed => {
            Ok("it changed after it was registered: put it again with --replace, then retry"
                .to_owned())
        }
        Class::WrongKey => Ok(format!("{e}: configure the key it was sealed with, then retry")),
        Class::Transient | Class::Permanent | Class::Configuration => Err(e),
    }
}
