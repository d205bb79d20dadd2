//! A count of the requests that adapters send, by service and operation.
//!
//! The AWS clients add to it; embedded engines send none. The agent writes
//! its counts beside what it commits, `sce run --stats` adds them up.

use std::sync::{Arc, Mutex, PoisonError};

use sce_core::requests::Requests;

/// Requests sent since they were last taken; copies count together.
#[derive(Debug, Clone, Default)]
pub struct RequestCounts(Arc<Mutex<Requests>>);

impl RequestCounts {
    /// Counts one request.
    pub fn note(&self, service: &str, operation: &str) {
        let name = format!("{}.{operation}", service.to_lowercase());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    /// What was counted since the last call.
    pub fn take(&self) -> Requests {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
