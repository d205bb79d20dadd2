//! Replaces `instance.rs` if the agent is built without the feature `aws`:
//! every call is an error.

use sce_cloud::error::{Class, PortError};
use sce_cloud::ports::Ports;
use sce_cloud::settings::Settings;

const NEEDS_AWS: &str = "this sce-agent was built without AWS support (by `make demo`): build it \
                         with `make build`, or install the package";

fn refuse<T>() -> anyhow::Result<T> {
    let class = Class::Configuration;
    Err(PortError::new(class, "open project", "on AWS", NEEDS_AWS).into())
}

/// As in `instance.rs`.
pub(crate) async fn fetch() -> anyhow::Result<(Settings, String)> {
    refuse()
}

/// As in `instance.rs`.
pub(crate) async fn open(_settings: &Settings) -> anyhow::Result<Ports> {
    refuse()
}

/// As in `instance.rs`.
pub(crate) async fn terminate() -> anyhow::Result<()> {
    refuse()
}
