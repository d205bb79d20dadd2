//! The clients of AWS's services, made once: how they connect, how long they
//! wait, how often they try again, and a count of what they sent.

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

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take: longer than the longest poll (20 s).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// The same for S3, where it covers a part's body: 24 parts of 8 MiB at once
/// take a line of 2 Mbit/s some 13 minutes. The SDK ends what stands still.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(1200);
/// Attempts of one call within the SDK, waiting between 0 and 0.2, 0.4, … s;
/// callers try again where an error stays transient.
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
    /// They talk to an emulator: an endpoint was given for all of them.
    pub emulated: bool,
    /// The region that they all talk to.
    pub region: Option<String>,
    /// What they sent.
    pub counts: RequestCounts,
}

impl Clients {
    /// Clients by the standard chain (flags of the environment, profile,
    /// instance role); `AWS_ENDPOINT_URL` is honoured.
    pub async fn connect(region: Option<String>) -> Self {
        Self::of(&loader(region).load().await)
    }

    /// Clients in another role, which the role of the standard chain may take;
    /// it is taken afresh before it expires.
    pub async fn in_role(region: Option<String>, role_arn: String) -> Self {
        let own = loader(region).load().await;
        let session = role_arn.rsplit('/').next().unwrap_or_default().to_owned();
        let role = AssumeRoleProvider::builder(role_arn).session_name(session).configure(&own);
        let role = SharedCredentialsProvider::new(role.build().await);
        Self::of(&own.into_builder().credentials_provider(role).build())
    }

    /// Clients that share a configuration.
    pub fn of(shared: &SdkConfig) -> Self {
        let counts = RequestCounts::default();
        // A bucket's own host name resolves for AWS, not for an emulator.
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

/// A configuration by the standard chain, with our times and retries.
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

/// The one way out; AWS's crates bring none of their own.
pub(super) fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
