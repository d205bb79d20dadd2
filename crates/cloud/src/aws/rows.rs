//! Rows of the ledger's one table, and the keys they lie under.
//!
//! A row is the same JSON as in the embedded ledger (`doc`), beside what
//! conditions compare: `rev`, which grows with every change of the row.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sce_core::ids::{RunId, UnitId};
use sce_core::object::ObjectKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Class, PortError, PortResult};

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition of the runs' rows.
pub(super) const RUNS: &str = "RUNS";
/// Partition of the names' rows.
pub(super) const NAMES: &str = "NAMES";
/// Partition of the launches' rows.
pub(super) const LAUNCHES: &str = "LAUNCHES";
/// Partition of what was refused at intake.
pub(super) const REFUSALS: &str = "REFUSALS";
/// Units of one partition: a page of them is one query, and a large run's
/// writes are spread over many partitions.
pub(super) const UNITS_PER_PARTITION: u32 = 100;

/// Where a row lies.
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

    /// Each counter is a partition of its own, so that none is hot.
    pub(super) fn counter(run: RunId, shard: u32) -> Self {
        Self::of(format!("COUNTER#{run}#{shard}"), "LEFT")
    }

    pub(super) fn launch(run: RunId, launch: u32) -> Self {
        Self::of(LAUNCHES, format!("{run}#{launch:06}"))
    }

    pub(super) fn name(key: &ObjectKey) -> Self {
        Self::of(NAMES, key.as_str())
    }

    pub(super) fn refusal(bucket: &str, sequencer: &str) -> Self {
        Self::of(REFUSALS, format!("{bucket}#{sequencer}"))
    }

    /// The key attributes of this place.
    pub(super) fn key(&self) -> Item {
        HashMap::from([("pk".into(), text(&self.partition)), ("sk".into(), text(&self.sort))])
    }
}

/// The partition that holds the `page`th hundred of a run's units.
pub(super) fn units_partition(run: RunId, page: u32) -> String {
    format!("UNITS#{run}#{page:06}")
}

/// A unit's sort key: text that sorts as the numbers do.
pub(super) fn unit_sort(index: u32) -> String {
    format!("{index:010}")
}

/// A row at its place.
pub(super) fn item<T: Serialize>(place: &Place, row: &T, rev: u64) -> PortResult<Item> {
    let mut item = place.key();
    item.insert("doc".into(), text(json(place, row)?));
    item.insert("rev".into(), number(rev));
    Ok(item)
}

/// A row as JSON.
pub(super) fn json<T: Serialize>(place: &Place, row: &T) -> PortResult<String> {
    serde_json::to_string(row).map_err(|e| unreadable(&place.sort, e))
}

/// The row in an item.
pub(super) fn row<T: DeserializeOwned>(item: &Item) -> PortResult<T> {
    let sort = attribute(item, "sk");
    serde_json::from_str(attribute(item, "doc")).map_err(|e| unreadable(sort, e))
}

/// The revision of an item.
pub(super) fn rev(item: &Item) -> u64 {
    count(item, "rev")
}

/// A number attribute, 0 if it is not there.
pub(super) fn count(item: &Item, name: &str) -> u64 {
    let number = item.get(name).and_then(|value| value.as_n().ok());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// A text attribute, empty if it is not there.
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
