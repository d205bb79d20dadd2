//! A queue in SQS.
//!
//! Used through the port. Messages must contain ids only.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{Delivery, WorkQueue};

/// Messages per call: the limit of SQS.
const BATCH: usize = 10;
/// Batches in flight at once.
const BATCHES_AHEAD: usize = 8;
/// The limits of SQS for waiting and for hiding a message, in seconds.
const WAIT_MAX: u64 = 20;
const VISIBILITY_MAX: u64 = 43_200;

/// A queue, by its URL.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Finds the queue of this name.
    ///
    /// # Errors
    /// Returns an error if it does not exist or access is denied.
    pub async fn open(client: Client, name: &str) -> PortResult<Self> {
        let found = client.get_queue_url().queue_name(name).send().await;
        let url = found.map_err(|e| classify("find queue", name, &e))?.queue_url;
        let url = url
            .ok_or_else(|| PortError::new(Class::Permanent, "find queue", name, "it has no URL"))?;
        Ok(Self { client, url })
    }

    async fn send_batch(&self, bodies: &[String]) -> PortResult<()> {
        let entries = bodies.iter().enumerate().map(|(n, body)| {
            SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(body).build()
        });
        let entries = entries
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| PortError::new(Class::Permanent, "send messages", bodies.len(), e))?;
        let sent = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|e| classify("send messages", bodies.len(), &e))?;
        // A retry sends all ten again: messages are hints, so duplicates are harmless.
        sent.failed.first().map_or(Ok(()), |failed| Err(refused(failed, sent.failed.len())))
    }
}

fn refused(failed: &BatchResultErrorEntry, count: usize) -> PortError {
    let class = if failed.sender_fault { Class::Permanent } else { Class::Transient };
    PortError::new(class, "send messages", count, format!("the queue returned {}", failed.code))
}

/// Rounds up to whole seconds, the unit of SQS, and limits them to `most`.
fn seconds(duration: Duration, most: u64) -> i32 {
    let up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(up.min(most)).unwrap_or(i32::MAX)
}

#[async_trait]
impl WorkQueue for SqsQueue {
    async fn send(&self, bodies: &[String]) -> PortResult<()> {
        let sends: Vec<_> = bodies.chunks(BATCH).map(|batch| self.send_batch(batch)).collect();
        stream::iter(sends).buffer_unordered(BATCHES_AHEAD).try_collect().await
    }

    async fn receive(&self, wait: Duration, visibility: Duration) -> PortResult<Option<Delivery>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            // One message: the lease of a second one would run while it waits.
            .max_number_of_messages(1)
            .wait_time_seconds(seconds(wait, WAIT_MAX))
            .visibility_timeout(seconds(visibility, VISIBILITY_MAX))
            .send()
            .await
            .map_err(|e| classify("receive message", "from the queue", &e))?;
        let message = received.messages.unwrap_or_default().into_iter().next();
        // Without a receipt the message could not be deleted: it reappears by itself.
        Ok(message.and_then(|message| {
            Some(Delivery { body: message.body?, receipt: message.receipt_handle? })
        }))
    }

    async fn extend(&self, receipt: &str, after: Duration) -> PortResult<()> {
        let changed = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(after, VISIBILITY_MAX))
            .send()
            .await;
        changed.map(drop).map_err(|e| classify("extend message", "in the queue", &e))
    }

    async fn delete(&self, receipt: &str) -> PortResult<()> {
        let deleted =
            self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        match deleted {
            // The message is deleted already, or was delivered to another receiver.
            Err(e) if e.code() != Some("ReceiptHandleIsInvalid") => {
                Err(classify("delete message", "from the queue", &e))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up_to_whole_seconds() {
        for (millis, most, expected) in
            [(0, 20, 0), (1, 20, 1), (1000, 20, 1), (1001, 20, 2), (90_000, 20, 20)]
        {
            assert_eq!(seconds(Duration::from_millis(millis), most), expected);
        }
    }
}
