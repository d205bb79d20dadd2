//! How the embedded queue and ledger open SQLite, and what its errors mean.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::error::{Class, PortError, PortResult};

/// How long a call waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a process that opens the file looks again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One SQLite file, shared by the tasks of this process; other processes open
/// it themselves. Calls are short and block the caller.
pub(super) struct Database {
    connection: Mutex<Connection>,
    place: Place,
}

/// Which file, and what a person can do when it is damaged.
struct Place {
    path: PathBuf,
    remedy: &'static str,
}

impl Database {
    /// Opens the file, made with `schema` if new. Every commit is durable:
    /// WAL with full synchronisation.
    pub(super) fn open(path: &Path, schema: &str, remedy: &'static str) -> PortResult<Self> {
        let place = Place { path: path.to_owned(), remedy };
        if is_cut_to_nothing(path) {
            return Err(place.damaged("open database", path.display(), "emptied file"));
        }
        let deadline = Instant::now() + BUSY_TIMEOUT;
        let connection = loop {
            match connect(path, schema) {
                // Turning a new file to WAL does not wait for another process
                // that does the same.
                Err(e) if is_busy(&e) && Instant::now() < deadline => thread::sleep(LOOK_EVERY),
                connected => break connected,
            }
        };
        let connection =
            connection.map_err(|e| place.classify("open database", path.display(), &e))?;
        Ok(Self { connection: Mutex::new(connection), place })
    }

    /// Runs `body` in one transaction that other processes do not see halfway.
    pub(super) fn write<T>(
        &self,
        operation: &'static str,
        target: impl Display,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        let mut connection = self.lock();
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|e| self.place.classify(operation, target, &e))
    }

    /// Runs `body`, which only reads.
    pub(super) fn read<T>(
        &self,
        operation: &'static str,
        target: impl Display,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        body(&self.lock()).map_err(|e| self.place.classify(operation, target, &e))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
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

/// A file of no bytes is a new database, unless its log says that it was more:
/// SQLite would drop the log and begin afresh.
fn is_cut_to_nothing(path: &Path) -> bool {
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
                    "the disk under {} is full or fails: free space, check it, and repeat",
                    self.path.display()
                )),
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                    let path = self.path.display();
                    permanent(format!("{error} at {path}: see to its folder and permissions"))
                }
                _ => self.damaged(operation, target, error),
            },
            _ => self.damaged(operation, target, "unreadable row"),
        }
    }
}
