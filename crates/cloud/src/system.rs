//! The clock and randomness of the operating system.
//!
//! Used behind the ports outside tests. Nothing else may read a clock or create
//! random bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use sce_core::time::Timestamp;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Clock, Entropy};

/// The operating system's wall clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is wrong in any case: it shows 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> PortResult<()> {
        getrandom::fill(bytes)
            .map_err(|e| PortError::new(Class::Permanent, "read randomness", "of the system", e))
    }
}
