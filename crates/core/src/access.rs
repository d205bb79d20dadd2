//! The access record: who is about to open which objects, with which key.
//!
//! Written by the agent, durable before the first byte is fetched, read by
//! the auditor. It carries ids only.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, OwnerId, UnitId, WorkerId};
use crate::object::ObjectRef;
use crate::time::Timestamp;

/// One record: one attempt at one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// Version of this form.
    pub schema_version: u32,
    /// When, on the worker's clock.
    pub at: Timestamp,
    /// Which worker.
    pub worker: WorkerId,
    /// On which machine (an EC2 instance id).
    pub machine: String,
    /// Which attempt.
    pub owner: OwnerId,
    /// Which unit of which run.
    pub unit: UnitId,
    /// Which claim of it.
    pub epoch: Epoch,
    /// Name of the wrapping key, as the envelopes name it.
    pub key_name: String,
    /// The objects, with version and etag.
    pub objects: Vec<ObjectRef>,
}

impl AccessRecord {
    /// The record as stored: one JSON object and a newline.
    ///
    /// # Errors
    /// Never in practice: every field has a JSON form.
    pub fn render(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a record as stored; `None` for anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
