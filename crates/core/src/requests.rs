//! Counts of the requests that a run sent.
//!
//! Used by workers, which count, and by the rows that keep the counts. They
//! must contain names of operations only.

use std::collections::BTreeMap;

/// Number of calls of each operation, by `service.Operation`.
pub type Requests = BTreeMap<String, u64>;
