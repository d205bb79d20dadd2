//! How the embedded queue and ledger open SQLite, and what its errors mean.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::error::{Class, PortError, PortResult};

/// How long a call waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One SQLite file, shared by the tasks of this process; other processes open
/// it themselves. Calls are short and block the caller.
pub(super) struct Database {
    connection: Mutex<Connection>,
    /// What a person can do about a damaged file.
    remedy: String,
}

impl Database {
    /// Opens the file, made with `schema` if new. Every commit is durable:
    /// WAL with full synchronisation.
    pub(super) fn open(path: &Path, schema: &str, remedy: &str) -> PortResult<Self> {
        let remedy = format!("{}: {remedy}", path.display());
        let fail = |e: rusqlite::Error| classify("open database", "", &e, &remedy);
        let connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        connection.execute_batch(schema).map_err(fail)?;
        Ok(Self { connection: Mutex::new(connection), remedy })
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
        run().map_err(|e| classify(operation, target, &e, &self.remedy))
    }

    /// Runs `body`, which only reads.
    pub(super) fn read<T>(
        &self,
        operation: &'static str,
        target: impl Display,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        body(&self.lock()).map_err(|e| classify(operation, target, &e, &self.remedy))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn classify(
    operation: &'static str,
    target: impl Display,
    error: &rusqlite::Error,
    remedy: &str,
) -> PortError {
    let damaged = |cause: &dyn Display| {
        PortError::new(Class::Permanent, operation, &target, format!("{cause} in {remedy}"))
    };
    match error {
        rusqlite::Error::SqliteFailure(e, _) => match e.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                PortError::new(Class::Transient, operation, target, "another process holds the file")
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => damaged(&"damaged file"),
            ErrorCode::DiskFull => PortError::new(
                Class::Permanent,
                operation,
                target,
                "no space left on the device: free space and repeat",
            ),
            _ => damaged(error),
        },
        _ => damaged(&"unreadable row"),
    }
}
