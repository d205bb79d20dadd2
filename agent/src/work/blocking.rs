//! Runs blocking calls on their own threads.
//!
//! Used for every step of an analysis that can take minutes (a large Parquet
//! object, the finalization), so that the worker can renew its lease meanwhile.

/// Runs `work` on a thread that may block and returns its result. A panic of
/// `work` continues in the caller.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Canceled: the runtime is shutting down, and no task needs the result.
            Err(_) => std::future::pending().await,
        },
    }
}
