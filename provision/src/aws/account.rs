//! Clients of an account, and the errors of their calls.
//!
//! Used by every module of [`super`].

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_smithy_types::error::display::DisplayErrorContext;
use sce_cloud::aws::{Clients, loader};
use sce_core::resources::Resources;
use serde_json::{Value, json};

/// Maximum length of the text of an error without a service's code, in
/// characters.
const TEXT_MAX: usize = 160;

/// An AWS account, accessed with one user's credentials: clients of every
/// service that an environment uses.
#[derive(Debug, Clone)]
pub struct Account {
    /// Names of the environment's resources.
    pub place: Resources,
    /// Clients of the services that runs use, too.
    pub clients: Clients,
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    pub(super) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(super) config: aws_sdk_config::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) s3control: aws_sdk_s3control::Client,
    /// The endpoint of an emulator that replaces AWS.
    pub(super) emulator: Option<String>,
}

/// Why a request to the account failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {target}: {cause}")]
pub struct AccountError {
    operation: &'static str,
    target: String,
    pub(super) cause: String,
    code: Option<String>,
}

impl AccountError {
    /// An error that no service reported.
    pub(crate) fn new(
        operation: &'static str,
        target: impl std::fmt::Display,
        cause: impl Into<String>,
    ) -> Self {
        Self { operation, target: target.to_string(), cause: cause.into(), code: None }
    }

    /// The service's error code.
    pub(super) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    /// Whether the error means that the resource does not exist.
    pub(super) fn is_absent(&self) -> bool {
        let code = self.code();
        ["NotFound", "NoSuch", "NonExistent", "DoesNotExist"].iter().any(|of| code.contains(of))
    }
}

/// The result of a call.
pub(super) type Answer<T> = Result<T, AccountError>;

/// Converts the error of a call.
pub(super) fn failed<E, R>(
    operation: &'static str,
    target: impl std::fmt::Display,
) -> impl FnOnce(aws_smithy_runtime_api::client::result::SdkError<E, R>) -> AccountError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let target = target.to_string();
    move |error| {
        let code = error.code().map(str::to_owned);
        let cause = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            // Without a code, no service answered: only the chain of sources
            // explains why.
            _ => DisplayErrorContext(&error).to_string().chars().take(TEXT_MAX).collect(),
        };
        AccountError { operation, target, cause, code }
    }
}

impl Account {
    /// Opens the account of these credentials, if it is the one that the
    /// settings name.
    ///
    /// # Errors
    /// There is no region, there are no credentials, or they belong to another
    /// account.
    pub async fn open(
        pit: sce_core::ids::Pit,
        account: Option<sce_core::resources::Account>,
        region: Option<String>,
    ) -> Answer<Self> {
        let shared = loader(region).load().await;
        let clients = Clients::of(&shared);
        let region = clients.region.clone().ok_or_else(|| {
            let remedy = "no region: set it under [aws] in sce.toml, or set AWS_REGION";
            AccountError::new("open", "the account", remedy)
        })?;
        let sts = aws_sdk_sts::Client::new(&shared);
        let caller = sts.get_caller_identity().send().await;
        let caller = caller.map_err(failed("get the caller's identity", ""))?;
        let own: sce_core::resources::Account =
            caller.account.and_then(|own| own.parse().ok()).ok_or_else(|| {
                AccountError::new("open", "the account", "the response has no account id")
            })?;
        if let Some(named) = account.filter(|named| *named != own) {
            let cause = format!("sce.toml names account {named}, the credentials are for {own}");
            return Err(AccountError::new("open", "the account", cause));
        }
        Ok(Self {
            place: Resources { pit, account: own, region },
            cloudformation: aws_sdk_cloudformation::Client::new(&shared),
            cloudtrail: aws_sdk_cloudtrail::Client::new(&shared),
            config: aws_sdk_config::Client::new(&shared),
            iam: aws_sdk_iam::Client::new(&shared),
            logs: aws_sdk_cloudwatchlogs::Client::new(&shared),
            s3control: aws_sdk_s3control::Client::new(&shared),
            emulator: shared.endpoint_url().filter(|url| !is_aws(url)).map(str::to_owned),
            clients,
        })
    }

    /// Whether the endpoint is an emulator's, not AWS's.
    pub const fn is_emulated(&self) -> bool {
        self.emulator.is_some()
    }
}

/// Whether an endpoint belongs to AWS, such as a VPC endpoint.
fn is_aws(url: &str) -> bool {
    let host = url.split("://").last().and_then(|of| of.split(['/', ':']).next());
    let host = host.unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|of| host.ends_with(of))
}

/// A property that could not be read.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn unreadable(e: AccountError) -> Value {
    json!({ "unreadable": e.to_string() })
}
