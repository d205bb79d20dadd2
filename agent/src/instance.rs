//! The EC2 instance that this agent runs on.
//!
//! `without_instance.rs` has the same items for an agent that is built without
//! the feature `aws`.

use sce_cloud::aws::{self, Clients, OwnInstance};
use sce_cloud::caller::Caller;
use sce_cloud::ports::Ports;
use sce_cloud::settings::Settings;

/// Returns the settings in the instance's user data, and the instance's id.
pub(crate) async fn fetch() -> anyhow::Result<(Settings, String)> {
    let instance = OwnInstance::fetch().await?;
    Ok((instance.settings()?, instance.id))
}

/// Opens the ports of a project on AWS.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Ports> {
    Ok(aws::open(settings, Caller::HandlesData).await?.ports)
}

/// Terminates this instance.
pub(crate) async fn terminate() -> anyhow::Result<()> {
    let instance = OwnInstance::fetch().await?;
    instance.terminate(&Clients::connect(Some(instance.region.clone())).await).await?;
    Ok(())
}
