//! Notices by SNS, which mails them. The subject travels unencrypted: ids and
//! counts only, as everywhere.

use async_trait::async_trait;
use aws_sdk_sns::Client;

use super::error::classify;
use crate::error::PortResult;
use crate::ports::Notifier;

/// SNS's longest subject, in characters.
const SUBJECT_MAX: usize = 100;

/// A topic, by its ARN.
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic of this ARN.
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

/// A subject that SNS takes: up to 100 printable ASCII characters.
fn plan_subject(subject: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    subject.chars().take(SUBJECT_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_what_sns_takes() {
        assert_eq!(plan_subject("[hipaa] run 01 done"), "[hipaa] run 01 done");
        assert_eq!(plan_subject("gr\u{fc}n\nred"), "gr?n?red");
        assert_eq!(plan_subject(&"a".repeat(300)).len(), 100);
    }
}
