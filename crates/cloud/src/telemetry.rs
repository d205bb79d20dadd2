//! Logs: one JSON object per line on standard error.
//!
//! Used by both binaries. Logs must contain ids, counts and states only, never a
//! value, a patient id, a date of service or the text of a cell. The disk of a
//! worker's machine is deleted with it, so its log is also kept in memory and
//! delivered to the log bucket before it leaves.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sce_core::ids::WorkerId;
use sce_core::object::{Bucket, ObjectKey};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Ports, PutMode};
use crate::retry::retry;

/// The most bytes kept (8 MiB): the lines of a worker for days.
const KEPT_MAX_BYTES: usize = 8 << 20;

/// The log of this process so far; lines beyond the limit are not kept.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// Starts logging for this process; `SCE_LOG` sets the level (default `info`).
pub fn start() -> Log {
    let filter = EnvFilter::try_from_env("SCE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = Log::default();
    // A second start keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(log.clone())
        .with_target(false)
        .try_init();
    log
}

impl Log {
    /// Puts the log so far into the log bucket. It is durable when this returns.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn deliver(&self, ports: &Ports, worker: WorkerId) -> PortResult<()> {
        let at = ports.clock.now().0;
        // The time in the key: a worker that delivers twice keeps both.
        let key = ObjectKey::try_from(format!("workers/{worker}/{at}.jsonl"))
            .map_err(|e| PortError::new(Class::Permanent, "deliver log", worker, e))?;
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        retry(async || {
            let mut writer = ports.objects.create(Bucket::Logs, &key).await?;
            writer.write(&bytes).await?;
            writer.finish(PutMode::Replace).await.map(drop)
        })
        .await
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The beginning is kept: it shows what the worker was started with.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + line.len() <= KEPT_MAX_BYTES {
            kept.extend_from_slice(line);
        }
        io::stderr().write_all(line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
