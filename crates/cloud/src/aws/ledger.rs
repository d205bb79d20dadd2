//! The ledger in one DynamoDB table.
//!
//! Used through the port. A row is changed as in the local ledger: read, changed
//! by the rule of `core`, and written on the condition that its revision is the
//! one that was read. So every condition of the protocol holds exactly, no rule is
//! written twice, and a late write can never undo another one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::{StreamExt, TryStreamExt, stream};
use sce_core::ids::{RunId, UnitId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::object::ObjectKey;
use sce_core::registry::{Name, Refusal};
use sce_core::run::{Launch, LaunchIntent, Run, RunChange, SHARDS_MAX, Started};
use sce_core::unit::{Refused, Unit, UnitChange};

use super::rows::{
    self, LAUNCHES, NAMES, Place, REFUSALS, RUNS, UNITS_PER_PARTITION, item, json, number, rev,
    row, text, unit_sort, units_partition,
};
use super::table::{Condition, Range, Table};
use crate::error::{Class, PortError, PortResult};
use crate::ports::{Ledger, Verdict};
use crate::retry::patiently;

/// How often a change is tried if the row is changed by others in the meantime.
const TRIES: u32 = 20;
/// Puts in flight at once.
const PUTS_AHEAD: usize = 16;
/// Names marked by one transaction: the limit of DynamoDB.
const NAMES_PER_WRITE: usize = 100;
/// Transactions in flight at once.
const WRITES_AHEAD: usize = 4;

/// A ledger in a DynamoDB table.
pub struct DynamoLedger {
    table: Table,
    lease: LeaseRules,
    budgets: Budgets,
}

impl DynamoLedger {
    /// Creates a ledger in the table of this name (keys `pk` and `sk`, both text).
    pub fn new(client: Client, table: String, lease: LeaseRules, budgets: Budgets) -> Self {
        Self { table: Table { client, name: table }, lease, budgets }
    }

    /// Returns the writes that a change of a run makes in addition to its row.
    fn related_writes(&self, run: RunId, change: &RunChange) -> PortResult<Vec<TransactWriteItem>> {
        match change {
            RunChange::Release { left, .. } => (0..)
                .zip(left)
                .map(|(shard, &left)| {
                    let mut counter = Place::counter(run, shard).key();
                    counter.insert("remaining".into(), number(left.into()));
                    self.table.put_in(counter, Condition::Absent)
                })
                .collect(),
            RunChange::Launch { launch, workers, now } => {
                let intent = LaunchIntent { run, launch: *launch, workers: *workers };
                let launch = Launch { intent, asked_at: *now, started: None };
                let item = item(&Place::launch(run, intent.launch), &launch, 0)?;
                Ok(vec![self.table.put_in(item, Condition::Absent)?])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Returns the decrement of a unit's counter, for a transaction.
    fn count_down(&self, unit: &Unit) -> PortResult<TransactWriteItem> {
        let counter = Place::counter(unit.id.run, unit.shard);
        let values = [(":one".into(), number(1)), (":none".into(), number(0))].into();
        let update = "SET remaining = remaining - :one";
        self.table.update_in(&counter, update, "remaining > :none", values)
    }

    /// Marks each name as taken by `run`; returns how many are marked now or were before.
    async fn take(&self, names: &[Name], run: RunId) -> PortResult<usize> {
        let mut left: Vec<&Name> = names.iter().collect();
        while !left.is_empty() {
            // One name that was changed cancels the whole transaction: repeat without it.
            let writes = left.iter().map(|name| self.take_one(name, run)).collect::<Result<_, _>>();
            let held = self.table.transact("take names", &run.to_string(), writes?).await?;
            if held.iter().all(|held| *held) {
                break;
            }
            let mut held = held.into_iter();
            left.retain(|_| held.next().unwrap_or_default());
        }
        Ok(left.len())
    }

    fn take_one(&self, name: &Name, run: RunId) -> PortResult<TransactWriteItem> {
        let place = Place::name(&name.object.key);
        let (before, after) = (json(&place, name)?, Name { run: Some(run), ..name.clone() });
        let values =
            [(":before".into(), text(before)), (":after".into(), text(json(&place, &after)?))];
        // The second case is a repeat after a lost response.
        let condition = "doc = :before OR doc = :after";
        self.table.update_in(&place, "SET doc = :after", condition, values.into())
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn put_run(&self, run: &Run) -> PortResult<Run> {
        const OPERATION: &str = "put run";
        let place = Place::run(run.id);
        // Put before get: another submission could put the run between a get and a put.
        let new = item(&place, run, 0)?;
        if self.table.put(OPERATION, &place.sort, new, Condition::Absent).await? {
            return Ok(run.clone());
        }
        let there = self.table.get(OPERATION, &place).await?;
        there
            .as_ref()
            .map(row)
            .transpose()?
            .ok_or_else(|| PortError::new(Class::Transient, OPERATION, run.id, "the row vanished"))
    }

    async fn put_units(&self, units: &[Unit]) -> PortResult<()> {
        let put = async |unit: &Unit| {
            let place = Place::unit(unit.id);
            let new = item(&place, unit, 0)?;
            // False: it exists already, perhaps changed since.
            let target = unit.id.to_string();
            let put = || self.table.put("put units", &target, new.clone(), Condition::Absent);
            patiently(put).await.map(drop)
        };
        stream::iter(units.iter().map(put)).buffer_unordered(PUTS_AHEAD).try_collect().await
    }

    async fn apply_run(&self, id: RunId, change: &RunChange) -> PortResult<Verdict<Run>> {
        const OPERATION: &str = "change run";
        let place = Place::run(id);
        // Optimistic: several callers may read the same revision, one of them writes.
        for _ in 0..TRIES {
            let Some(there) = self.table.get(OPERATION, &place).await? else {
                return Ok(Err(Refused::Absent));
            };
            let after = match row::<Run>(&there)?.apply(change, &self.lease, &self.budgets) {
                Ok(after) => after,
                Err(refused) => return Ok(Err(refused)),
            };
            let rev = rev(&there);
            let new = item(&place, &after, rev + 1)?;
            let mut writes = vec![self.table.put_in(new, Condition::Revision(rev))?];
            writes.extend(self.related_writes(id, change)?);
            let held = self.table.transact(OPERATION, &place.sort, writes).await?;
            // Otherwise the row has changed since it was read: read it again.
            if held.iter().all(|held| *held) {
                return Ok(Ok(after));
            }
        }
        Err(PortError::new(Class::Transient, OPERATION, id, "the row is busy"))
    }

    async fn apply_unit(&self, id: UnitId, change: &UnitChange) -> PortResult<Verdict<Unit>> {
        const OPERATION: &str = "change unit";
        let (place, target) = (Place::unit(id), id.to_string());
        for _ in 0..TRIES {
            let Some(there) = self.table.get(OPERATION, &place).await? else {
                return Ok(Err(Refused::Absent));
            };
            let after = match row::<Unit>(&there)?.apply(change, &self.lease, &self.budgets) {
                Ok(after) => after,
                Err(refused) => return Ok(Err(refused)),
            };
            let rev = rev(&there);
            let (new, unchanged) = (item(&place, &after, rev + 1)?, Condition::Revision(rev));
            let held = if change.counts_down() {
                // Row and counter in one transaction: no unit is counted twice or not at all.
                let writes = vec![self.table.put_in(new, unchanged)?, self.count_down(&after)?];
                self.table.transact(OPERATION, &target, writes).await?
            } else {
                vec![self.table.put(OPERATION, &target, new, unchanged).await?]
            };
            match held[..] {
                [true] | [true, true] => return Ok(Ok(after)),
                [true, false] => return Ok(Err(Refused::CounterSpent)),
                _ => {}
            }
        }
        Err(PortError::new(Class::Transient, OPERATION, id, "the row is busy"))
    }

    async fn run(&self, run: RunId) -> PortResult<Option<Run>> {
        self.table.get("read run", &Place::run(run)).await?.as_ref().map(row).transpose()
    }

    async fn runs(&self) -> PortResult<Vec<Run>> {
        let items = self.table.query("list runs", RUNS, &Range::default()).await?;
        let mut runs = items.iter().map(row).collect::<PortResult<Vec<Run>>>()?;
        runs.sort_by_key(|run| (std::cmp::Reverse(run.created_at), run.id));
        Ok(runs)
    }

    async fn unit(&self, unit: UnitId) -> PortResult<Option<Unit>> {
        self.table.get("read unit", &Place::unit(unit)).await?.as_ref().map(row).transpose()
    }

    async fn units(&self, run: RunId, from: u32, limit: u32) -> PortResult<Vec<Unit>> {
        let mut units: Vec<Unit> = Vec::new();
        let mut next = from;
        while (units.len() as u64) < u64::from(limit) {
            // Pages are partitions of 100 units, so one query never reads another run.
            let page = next / UNITS_PER_PARTITION;
            let begin = page * UNITS_PER_PARTITION;
            let after = (next > begin).then(|| unit_sort(next - 1));
            let range = Range {
                after: after.as_deref(),
                limit: Some(limit as usize - units.len()),
                ..Range::default()
            };
            let items = self.table.query("list units", &units_partition(run, page), &range).await?;
            for item in &items {
                units.push(row(item)?);
            }
            next = begin + UNITS_PER_PARTITION;
            // Indexes of units have no gaps: a page that ends early is the last.
            if units.last().is_none_or(|last| last.id.index + 1 < next) {
                break;
            }
        }
        Ok(units)
    }

    async fn left(&self, run: RunId) -> PortResult<u64> {
        // Always all shards: an absent counter counts as 0, and the run's row is not needed.
        let places: Vec<Place> = (0..SHARDS_MAX).map(|n| Place::counter(run, n)).collect();
        let counters = self.table.get_all("read counters", &places).await?;
        Ok(counters.iter().map(|counter| rows::count(counter, "remaining")).sum())
    }

    async fn open_launches(&self) -> PortResult<Vec<LaunchIntent>> {
        let items = self.table.query("list launches", LAUNCHES, &Range::default()).await?;
        let launches = items.iter().map(row).collect::<PortResult<Vec<Launch>>>()?;
        Ok(launches.iter().filter(|l| l.started.is_none()).map(|l| l.intent).collect())
    }

    async fn close_launch(&self, intent: &LaunchIntent, started: &Started) -> PortResult<()> {
        const OPERATION: &str = "close launch";
        let place = Place::launch(intent.run, intent.launch);
        let Some(there) = self.table.get(OPERATION, &place).await? else {
            return Ok(());
        };
        let launch: Launch = row(&there)?;
        // The first result is kept: a repeat must not change when the workers started.
        if launch.started.is_some() {
            return Ok(());
        }
        let closed = item(&place, &Launch { started: Some(started.clone()), ..launch }, 1)?;
        // False: another process closed it in the meantime.
        self.table.put(OPERATION, &intent.token(), closed, Condition::Revision(0)).await.map(drop)
    }

    async fn launches(&self, run: RunId) -> PortResult<Vec<Launch>> {
        let begin = format!("{run}#");
        let range = Range { begin: &begin, ..Range::default() };
        self.table.query("list launches", LAUNCHES, &range).await?.iter().map(row).collect()
    }

    async fn register(&self, name: &Name) -> PortResult<()> {
        let place = Place::name(&name.object.key);
        let pin = json(&place, &name.object)?;
        let mut new = item(&place, name, 0)?;
        new.insert("pinned".into(), text(&pin));
        // False: this version is already registered.
        let other = Condition::OtherPin(pin);
        self.table.put("register object", &place.sort, new, other).await.map(drop)
    }

    async fn note_refusal(&self, refusal: &Refusal) -> PortResult<()> {
        let place = Place::refusal(&refusal.bucket, &refusal.sequencer);
        let new = item(&place, refusal, 0)?;
        // False: the event was delivered before.
        self.table.put("note refusal", &place.sort, new, Condition::Absent).await.map(drop)
    }

    async fn refusals(&self) -> PortResult<BTreeMap<String, u64>> {
        let items = self.table.query("count refusals", REFUSALS, &Range::default()).await?;
        let mut counts = BTreeMap::new();
        for item in &items {
            *counts.entry(row::<Refusal>(item)?.bucket).or_default() += 1;
        }
        Ok(counts)
    }

    async fn name(&self, key: &ObjectKey) -> PortResult<Option<Name>> {
        self.table.get("read name", &Place::name(key)).await?.as_ref().map(row).transpose()
    }

    async fn names(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> PortResult<Vec<Name>> {
        let mut range = Range { begin: prefix, after: None, limit: Some(limit as usize) };
        // An exclusive start key must itself have the prefix; other keys are handled here.
        match after.map(ObjectKey::as_str) {
            Some(after) if after.starts_with(prefix) => range.after = Some(after),
            // All names with the prefix are before `after`.
            Some(after) if after > prefix => return Ok(Vec::new()),
            _ => {}
        }
        self.table.query("list names", NAMES, &range).await?.iter().map(row).collect()
    }

    async fn take_names(&self, names: &[Name], run: RunId) -> PortResult<usize> {
        let takes: Vec<_> = names
            .chunks(NAMES_PER_WRITE)
            .map(|chunk| patiently(move || self.take(chunk, run)))
            .collect();
        let taken: Vec<usize> =
            stream::iter(takes).buffer_unordered(WRITES_AHEAD).try_collect().await?;
        Ok(taken.iter().sum())
    }
}
