//! The parts of a project on AWS that commands for both modes use.
//!
//! `without_aws.rs` has the same items for an `sce` that is built without the
//! feature `aws`.

pub(crate) use sce_cloud::aws::{Aws, open};
use sce_cloud::error::PortResult;
use sce_cloud::ports::Ports;
use sce_core::launch::TemplateFacts;

/// The ports of the project.
pub(crate) fn ports(aws: &Aws) -> &Ports {
    &aws.ports
}

/// The region of the project.
pub(crate) fn region(aws: &Aws) -> &str {
    &aws.resources.region
}

/// The properties of a worker in the launch template.
pub(crate) async fn template(aws: &Aws) -> PortResult<TemplateFacts> {
    aws.fleet.template().await
}

/// Fails if the launch template differs from the environment's.
pub(crate) async fn check_template(aws: &Aws) -> PortResult<()> {
    aws.fleet.check_template().await.map(drop)
}
