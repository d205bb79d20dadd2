//! Queues, the topic and its subscription.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::document;
use crate::aws::account::{Account, Answer, failed};

impl Account {
    pub(super) async fn queue(&self, url: &str) -> Answer<Option<Value>> {
        let asked = self.clients.sqs.get_queue_attributes().queue_url(url);
        let read = asked.attribute_names(QueueAttributeName::All).send().await;
        let read = read.map_err(failed("read queue", url))?.attributes.unwrap_or_default();
        let of = |name: QueueAttributeName| read.get(&name).map(String::as_str);
        Ok(Some(json!({
            "KmsMasterKeyId": of(QueueAttributeName::KmsMasterKeyId).unwrap_or("none"),
            "MessageRetentionPeriod": of(QueueAttributeName::MessageRetentionPeriod),
            "RedrivePolicy": document(Some(of(QueueAttributeName::RedrivePolicy).unwrap_or("none"))),
        })))
    }

    pub(super) async fn queue_policy(&self, queue: &Value) -> Answer<Option<Value>> {
        let url = queue.as_str().unwrap_or_default();
        let asked = self.clients.sqs.get_queue_attributes().queue_url(url);
        let read = asked.attribute_names(QueueAttributeName::Policy).send().await;
        let read = read.map_err(failed("read policy of queue", url))?.attributes;
        let policy = read.and_then(|mut of| of.remove(&QueueAttributeName::Policy));
        Ok(Some(json!({ "PolicyDocument": document(Some(policy.as_deref().unwrap_or("none"))) })))
    }

    pub(super) async fn topic(&self, arn: &str) -> Answer<Option<Value>> {
        let read = self.clients.sns.get_topic_attributes().topic_arn(arn).send().await;
        let read = read.map_err(failed("read topic", arn))?.attributes.unwrap_or_default();
        let key = read.get("KmsMasterKeyId").filter(|of| !of.is_empty());
        Ok(Some(json!({ "KmsMasterKeyId": key.map_or("none", String::as_str) })))
    }

    pub(super) async fn topic_policy(&self, topic: &Value) -> Answer<Option<Value>> {
        let arn = topic.as_str().unwrap_or_default();
        let read = self.clients.sns.get_topic_attributes().topic_arn(arn).send().await;
        let read =
            read.map_err(failed("read policy of topic", arn))?.attributes.unwrap_or_default();
        let policy = read.get("Policy").map_or("none", String::as_str);
        Ok(Some(json!({ "PolicyDocument": document(Some(policy)) })))
    }

    /// Finds the subscription by its endpoint: it has no ARN of its own until
    /// the recipient confirms it.
    pub(super) async fn subscription(&self, id: &str, expected: &Value) -> Answer<Option<Value>> {
        let topic = self.place.topic_arn();
        let asked = self.clients.sns.list_subscriptions_by_topic().topic_arn(&topic);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("read subscriptions of topic", &topic))?;
            let mut all = page.subscriptions.into_iter().flatten();
            let Some(of) = all.find(|of| {
                let same = of.endpoint.as_deref() == expected["Endpoint"].as_str();
                same || of.subscription_arn.as_deref() == Some(id)
            }) else {
                continue;
            };
            let wait = "the subscription is not confirmed: no notices are delivered until it is";
            let confirmed = match of.subscription_arn.as_deref() {
                Some("PendingConfirmation") => json!({ "unreadable": wait }),
                Some(arn) => json!(arn.starts_with("arn:")),
                None => Value::Null,
            };
            return Ok(Some(json!({
                "Endpoint": of.endpoint, "Protocol": of.protocol, "Confirmed": confirmed
            })));
        }
        Ok(None)
    }
}
