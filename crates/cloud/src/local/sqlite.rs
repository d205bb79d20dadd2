//! Opening SQLite for the local queue and ledger, and classifying its errors.
//!
//! Must never start a new database in place of a damaged one.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::error::{Class, PortError, PortResult};

/// How long a call waits for the transaction of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a process that opens the file retries.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One SQLite file, shared by the tasks of this process; other processes open it themselves.
/// Calls are short and block the caller.
pub(super) struct Database {
    connection: Mutex<Connection>,
    place: Place,
}

/// The file, and what the user can do if it is damaged.
struct Place {
    path: PathBuf,
    remedy: &'static str,
}

impl Database {
    /// Opens the file; creates it with `schema` if it is new. Every commit is durable: WAL
    /// with full synchronization.
    pub(super) fn open(path: &Path, schema: &str, remedy: &'static str) -> PortResult<Self> {
        let place = Place { path: path.to_owned(), remedy };
        if was_truncated(path) {
            return Err(place.damaged("open database", path.display(), "emptied file"));
        }
        let deadline = Instant::now() + BUSY_TIMEOUT;
        let connection = loop {
            match connect(path, schema) {
                // Switching a new file to WAL ignores the busy timeout and fails if another
                // process does the same.
                Err(e) if is_busy(&e) && Instant::now() < deadline => thread::sleep(LOOK_EVERY),
                connected => break connected,
            }
        };
        let connection =
            connection.map_err(|e| place.classify("open database", path.display(), &e))?;
        Ok(Self { connection: Mutex::new(connection), place })
    }

    /// Runs `body` in one transaction; other processes see all of it or nothing.
    pub(super) fn write<T>(
        &self,
        operation: &'static str,
        target: impl Display,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        let mut connection = self.lock();
        let run = || {
            // Immediate: a deferred transaction that upgrades to a write can fail as busy
            // without waiting.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|e| self.place.classify(operation, target, &e))
    }

    /// Runs `body`, which must only read.
    pub(super) fn read<T>(
        &self,
        operation: &'static str,
        target: impl Display,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        body(&self.lock()).map_err(|e| self.place.classify(operation, target, &e))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic cannot leave a transaction open: dropping it rolls it back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path, schema: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(schema)?;
    Ok(connection)
}

/// An empty file is a new database, unless a write-ahead log next to it shows that it had
/// content: SQLite would discard the log and start a new database.
fn was_truncated(path: &Path) -> bool {
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |facts| facts.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    path.exists() && bytes(path) == 0 && bytes(Path::new(&log)) > 0
}

fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

impl Place {
    fn damaged(
        &self,
        operation: &'static str,
        target: impl Display,
        cause: impl Display,
    ) -> PortError {
        let cause = format!("{cause} in {}: {}", self.path.display(), self.remedy);
        PortError::new(Class::Permanent, operation, target, cause)
    }

    fn classify(
        &self,
        operation: &'static str,
        target: impl Display,
        error: &rusqlite::Error,
    ) -> PortError {
        let permanent = |cause: String| PortError::new(Class::Permanent, operation, &target, cause);
        match error {
            e if is_busy(e) => {
                let cause = "another process holds the file";
                PortError::new(Class::Transient, operation, target, cause)
            }
            rusqlite::Error::SqliteFailure(e, _) => match e.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    self.damaged(operation, target, "damaged file")
                }
                ErrorCode::DiskFull => {
                    permanent("no space left on the device: free space and repeat".to_owned())
                }
                ErrorCode::SystemIoFailure => permanent(format!(
                    "the disk under {} is full or faulty: free space, check it, and repeat",
                    self.path.display()
                )),
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                    let path = self.path.display();
                    permanent(format!("{error} at {path}: check its folder and permissions"))
                }
                _ => self.damaged(operation, target, error),
            },
            _ => self.damaged(operation, target, "unreadable row"),
        }
    }
}
