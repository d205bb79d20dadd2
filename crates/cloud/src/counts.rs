//! Counts of the requests that adapters send, by service and operation.
//!
//! Used by the AWS clients, which add to them (the local engines send none), and
//! by the agent, which stores its counts with every commit; `sce run --stats`
//! adds them up. Must never fail a request.

use std::sync::{Arc, Mutex, PoisonError};

use sce_core::requests::Requests;

/// Requests sent since the counts were last taken; clones share one count.
#[derive(Debug, Clone, Default)]
pub struct RequestCounts(Arc<Mutex<Requests>>);

impl RequestCounts {
    /// Counts one request.
    pub fn note(&self, service: &str, operation: &str) {
        let name = format!("{}.{operation}", service.to_lowercase());
        // A count is valid even if another thread panicked while it held the lock.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    /// Returns the counts since the last call.
    pub fn take(&self) -> Requests {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
