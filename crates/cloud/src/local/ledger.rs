//! The local ledger: rows as JSON in SQLite, changed by the rules of `core`
//! inside a transaction.
//!
//! Used in local mode. Must never change a row by a rule of its own.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sce_core::ids::{RunId, UnitId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::object::ObjectKey;
use sce_core::registry::{Name, Refusal};
use sce_core::run::{Launch, LaunchIntent, Run, RunChange, Started};
use sce_core::unit::{Refused, Unit, UnitChange};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sqlite::Database;
use crate::error::PortResult;
use crate::ports::{Ledger, Verdict};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, created INTEGER NOT NULL, row TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS units (
    run TEXT NOT NULL, idx INTEGER NOT NULL, row TEXT NOT NULL,
    PRIMARY KEY (run, idx)) STRICT;
CREATE TABLE IF NOT EXISTS counters (
    run TEXT NOT NULL, shard INTEGER NOT NULL, left INTEGER NOT NULL,
    PRIMARY KEY (run, shard)) STRICT;
CREATE TABLE IF NOT EXISTS launches (
    run TEXT NOT NULL, launch INTEGER NOT NULL, closed INTEGER NOT NULL, row TEXT NOT NULL,
    PRIMARY KEY (run, launch)) STRICT;
CREATE TABLE IF NOT EXISTS names (
    key TEXT PRIMARY KEY, run TEXT, row TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS refusals (
    bucket TEXT NOT NULL, sequencer TEXT NOT NULL, row TEXT NOT NULL,
    PRIMARY KEY (bucket, sequencer)) STRICT;";

const REMEDY: &str = "restore the file from a copy, or move it away and put the objects again; \
    sealed objects and results are not affected";

/// A ledger in a SQLite file.
pub struct SqliteLedger {
    database: Database,
    lease: LeaseRules,
    budgets: Budgets,
}

impl SqliteLedger {
    /// Opens the ledger's file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or is damaged.
    pub fn open(path: &Path, lease: LeaseRules, budgets: Budgets) -> PortResult<Self> {
        Ok(Self { database: Database::open(path, SCHEMA, REMEDY)?, lease, budgets })
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn put_run(&self, run: &Run) -> PortResult<Run> {
        self.database.write("put run", run.id, |tx| {
            // An existing row is kept and returned: a repeated submission finds its run.
            tx.execute(
                "INSERT INTO runs (id, created, row) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![run.id.to_string(), run.created_at.0, to_json(run)?],
            )?;
            select_run(tx, run.id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
        })
    }

    async fn put_units(&self, units: &[Unit]) -> PortResult<()> {
        self.database.write("put units", units.len(), |tx| {
            let mut insert = tx.prepare(
                "INSERT INTO units (run, idx, row) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?;
            for unit in units {
                insert.execute(params![unit.id.run.to_string(), unit.id.index, to_json(unit)?])?;
            }
            Ok(())
        })
    }

    async fn apply_run(&self, id: RunId, change: &RunChange) -> PortResult<Verdict<Run>> {
        self.database.write("change run", id, |tx| {
            let Some(row) = select_run(tx, id)? else {
                return Ok(Err(Refused::Absent));
            };
            let row = match row.apply(change, &self.lease, &self.budgets) {
                Ok(row) => row,
                Err(refused) => return Ok(Err(refused)),
            };
            // Counters and intent in the same transaction as the row: a released run without
            // counters would look finished.
            match change {
                RunChange::Release { left, .. } => insert_counters(tx, id, left)?,
                RunChange::Launch { launch, workers, now } => {
                    let intent = LaunchIntent { run: id, launch: *launch, workers: *workers };
                    insert_launch(tx, &Launch { intent, asked_at: *now, started: None })?;
                }
                _ => {}
            }
            tx.execute(
                "UPDATE runs SET row = ?2 WHERE id = ?1",
                params![id.to_string(), to_json(&row)?],
            )?;
            Ok(Ok(row))
        })
    }

    async fn apply_unit(&self, id: UnitId, change: &UnitChange) -> PortResult<Verdict<Unit>> {
        self.database.write("change unit", id, |tx| {
            let Some(row) = select_unit(tx, id)? else {
                return Ok(Err(Refused::Absent));
            };
            let row = match row.apply(change, &self.lease, &self.budgets) {
                Ok(row) => row,
                Err(refused) => return Ok(Err(refused)),
            };
            // A refusal is committed, too, but has written nothing: `count_down` comes first.
            if change.counts_down() && !count_down(tx, id.run, row.shard)? {
                return Ok(Err(Refused::CounterSpent));
            }
            tx.execute(
                "UPDATE units SET row = ?3 WHERE run = ?1 AND idx = ?2",
                params![id.run.to_string(), id.index, to_json(&row)?],
            )?;
            Ok(Ok(row))
        })
    }

    async fn run(&self, run: RunId) -> PortResult<Option<Run>> {
        self.database.read("read run", run, |db| select_run(db, run))
    }

    async fn runs(&self) -> PortResult<Vec<Run>> {
        self.database.read("list runs", "of the project", |db| {
            let mut select = db.prepare("SELECT row FROM runs ORDER BY created DESC, id")?;
            select.query_map([], json_row)?.collect()
        })
    }

    async fn unit(&self, unit: UnitId) -> PortResult<Option<Unit>> {
        self.database.read("read unit", unit, |db| select_unit(db, unit))
    }

    async fn units(&self, run: RunId, from: u32, limit: u32) -> PortResult<Vec<Unit>> {
        self.database.read("list units", run, |db| {
            let mut select = db.prepare(
                "SELECT row FROM units WHERE run = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3",
            )?;
            select.query_map(params![run.to_string(), from, limit], json_row)?.collect()
        })
    }

    async fn left(&self, run: RunId) -> PortResult<u64> {
        self.database.read("read counters", run, |db| {
            let sum: i64 = db.query_row(
                "SELECT coalesce(sum(left), 0) FROM counters WHERE run = ?1",
                params![run.to_string()],
                |row| row.get(0),
            )?;
            Ok(u64::try_from(sum).unwrap_or(0))
        })
    }

    async fn open_launches(&self) -> PortResult<Vec<LaunchIntent>> {
        self.database.read("list launches", "not yet closed", |db| {
            let mut select =
                db.prepare("SELECT row FROM launches WHERE closed = 0 ORDER BY run, launch")?;
            let open = select.query_map([], json_row::<Launch>)?;
            open.map(|launch| launch.map(|launch| launch.intent)).collect()
        })
    }

    async fn close_launch(&self, intent: &LaunchIntent, started: &Started) -> PortResult<()> {
        self.database.write("close launch", intent.token(), |tx| {
            let id = params![intent.run.to_string(), intent.launch];
            let open = "SELECT row FROM launches WHERE run = ?1 AND launch = ?2 AND closed = 0";
            let Some(launch) = tx.query_row(open, id, json_row::<Launch>).optional()? else {
                // Closed already: the first result is kept.
                return Ok(());
            };
            let closed = Launch { started: Some(started.clone()), ..launch };
            tx.execute(
                "UPDATE launches SET closed = 1, row = ?3 WHERE run = ?1 AND launch = ?2",
                params![intent.run.to_string(), intent.launch, to_json(&closed)?],
            )
            .map(drop)
        })
    }

    async fn launches(&self, run: RunId) -> PortResult<Vec<Launch>> {
        self.database.read("list launches", run, |db| {
            let mut select =
                db.prepare("SELECT row FROM launches WHERE run = ?1 ORDER BY launch")?;
            select.query_map(params![run.to_string()], json_row)?.collect()
        })
    }

    async fn register(&self, name: &Name) -> PortResult<()> {
        self.database.write("register object", &name.object.key, |tx| {
            let there = select_name(tx, &name.object.key)?;
            // A late event must not free a version that a run has taken.
            if there.is_some_and(|there| there.object == name.object) {
                return Ok(());
            }
            put_name(tx, name)
        })
    }

    async fn note_refusal(&self, refusal: &Refusal) -> PortResult<()> {
        self.database.write("note refusal", &refusal.bucket, |tx| {
            tx.execute(
                "INSERT INTO refusals (bucket, sequencer, row) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
                params![refusal.bucket, refusal.sequencer, to_json(refusal)?],
            )
            .map(drop)
        })
    }

    async fn refusals(&self) -> PortResult<BTreeMap<String, u64>> {
        self.database.read("count refusals", "of the project", |db| {
            let mut count = db.prepare("SELECT bucket, count(*) FROM refusals GROUP BY bucket")?;
            let counts = count.query_map([], |row| {
                let count: i64 = row.get(1)?;
                Ok((row.get(0)?, u64::try_from(count).unwrap_or(0)))
            })?;
            counts.collect()
        })
    }

    async fn name(&self, key: &ObjectKey) -> PortResult<Option<Name>> {
        self.database.read("read name", key, |db| select_name(db, key))
    }

    async fn names(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> PortResult<Vec<Name>> {
        self.database.read("list names", "of the project", |db| {
            // `substr`, not LIKE: a prefix may contain `_`, which is a wildcard there.
            let mut select = db.prepare(
                "SELECT row FROM names WHERE key > ?1 AND substr(key, 1, length(?2)) = ?2
                 ORDER BY key LIMIT ?3",
            )?;
            let after = after.map_or("", ObjectKey::as_str);
            select.query_map(params![after, prefix, limit], json_row)?.collect()
        })
    }

    async fn take_names(&self, names: &[Name], run: RunId) -> PortResult<usize> {
        self.database.write("take names", run, |tx| {
            let mut taken = 0;
            for name in names {
                let now = select_name(tx, &name.object.key)?;
                // The same key, registered again in the meantime, is another object.
                let Some(now) = now.filter(|now| now.object == name.object) else {
                    continue;
                };
                if now == *name {
                    put_name(tx, &Name { run: Some(run), ..now })?;
                    taken += 1;
                } else if now.run == Some(run) {
                    taken += 1;
                }
            }
            Ok(taken)
        })
    }
}

fn select_name(db: &Connection, key: &ObjectKey) -> rusqlite::Result<Option<Name>> {
    db.prepare_cached("SELECT row FROM names WHERE key = ?1")?
        .query_row(params![key.as_str()], json_row)
        .optional()
}

fn put_name(db: &Connection, name: &Name) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO names (key, run, row) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET run = excluded.run, row = excluded.row",
        params![name.object.key.as_str(), name.run.map(|run| run.to_string()), to_json(name)?],
    )
    .map(drop)
}

fn select_run(db: &Connection, run: RunId) -> rusqlite::Result<Option<Run>> {
    db.query_row("SELECT row FROM runs WHERE id = ?1", params![run.to_string()], json_row)
        .optional()
}

fn select_unit(db: &Connection, unit: UnitId) -> rusqlite::Result<Option<Unit>> {
    db.query_row(
        "SELECT row FROM units WHERE run = ?1 AND idx = ?2",
        params![unit.run.to_string(), unit.index],
        json_row,
    )
    .optional()
}

fn insert_counters(db: &Connection, run: RunId, left: &[u32]) -> rusqlite::Result<()> {
    let mut insert = db.prepare(
        "INSERT INTO counters (run, shard, left) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for (shard, left) in (0u32..).zip(left) {
        insert.execute(params![run.to_string(), shard, left])?;
    }
    Ok(())
}

fn insert_launch(db: &Connection, launch: &Launch) -> rusqlite::Result<()> {
    let intent = &launch.intent;
    db.execute(
        "INSERT INTO launches (run, launch, closed, row) VALUES (?1, ?2, 0, ?3)",
        params![intent.run.to_string(), intent.launch, to_json(launch)?],
    )
    .map(drop)
}

/// Decrements a counter by one; false if it is 0 already.
fn count_down(db: &Connection, run: RunId, shard: u32) -> rusqlite::Result<bool> {
    let changed = db.execute(
        "UPDATE counters SET left = left - 1 WHERE run = ?1 AND shard = ?2 AND left > 0",
        params![run.to_string(), shard],
    )?;
    Ok(changed == 1)
}

fn to_json(row: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(row).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

fn json_row<T: DeserializeOwned>(row: &Row<'_>) -> rusqlite::Result<T> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, e.into()))
}
