//! Calls that block, on a thread of their own.
//!
//! For every step of an analysis that can take minutes (a large Parquet object,
//! the finalization): the task that asked for it keeps its lease meanwhile.

/// Runs `work` on a thread that may block and returns its result; a panic of
/// `work` continues here.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Canceled: the runtime shuts down, and no task waits any more.
            Err(_) => std::future::pending().await,
        },
    }
}
