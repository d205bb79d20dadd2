//! The rows of the ledger's only table, and their keys.
//!
//! Used by [`super::ledger`] and [`super::table`]. A row is the same JSON as in
//! the local ledger (`doc`), plus the attribute that conditions compare: `rev`,
//! which must increase with every change of the row.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sce_core::ids::{RunId, UnitId};
use sce_core::object::ObjectKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Class, PortError, PortResult};

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition of runs.
pub(super) const RUNS: &str = "RUNS";
/// Partition of names.
pub(super) const NAMES: &str = "NAMES";
/// Partition of launches.
pub(super) const LAUNCHES: &str = "LAUNCHES";
/// Partition of uploads that were refused by `sce intake`.
pub(super) const REFUSALS: &str = "REFUSALS";
/// Units per partition: a page of them is one query, and the writes of a large run are
/// distributed over many partitions.
pub(super) const UNITS_PER_PARTITION: u32 = 100;

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: String,
    pub(super) sort: String,
}

impl Place {
    fn of(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    pub(super) fn run(run: RunId) -> Self {
        Self::of(RUNS, run.to_string())
    }

    pub(super) fn unit(unit: UnitId) -> Self {
        let partition = units_partition(unit.run, unit.index / UNITS_PER_PARTITION);
        Self::of(partition, unit_sort(unit.index))
    }

    /// Each counter has its own partition, so that none is hot.
    pub(super) fn counter(run: RunId, shard: u32) -> Self {
        Self::of(format!("COUNTER#{run}#{shard}"), "LEFT")
    }

    pub(super) fn launch(run: RunId, launch: u32) -> Self {
        // Padded, so that launches sort by number.
        Self::of(LAUNCHES, format!("{run}#{launch:06}"))
    }

    pub(super) fn name(key: &ObjectKey) -> Self {
        Self::of(NAMES, key.as_str())
    }

    pub(super) fn refusal(bucket: &str, sequencer: &str) -> Self {
        Self::of(REFUSALS, format!("{bucket}#{sequencer}"))
    }

    /// Returns the key attributes.
    pub(super) fn key(&self) -> Item {
        HashMap::from([("pk".into(), text(&self.partition)), ("sk".into(), text(&self.sort))])
    }
}

/// Returns the partition with the `page`-th hundred of a run's units.
pub(super) fn units_partition(run: RunId, page: u32) -> String {
    format!("UNITS#{run}#{page:06}")
}

/// Returns a unit's sort key: text that sorts in the order of the numbers.
pub(super) fn unit_sort(index: u32) -> String {
    format!("{index:010}")
}

/// Creates the item of a row.
pub(super) fn item<T: Serialize>(place: &Place, row: &T, rev: u64) -> PortResult<Item> {
    let mut item = place.key();
    item.insert("doc".into(), text(json(place, row)?));
    item.insert("rev".into(), number(rev));
    Ok(item)
}

/// Formats a row as JSON.
pub(super) fn json<T: Serialize>(place: &Place, row: &T) -> PortResult<String> {
    serde_json::to_string(row).map_err(|e| unreadable(&place.sort, e))
}

/// Parses the row of an item.
pub(super) fn row<T: DeserializeOwned>(item: &Item) -> PortResult<T> {
    let sort = attribute(item, "sk");
    serde_json::from_str(attribute(item, "doc")).map_err(|e| unreadable(sort, e))
}

/// Returns the revision of an item.
pub(super) fn rev(item: &Item) -> u64 {
    count(item, "rev")
}

/// Returns a number attribute, 0 if it is absent.
pub(super) fn count(item: &Item, name: &str) -> u64 {
    let number = item.get(name).and_then(|value| value.as_n().ok());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Returns a text attribute, empty if it is absent.
fn attribute<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn unreadable(sort: &str, e: impl std::fmt::Display) -> PortError {
    let cause = format!("unreadable row ({e}): restore the table to a point before the damage");
    PortError::new(Class::Permanent, "read row", sort, cause)
}
