//! Counts of the requests that a run sent.

use std::collections::BTreeMap;

/// Calls of each operation, by `service.Operation`.
pub type Requests = BTreeMap<String, u64>;
