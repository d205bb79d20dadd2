//! Logs: one JSON object a line on standard error; ids, counts and states
//! only, never a value, a patient id, a date of service or a cell's text.

use tracing_subscriber::EnvFilter;

/// Starts logging for this process; `SCE_LOG` sets the level (default `info`).
pub fn start() {
    let filter = EnvFilter::try_from_env("SCE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}
