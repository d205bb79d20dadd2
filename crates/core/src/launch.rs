//! Launching workers: what the launch template must say, and what a request
//! adds to it.
//!
//! The template is the one source of tenancy, volumes, network and role; a
//! request adds a count, a client token, tags and user data. Used by the EC2
//! adapter before every launch, and by tests that read the template itself.

use crate::cost::is_refused_family;
use crate::ids::RunId;
use crate::resources::{PIT_TAG, ROLE_TAG, RUN_TAG, Resources, WORKER_ROLE};
use crate::run::LaunchIntent;

/// Tag that carries a launch's token.
pub const LAUNCH_TAG: &str = "sce:launch";
/// Longest user data that EC2 takes, in bytes (16 KiB).
pub const USER_DATA_MAX_BYTES: usize = 16 << 10;

/// What a launch template says, as read back from EC2 or from its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFacts {
    /// As `m5.large`.
    pub instance_type: String,
    /// `dedicated`, `default` or `host`.
    pub tenancy: String,
    /// What a shutdown from within does.
    pub shutdown_behavior: String,
    /// `required`: no metadata without a session token (IMDSv2).
    pub metadata_tokens: String,
    /// Over how many hops the metadata service answers.
    pub metadata_hops: i32,
    /// The role that instances have.
    pub instance_profile: Option<String>,
    /// Network interfaces.
    pub interfaces: Vec<InterfaceFacts>,
    /// Volumes.
    pub volumes: Vec<VolumeFacts>,
}

/// A network interface of a launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Where it is.
    pub subnet: Option<String>,
    /// Whether it gets a public address (`None`: as the subnet says).
    pub public_address: Option<bool>,
}

/// A volume of a launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// As `/dev/sdf`.
    pub device: String,
    /// In GiB.
    pub size_gib: u32,
    /// Encrypted at rest?
    pub encrypted: bool,
    /// Under which KMS key.
    pub key: Option<String>,
    /// Deleted with its instance?
    pub deleted_with_instance: bool,
}

/// Where the template attaches /hipaa.
pub const HIPAA_DEVICE: &str = "/dev/sdf";

/// What the template must say and does not, a line each; with any of them,
/// nothing is launched. `key_arn` is the project's key.
pub fn find_template_faults(facts: &TemplateFacts, key_arn: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    require(facts.tenancy == "dedicated", "tenancy is not dedicated".into());
    let kind = &facts.instance_type;
    let allowed = !kind.is_empty() && !is_refused_family(kind);
    require(allowed, "no instance type, or one of the t family".into());
    require(facts.shutdown_behavior == "terminate", "a shutdown does not terminate".into());
    require(facts.metadata_tokens == "required", "metadata version 1 is answered (IMDSv2)".into());
    require(facts.metadata_hops == 1, "metadata is answered over more than one hop".into());
    require(facts.instance_profile.is_some(), "instances have no role".into());
    require(!facts.interfaces.is_empty(), "no network interface is given".into());
    for interface in &facts.interfaces {
        require(interface.subnet.is_some(), "an interface names no subnet".into());
        require(interface.public_address == Some(false), "a public address is possible".into());
    }
    let hipaa = facts.volumes.iter().any(|volume| volume.device == HIPAA_DEVICE);
    require(hipaa, format!("there is no volume for /hipaa at {HIPAA_DEVICE}"));
    for volume in &facts.volumes {
        let device = &volume.device;
        require(volume.encrypted, format!("volume {device} is not encrypted"));
        let ours = volume.key.as_deref() == Some(key_arn);
        require(ours, format!("volume {device} is not under the project's key"));
        require(volume.deleted_with_instance, format!("volume {device} outlives its instance"));
    }
    faults
}

/// What one launch asks of EC2 beside the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRequest {
    /// Name of the launch template; its latest version is taken.
    pub template: String,
    /// Most workers; fewer, but one, where there is no more room.
    pub workers: u32,
    /// Makes a repeated request start nothing more.
    pub client_token: String,
    /// On instances and volumes.
    pub tags: Vec<(&'static str, String)>,
    /// Settings of the workers: ids and names only.
    pub user_data: String,
}

/// The request of a launch.
pub fn plan_launch(resources: &Resources, intent: &LaunchIntent, user_data: &str) -> LaunchRequest {
    LaunchRequest {
        template: resources.launch_template(),
        workers: intent.workers,
        client_token: intent.token(),
        tags: vec![
            (PIT_TAG, resources.pit.to_string()),
            (ROLE_TAG, WORKER_ROLE.to_owned()),
            (RUN_TAG, intent.run.to_string()),
            (LAUNCH_TAG, intent.token()),
            ("Name", format!("{}-worker-{}", resources.pit, short(intent.run))),
        ],
        user_data: user_data.to_owned(),
    }
}

fn short(run: RunId) -> String {
    run.to_string().chars().take(8).collect()
}

/// Whether EC2's state reason tells of a worker that the engine itself ended
/// (no key for its volume, no capacity, a fault at boot), not of one that left.
pub fn is_engine_failure(reason_code: &str) -> bool {
    !reason_code.is_empty()
        && !matches!(
            reason_code,
            "Client.UserInitiatedShutdown" | "Client.InstanceInitiatedShutdown"
        )
}

#[cfg(test)]
#[path = "launch_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
