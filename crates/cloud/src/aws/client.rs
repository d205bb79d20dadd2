//! The clients of AWS services: connections, timeouts, retries, and counts of the
//! requests that they send.
//!
//! Used by the adapters of this module and by `provision`. No other client may be
//! created, so that every request has the same limits and is counted.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::counts::RequestCounts;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take: longer than the longest poll (20 s).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// The same for S3, where it includes the body of a part: a line of 2 Mbit/s needs about 13
/// minutes for 24 parts of 8 MiB at once. The SDK ends transfers that make no progress.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(1200);
/// Attempts of one call in the SDK, with waits between 0 and 0.2, 0.4, … s. Callers retry
/// errors that are still transient.
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Intercept for RequestCounts {
    fn name(&self) -> &'static str {
        "RequestCounts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(sent) = config.load::<Metadata>() {
            self.note(sent.service(), sent.name());
        }
        Ok(())
    }
}

/// A client of every service that the adapters call.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Objects.
    pub s3: aws_sdk_s3::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// The ledger's table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Notices.
    pub sns: aws_sdk_sns::Client,
    /// Data keys.
    pub kms: aws_sdk_kms::Client,
    /// Workers.
    pub ec2: aws_sdk_ec2::Client,
    /// True if they use an emulator: one endpoint was given for all of them.
    pub emulated: bool,
    /// The region of all clients.
    pub region: Option<String>,
    /// Counts of their requests.
    pub counts: RequestCounts,
}

impl Clients {
    /// Creates clients by the standard chain (environment variables, profile, instance
    /// role); respects `AWS_ENDPOINT_URL`.
    pub async fn connect(region: Option<String>) -> Self {
        Self::of(&loader(region).load().await)
    }

    /// Creates clients in another role, which the role of the standard chain can assume. It
    /// is assumed again before it expires.
    pub async fn in_role(region: Option<String>, role_arn: String) -> Self {
        let own = loader(region).load().await;
        // The session has the role's name, so that CloudTrail shows which service called.
        let session = role_arn.rsplit('/').next().unwrap_or_default().to_owned();
        let role = AssumeRoleProvider::builder(role_arn).session_name(session).configure(&own);
        let role = SharedCredentialsProvider::new(role.build().await);
        Self::of(&own.into_builder().credentials_provider(role).build())
    }

    /// Creates clients that share a configuration.
    pub fn of(shared: &SdkConfig) -> Self {
        let counts = RequestCounts::default();
        // The host name of a bucket resolves for AWS, not for an emulator.
        let emulated = shared.endpoint_url().is_some();
        Self {
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(shared)
                    .force_path_style(emulated)
                    .timeout_config(timeouts(TRANSFER_TIMEOUT))
                    .interceptor(counts.clone())
                    .build(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(
                aws_sdk_sqs::config::Builder::from(shared).interceptor(counts.clone()).build(),
            ),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::config::Builder::from(shared).interceptor(counts.clone()).build(),
            ),
            sns: aws_sdk_sns::Client::from_conf(
                aws_sdk_sns::config::Builder::from(shared).interceptor(counts.clone()).build(),
            ),
            kms: aws_sdk_kms::Client::from_conf(
                aws_sdk_kms::config::Builder::from(shared).interceptor(counts.clone()).build(),
            ),
            ec2: aws_sdk_ec2::Client::from_conf(
                aws_sdk_ec2::config::Builder::from(shared).interceptor(counts.clone()).build(),
            ),
            emulated,
            region: shared.region().map(ToString::to_string),
            counts,
        }
    }
}

/// Returns a configuration by the standard chain, with our timeouts and retries.
pub fn loader(region: Option<String>) -> ConfigLoader {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_WAIT)
        .with_max_backoff(LONGEST_WAIT);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts(ATTEMPT_TIMEOUT))
        .retry_config(retries);
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    loader
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// Creates the only HTTP client; the AWS crates are built without one.
pub(super) fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
