//! The access record: who is about to open which objects, with which key.
//!
//! Used by the agent, which writes it before it fetches the first byte, and by
//! auditors. It must contain ids only.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, OwnerId, UnitId, WorkerId};
use crate::object::ObjectRef;
use crate::time::Timestamp;

/// The record of one attempt at one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// When, by the worker's clock.
    pub at: Timestamp,
    /// The worker.
    pub worker: WorkerId,
    /// The machine of the worker (an EC2 instance id).
    pub machine: String,
    /// The attempt.
    pub owner: OwnerId,
    /// The unit and its run.
    pub unit: UnitId,
    /// The epoch of the claim.
    pub epoch: Epoch,
    /// Name of the wrapping key, as in the envelopes.
    pub key_name: String,
    /// The objects, with version and etag.
    pub objects: Vec<ObjectRef>,
}

impl AccessRecord {
    /// Returns the record as it is stored: one JSON object and a newline.
    ///
    /// # Errors
    /// Does not occur in practice: every field has a JSON form.
    pub fn render(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Parses a stored record; `None` for anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
