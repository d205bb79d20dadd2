//! The calls that the ledger makes to its DynamoDB table, with classified errors.
//!
//! Used by [`super::ledger`]. Every read must be consistent: the ledger decides
//! by what it reads.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{KeysAndAttributes, Put, TransactWriteItem, Update};

use super::error::classify;
use super::rows::{Item, Place, number, text};
use crate::error::{Class, PortError, PortResult};

/// DynamoDB's code for a condition that does not hold.
const CONDITION: &str = "ConditionalCheckFailed";
/// The most rounds of a read that DynamoDB answers in part.
const PARTIAL_ANSWERS_MAX: u32 = 20;

/// A DynamoDB table with the key attributes `pk` and `sk`.
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// The condition of a put.
pub(super) enum Condition {
    /// There is no item.
    Absent,
    /// The item has this revision.
    Revision(u64),
    /// There is no item, or a name that is pinned to another version.
    OtherPin(String),
}

/// A range of items in a partition.
#[derive(Default)]
pub(super) struct Range<'a> {
    /// Those whose sort key starts with this.
    pub(super) begin: &'a str,
    /// Those after this sort key; it must start with `begin`, too.
    pub(super) after: Option<&'a str>,
    /// At most this many.
    pub(super) limit: Option<usize>,
}

impl Table {
    pub(super) async fn get(
        &self,
        operation: &'static str,
        place: &Place,
    ) -> PortResult<Option<Item>> {
        let got = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(place.key()))
            .consistent_read(true)
            .send()
            .await;
        Ok(got.map_err(|e| classify(operation, &place.sort, &e))?.item)
    }

    /// Returns the items at these keys (at most 100), in any order.
    pub(super) async fn get_all(
        &self,
        operation: &'static str,
        places: &[Place],
    ) -> PortResult<Vec<Item>> {
        let mut keys: Vec<Item> = places.iter().map(Place::key).collect();
        let mut items = Vec::new();
        // DynamoDB may return only some of the items, for example if it is throttled.
        for _ in 0..PARTIAL_ANSWERS_MAX {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let wanted = wanted.build().map_err(|e| self.fail(operation, e))?;
            let got = self.client.batch_get_item().request_items(&self.name, wanted).send().await;
            let got = got.map_err(|e| classify(operation, &self.name, &e))?;
            items.extend(got.responses.unwrap_or_default().remove(&self.name).unwrap_or_default());
            let left = got.unprocessed_keys.unwrap_or_default().remove(&self.name);
            match left.filter(|left| !left.keys.is_empty()) {
                None => return Ok(items),
                Some(left) => keys = left.keys,
            }
        }
        Err(PortError::new(Class::Transient, operation, &self.name, "throttled"))
    }

    /// Returns items of one partition, ordered by their sort keys.
    pub(super) async fn query(
        &self,
        operation: &'static str,
        partition: &str,
        range: &Range<'_>,
    ) -> PortResult<Vec<Item>> {
        let mut items = Vec::new();
        // An exclusive start: `after` itself is not returned.
        let mut start = range
            .after
            .map(|after| Place { partition: partition.to_owned(), sort: after.to_owned() }.key());
        loop {
            let left =
                range.limit.map(|limit| i32::try_from(limit - items.len()).unwrap_or(i32::MAX));
            let mut query = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .set_limit(left)
                .set_exclusive_start_key(start)
                .expression_attribute_values(":pk", text(partition));
            query = match range.begin {
                "" => query.key_condition_expression("pk = :pk"),
                begin => query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :begin)")
                    .expression_attribute_values(":begin", text(begin)),
            };
            let page = query.send().await.map_err(|e| classify(operation, partition, &e))?;
            items.extend(page.items.unwrap_or_default());
            // A page ends after 1 MB, even if the limit is not reached.
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || range.limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
        }
    }

    /// Puts one item; false if its condition does not hold.
    pub(super) async fn put(
        &self,
        operation: &'static str,
        target: &str,
        item: Item,
        condition: Condition,
    ) -> PortResult<bool> {
        let (expression, values) = condition.render();
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(expression)
            .set_expression_attribute_values(values);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(e) if e.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(e) => Err(classify(operation, target, &e)),
        }
    }

    /// Writes all items, or none. Returns for each whether its condition held (if all did,
    /// the items are written).
    pub(super) async fn transact(
        &self,
        operation: &'static str,
        target: &str,
        writes: Vec<TransactWriteItem>,
    ) -> PortResult<Vec<bool>> {
        let count = writes.len();
        // The SDK adds an idempotency token, so its own retries cannot write twice.
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let error = match sent {
            Ok(_) => return Ok(vec![true; count]),
            Err(error) => error,
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
            error.as_service_error()
        else {
            return Err(classify(operation, target, &error));
        };
        // One reason per item, in the order of the writes.
        let codes: Vec<&str> =
            canceled.cancellation_reasons().iter().map(|r| r.code().unwrap_or("None")).collect();
        let other = codes.iter().find(|code| !matches!(**code, "None" | CONDITION));
        match other {
            None if codes.contains(&CONDITION) => {
                Ok(codes.iter().map(|code| *code != CONDITION).collect())
            }
            // Another transaction holds an item at the moment, or there are too many.
            Some(
                &("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"),
            ) => Err(PortError::new(Class::Transient, operation, target, "the row is busy")),
            code => {
                let cause = format!("the transaction is refused: {}", code.unwrap_or(&"no reason"));
                Err(PortError::new(Class::Permanent, operation, target, cause))
            }
        }
    }

    /// Returns a put for a transaction.
    pub(super) fn put_in(&self, item: Item, condition: Condition) -> PortResult<TransactWriteItem> {
        let (expression, values) = condition.render();
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(expression)
            .set_expression_attribute_values(values);
        let put = put.build().map_err(|e| self.fail("write row", e))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns an update of one attribute for a transaction.
    pub(super) fn update_in(
        &self,
        place: &Place,
        update: &str,
        condition: &str,
        values: Item,
    ) -> PortResult<TransactWriteItem> {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(place.key()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        let update = update.build().map_err(|e| self.fail("write row", e))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn fail(&self, operation: &'static str, e: impl std::fmt::Display) -> PortError {
        PortError::new(Class::Permanent, operation, &self.name, e)
    }
}

impl Condition {
    fn render(self) -> (&'static str, Option<Item>) {
        match self {
            Self::Absent => ("attribute_not_exists(pk)", None),
            Self::Revision(rev) => ("rev = :rev", Some([(":rev".into(), number(rev))].into())),
            Self::OtherPin(pin) => (
                "attribute_not_exists(pk) OR pinned <> :pinned",
                Some([(":pinned".into(), text(pin))].into()),
            ),
        }
    }
}
