//! Notices by SNS, which sends mails.
//!
//! Used through the port. Mail is not encrypted, so subject and text must contain
//! ids and counts only.

use async_trait::async_trait;
use aws_sdk_sns::Client;

use super::error::classify;
use crate::error::PortResult;
use crate::ports::Notifier;

/// The longest subject that SNS accepts, in characters.
const SUBJECT_MAX: usize = 100;

/// A topic, by its ARN.
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// Creates a notifier for the topic with this ARN.
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl Notifier for SnsTopic {
    async fn publish(&self, subject: &str, text: &str) -> PortResult<()> {
        let publish = self.client.publish().topic_arn(&self.arn);
        let published = publish.subject(plan_subject(subject)).message(text).send().await;
        published.map(drop).map_err(|e| classify("publish notice", &self.arn, &e))
    }
}

/// Returns a subject that SNS accepts: up to 100 printable ASCII characters.
fn plan_subject(subject: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    subject.chars().take(SUBJECT_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_reduced_to_what_sns_accepts() {
        assert_eq!(plan_subject("[hipaa] run 01 done"), "[hipaa] run 01 done");
        assert_eq!(plan_subject("gr\u{fc}n\nred"), "gr?n?red");
        assert_eq!(plan_subject(&"a".repeat(300)).len(), 100);
    }
}
