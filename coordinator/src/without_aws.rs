//! Replaces `aws.rs` if `sce` is built without the feature `aws`: opening a
//! project on AWS is an error.

use sce_cloud::caller::Caller;
use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::ports::Ports;
use sce_cloud::settings::Settings;
use sce_core::launch::TemplateFacts;

/// The cause and the remedy, for error messages.
pub(crate) const NEEDS_AWS: &str = "this sce was built without AWS support (by `make demo`): \
                                    build it with `make build`, or install the package";

/// A project on AWS; no value of this type exists.
pub(crate) enum Aws {}

/// Always fails.
pub(crate) async fn open(settings: &Settings, _caller: Caller) -> PortResult<Aws> {
    let class = Class::Configuration;
    Err(PortError::new(class, "open project", &settings.pit, NEEDS_AWS))
}

/// As in `aws.rs`.
pub(crate) fn ports(aws: &Aws) -> &Ports {
    match *aws {}
}

/// As in `aws.rs`.
pub(crate) fn region(aws: &Aws) -> &str {
    match *aws {}
}

/// As in `aws.rs`.
pub(crate) async fn template(aws: &Aws) -> PortResult<TemplateFacts> {
    match *aws {}
}

/// As in `aws.rs`.
pub(crate) async fn check_template(aws: &Aws) -> PortResult<()> {
    match *aws {}
}
