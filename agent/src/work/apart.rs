//! Long work on a thread of its own.
//!
//! For every step of a study that can take minutes (a large Parquet object,
//! the consolidation): the task that asked for it goes on keeping its lease.

/// Runs `work` apart and answers what it does; a panic goes on here.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime ends, and nobody waits any more.
            Err(_) => std::future::pending().await,
        },
    }
}
