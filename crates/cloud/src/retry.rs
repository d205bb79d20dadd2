//! Trying again where the adapter says that it may help.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::error::PortResult;

/// The same up to some two minutes: for one of many writes, where a store may
/// ask for patience until it has grown with them.
///
/// # Errors
/// The last error.
pub async fn patiently<T, F>(call: impl FnMut() -> F) -> PortResult<T>
where
    F: Future<Output = PortResult<T>>,
{
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(28)
        .with_jitter();
    call.retry(backoff).sleep(tokio::time::sleep).when(super::error::PortError::is_transient).await
}

/// Calls `call` up to five times, waiting 50 ms, 100 ms, … in between, while
/// its error is transient.
///
/// # Errors
/// The last error.
pub async fn retry<T, F>(call: impl FnMut() -> F) -> PortResult<T>
where
    F: Future<Output = PortResult<T>>,
{
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(4);
    call.retry(backoff).sleep(tokio::time::sleep).when(super::error::PortError::is_transient).await
}
