//! Clients of an account, and the errors of their calls.
//!
//! Used by every module of [`super`].

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_smithy_types::error::display::DisplayErrorContext;
use sce_cloud::aws::{Clients, loader};
use sce_core::resources::Resources;
use serde_json::{Value, json};

/// Longest text of an error that never reached a service, in characters.
const TEXT_MAX: usize = 160;

/// An account through one user's credentials: clients of every service that an
/// environment uses.
#[derive(Debug, Clone)]
pub struct Account {
    /// What the environment's resources are called.
    pub place: Resources,
    /// Clients of the services that the job itself uses, too.
    pub clients: Clients,
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    pub(super) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(super) config: aws_sdk_config::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) s3control: aws_sdk_s3control::Client,
    /// Where an emulator answers, in AWS's place.
    pub(super) emulator: Option<String>,
}

/// Why the account cannot be asked or changed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {target}: {cause}")]
pub struct AccountError {
    operation: &'static str,
    target: String,
    pub(super) cause: String,
    code: Option<String>,
}

impl AccountError {
    /// An error of our own.
    pub(crate) fn new(
        operation: &'static str,
        target: impl std::fmt::Display,
        cause: impl Into<String>,
    ) -> Self {
        Self { operation, target: target.to_string(), cause: cause.into(), code: None }
    }

    /// The service's name for it.
    pub(super) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    /// Whether it says that the thing is not there.
    pub(super) fn is_absent(&self) -> bool {
        let code = self.code();
        ["NotFound", "NoSuch", "NonExistent", "DoesNotExist"].iter().any(|of| code.contains(of))
    }
}

/// The result of a call.
pub(super) type Answer<T> = Result<T, AccountError>;

/// The error of a call.
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
            _ => DisplayErrorContext(&error).to_string().chars().take(TEXT_MAX).collect(),
        };
        AccountError { operation, target, cause, code }
    }
}

impl Account {
    /// The account of these credentials, if it is the one that settings name.
    ///
    /// # Errors
    /// No region or credentials, or another account's.
    pub async fn open(
        pit: sce_core::ids::Pit,
        account: Option<sce_core::resources::Account>,
        region: Option<String>,
    ) -> Answer<Self> {
        let shared = loader(region).load().await;
        let clients = Clients::of(&shared);
        let region = clients.region.clone().ok_or_else(|| {
            let remedy = "no region: write it under [aws] in sce.toml, or set AWS_REGION";
            AccountError::new("open", "the account", remedy)
        })?;
        let sts = aws_sdk_sts::Client::new(&shared);
        let caller = sts.get_caller_identity().send().await;
        let caller = caller.map_err(failed("ask whose credentials these are", ""))?;
        let own: sce_core::resources::Account =
            caller.account.and_then(|own| own.parse().ok()).ok_or_else(|| {
                AccountError::new("open", "the account", "it does not say its number")
            })?;
        if let Some(named) = account.filter(|named| *named != own) {
            let cause = format!("sce.toml names account {named}, the credentials are of {own}");
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

    /// Whether this is no account at all but an emulator.
    pub const fn is_emulated(&self) -> bool {
        self.emulator.is_some()
    }
}

/// Whether an endpoint is one of AWS's own, as that of a VPC endpoint.
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
