//! Retries of calls whose errors are transient.
//!
//! Used by every caller of a port. Must never retry an error of another class:
//! the adapter decides what may pass.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::error::PortResult;

/// Like [`retry`], but for up to about two minutes: for one of many writes, if a store
/// needs time to scale with them.
///
/// # Errors
/// Returns the last error.
pub async fn patiently<T, F>(call: impl FnMut() -> F) -> PortResult<T>
where
    F: Future<Output = PortResult<T>>,
{
    // 100 ms doubling to 5 s, 28 times: about two minutes. Jitter, because many writes that
    // are throttled together would otherwise be repeated together.
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(28)
        .with_jitter();
    call.retry(backoff).sleep(tokio::time::sleep).when(super::error::PortError::is_transient).await
}

/// Calls `call` up to five times, waiting 50 ms, 100 ms, … in between, while its error is
/// transient.
///
/// ```
/// use sce_cloud::error::{Class, PortError};
/// use sce_cloud::retry::retry;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let mut calls = 0;
/// let answer = retry(|| {
///     calls += 1;
///     std::future::ready(match calls {
///         1 => Err(PortError::new(Class::Transient, "read run", "0", "throttled")),
///         _ => Ok("a row"),
///     })
/// })
/// .await?;
/// assert_eq!((answer, calls), ("a row", 2));
/// # Ok::<(), PortError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the last error.
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
