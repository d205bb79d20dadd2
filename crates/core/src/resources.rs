//! The names of a project's resources on AWS: one rule, from the PIT and the
//! account, so that no name has to be copied into a file.
//!
//! Used by the AWS adapters and by `provision`, whose template must give the
//! same names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{IdError, Pit};
use crate::object::Bucket;

/// Tag with the PIT, on every resource.
pub const PIT_TAG: &str = "PIT";
/// Tag with the run, on every resource that a run started.
pub const RUN_TAG: &str = "sce:run";
/// Tag with the purpose of an instance or volume.
pub const ROLE_TAG: &str = "sce:role";
/// The value of [`ROLE_TAG`] on workers and their volumes.
pub const WORKER_ROLE: &str = "worker";

/// An AWS account: twelve digits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Account(String);

impl FromStr for Account {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::new("an AWS account", "12 digits"))
    }
}

impl TryFrom<String> for Account {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> String {
        account.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of one project's resources in one account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// The project.
    pub pit: Pit,
    /// The account of the resources.
    pub account: Account,
    /// The region of the resources, like `us-east-1`.
    pub region: String,
}

impl Resources {
    /// Returns the name of a bucket.
    pub fn bucket(&self, bucket: Bucket) -> String {
        // With the account, because bucket names are global.
        format!("{}-{}-{}", self.pit, self.account, bucket.name())
    }

    /// Returns the name of the DynamoDB table of runs, units, counters and names.
    pub fn table(&self) -> String {
        format!("{}-ledger", self.pit)
    }

    /// Returns the name of the queue of units.
    pub fn units_queue(&self) -> String {
        format!("{}-units", self.pit)
    }

    /// Returns the name of the dead-letter queue of the units.
    pub fn dead_letters_queue(&self) -> String {
        format!("{}-units-dead", self.pit)
    }

    /// Returns the name of the queue to which S3 reports uploads.
    pub fn uploads_queue(&self) -> String {
        format!("{}-uploads", self.pit)
    }

    /// Returns the ARN of the topic of notices.
    pub fn topic_arn(&self) -> String {
        format!(
            "arn:{}:sns:{}:{}:{}-notices",
            self.partition(),
            self.region,
            self.account,
            self.pit
        )
    }

    /// Returns the alias of the project's KMS key.
    pub fn key_alias(&self) -> String {
        format!("alias/{}", self.pit)
    }

    /// Returns the same alias as an ARN, which S3 and KMS accept from any caller.
    pub fn key_alias_arn(&self) -> String {
        format!(
            "arn:{}:kms:{}:{}:{}",
            self.partition(),
            self.region,
            self.account,
            self.key_alias()
        )
    }

    /// Returns the name of the environment's CloudFormation stack.
    pub fn stack(&self) -> String {
        self.pit.to_string()
    }

    /// Returns the ARN of the role that registers uploads.
    pub fn intake_role_arn(&self) -> String {
        format!("arn:{}:iam::{}:role/{}-intake", self.partition(), self.account, self.pit)
    }

    /// Returns the name of the launch template of workers.
    pub fn launch_template(&self) -> String {
        format!("{}-worker", self.pit)
    }

    /// Returns the AWS partition of the region, as ARNs name it.
    pub fn partition(&self) -> &'static str {
        // By prefix, so that a new region needs no change here.
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn resources(region: &str) -> Resources {
        Resources {
            pit: "hipaa".parse().unwrap(),
            account: "123456789012".parse().unwrap(),
            region: region.to_owned(),
        }
    }

    #[test]
    fn names_follow_from_pit_and_account() {
        let names = resources("us-east-1");
        assert_eq!(names.bucket(Bucket::Data), "hipaa-123456789012-data");
        assert_eq!(names.topic_arn(), "arn:aws:sns:us-east-1:123456789012:hipaa-notices");
        assert_eq!(names.key_alias_arn(), "arn:aws:kms:us-east-1:123456789012:alias/hipaa");
    }

    #[test]
    fn a_bucket_name_fits_the_longest_pit() {
        let pit: Pit = "abcdefghijklmnopqrst".parse().unwrap();
        let names = Resources { pit, ..resources("us-east-1") };
        // The limit of S3.
        assert!(Bucket::ALL.iter().all(|&bucket| names.bucket(bucket).len() <= 63));
    }

    #[test]
    fn other_partitions_have_other_arns() {
        assert!(resources("us-gov-west-1").topic_arn().starts_with("arn:aws-us-gov:"));
        assert!(resources("cn-north-1").topic_arn().starts_with("arn:aws-cn:"));
    }

    #[test]
    fn an_account_is_twelve_digits() {
        for bad in ["", "12345678901", "1234567890123", "12345678901a"] {
            assert!(bad.parse::<Account>().is_err(), "{bad}");
        }
    }
}
