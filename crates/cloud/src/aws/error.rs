//! Classifies the errors of AWS: whether a retry can help.
//!
//! Used by every adapter of this module. Texts contain the service's code and
//! message, which name resources and callers. They must never contain data.

use std::error::Error;
use std::fmt::Display;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::ErrorKind;

use crate::error::{Class, PortError};

/// The longest text of a service that is shown, in characters.
const TEXT_MAX: usize = 300;

/// Codes of errors that pass by themselves: throttling, internal errors, and credentials
/// that the next call renews.
const TRANSIENT: [&str; 30] = [
    "BandwidthLimitExceeded",
    "ConditionalRequestConflict",
    "DependencyTimeoutException",
    "EC2ThrottledException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "KMSInternalException",
    "KeyUnavailableException",
    "LimitExceededException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Codes of errors that the user must correct: permissions, credentials, missing resources
/// of the environment.
const CONFIGURATION: [&str; 19] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "AuthorizationError",
    "AuthorizationErrorException",
    "InstanceLimitExceeded",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidLaunchTemplateName.NotFoundException",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
    "VcpuLimitExceeded",
];

/// Returns the port's error for a failed call.
pub(super) fn classify<E>(
    operation: &'static str,
    target: impl Display,
    error: &SdkError<E, HttpResponse>,
) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (class, cause) = match error {
        SdkError::TimeoutError(_) => (Class::Transient, "no response in time".to_owned()),
        SdkError::ResponseError(_) => (Class::Transient, "unreadable response".to_owned()),
        // For example if the connection was closed before the response.
        SdkError::DispatchFailure(e)
            if e.is_io() || e.is_timeout() || e.as_other() == Some(ErrorKind::TransientError) =>
        {
            (Class::Transient, text(DisplayErrorContext(error)))
        }
        SdkError::ServiceError(e) => {
            let (code, message) = (e.err().code(), e.err().message().unwrap_or_default());
            let status = e.raw().status().as_u16();
            let name = code.map_or_else(|| format!("HTTP status {status}"), str::to_owned);
            let text = match code {
                // The text of S3 contains the object key, which may not have passed the rules
                // for names.
                Some("AccessDenied") => format!("{name}: check the permissions of this role"),
                _ => text(format_args!("{name}: {message}")),
            };
            (class_of(code, status), text)
        }
        // No credentials, no region, or the request cannot be built.
        _ => (
            Class::Configuration,
            format!("{}: check region and credentials", text(DisplayErrorContext(error))),
        ),
    };
    PortError::new(class, operation, target, cause)
}

fn class_of(code: Option<&str>, status: u16) -> Class {
    // The code first: S3 and EC2 use the same status for errors of different classes.
    match code {
        Some(code) if TRANSIENT.contains(&code) => Class::Transient,
        Some(code) if CONFIGURATION.contains(&code) => Class::Configuration,
        _ if status >= 500 || status == 429 => Class::Transient,
        _ if status == 403 => Class::Configuration,
        _ => Class::Permanent,
    }
}

fn text(of: impl Display) -> String {
    of.to_string().chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_decided_by_code_then_by_status() {
        for (code, status, class) in [
            (Some("ThrottlingException"), 400, Class::Transient),
            (Some("ExpiredTokenException"), 400, Class::Transient),
            (Some("InsufficientInstanceCapacity"), 500, Class::Transient),
            (Some("AccessDeniedException"), 400, Class::Configuration),
            (Some("AccessDenied"), 403, Class::Configuration),
            (Some("NoSuchBucket"), 404, Class::Configuration),
            (Some("ValidationException"), 400, Class::Permanent),
            (Some("Whatever"), 503, Class::Transient),
            (None, 500, Class::Transient),
            (None, 429, Class::Transient),
            (None, 403, Class::Configuration),
            (None, 400, Class::Permanent),
        ] {
            assert_eq!(class_of(code, status), class, "{code:?} {status}");
        }
    }
}
