//! The local queue: one SQLite table that behaves like SQS (at least once,
//! visibility timeout, receipts that become stale).
//!
//! Used in local mode. Must never deliver a message to two receivers while it is
//! invisible.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};

use super::sqlite::Database;
use crate::error::PortResult;
use crate::ports::{Clock, Delivery, WorkQueue};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL,
    visible_at INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS by_visibility ON messages (visible_at, id);";

const REMEDY: &str = "stop the workers, move the file away and run `sce watch RUN`; \
    messages are only hints, nothing is lost with them";

/// How often a waiting receiver checks the table.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A queue in a SQLite file.
pub struct SqliteQueue {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SqliteQueue {
    /// Opens the queue's file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> PortResult<Self> {
        Ok(Self { database: Database::open(path, SCHEMA, REMEDY)?, clock })
    }

    fn visible_at(&self, after: Duration) -> i64 {
        self.clock.now().after(after).0
    }

    fn take_one(&self, visibility: Duration) -> PortResult<Option<Delivery>> {
        let now = self.clock.now().0;
        let until = self.visible_at(visibility);
        self.database.write("receive message", "from the queue", |tx| take_visible(tx, now, until))
    }
}

fn take_visible(tx: &Transaction<'_>, now: i64, until: i64) -> rusqlite::Result<Option<Delivery>> {
    // One statement selects and hides, so that no other receiver gets the same message.
    tx.query_row(
        "UPDATE messages SET visible_at = ?2, receives = receives + 1
         WHERE id = (SELECT id FROM messages WHERE visible_at <= ?1 ORDER BY visible_at, id LIMIT 1)
         RETURNING id, body, receives",
        params![now, until],
        |row| {
            let (id, receives): (i64, i64) = (row.get(0)?, row.get(2)?);
            Ok(Delivery { body: row.get(1)?, receipt: format!("{id}.{receives}") })
        },
    )
    .optional()
}

/// Parses a receipt: message and delivery. A stale or foreign one matches no row.
fn read_receipt(receipt: &str) -> (i64, i64) {
    // -1 matches no row.
    let (id, receives) = receipt.split_once('.').unwrap_or_default();
    (id.parse().unwrap_or(-1), receives.parse().unwrap_or(-1))
}

#[async_trait]
impl WorkQueue for SqliteQueue {
    async fn send(&self, bodies: &[String]) -> PortResult<()> {
        let now = self.visible_at(Duration::ZERO);
        self.database.write("send messages", bodies.len(), |tx| {
            let mut insert =
                tx.prepare("INSERT INTO messages (body, visible_at) VALUES (?1, ?2)")?;
            for body in bodies {
                insert.execute(params![body, now])?;
            }
            Ok(())
        })
    }

    async fn receive(&self, wait: Duration, visibility: Duration) -> PortResult<Option<Delivery>> {
        // Tokio's clock, so that tests with paused time do not wait.
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let delivery = self.take_one(visibility)?;
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if delivery.is_some() || left.is_zero() {
                return Ok(delivery);
            }
            tokio::time::sleep(LOOK_EVERY.min(left)).await;
        }
    }

    async fn extend(&self, receipt: &str, after: Duration) -> PortResult<()> {
        let (id, receives) = read_receipt(receipt);
        let until = self.visible_at(after);
        self.database.write("extend message", receipt, |tx| {
            tx.execute(
                "UPDATE messages SET visible_at = ?3 WHERE id = ?1 AND receives = ?2",
                params![id, receives, until],
            )
            .map(drop)
        })
    }

    async fn delete(&self, receipt: &str) -> PortResult<()> {
        let (id, receives) = read_receipt(receipt);
        self.database.write("delete message", receipt, |tx| {
            tx.execute(
                "DELETE FROM messages WHERE id = ?1 AND receives = ?2",
                params![id, receives],
            )
            .map(drop)
        })
    }
}
