//! Launching workers: the required settings of the launch template, and what a
//! request adds to it.
//!
//! Used by the EC2 adapter before every launch, and by tests that read the
//! template itself. The template alone sets tenancy, volumes, network and role;
//! a request must add only a count, a client token, tags and user data.

use crate::cost::is_refused_family;
use crate::ids::RunId;
use crate::resources::{PIT_TAG, ROLE_TAG, RUN_TAG, Resources, WORKER_ROLE};
use crate::run::LaunchIntent;

/// Tag with the token of a launch.
pub const LAUNCH_TAG: &str = "sce:launch";
/// The longest user data that EC2 accepts, in bytes (16 KiB).
pub const USER_DATA_MAX_BYTES: usize = 16 << 10;

/// The settings of a launch template, as read from EC2 or from its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFacts {
    /// Instance type, like `m5.large`.
    pub instance_type: String,
    /// `dedicated`, `default` or `host`.
    pub tenancy: String,
    /// The effect of a shutdown from within the instance.
    pub shutdown_behavior: String,
    /// `required`: no metadata without a session token (IMDSv2).
    pub metadata_tokens: String,
    /// The number of hops over which the metadata service answers.
    pub metadata_hops: i32,
    /// The role of the instances.
    pub instance_profile: Option<String>,
    /// Network interfaces.
    pub interfaces: Vec<InterfaceFacts>,
    /// Volumes.
    pub volumes: Vec<VolumeFacts>,
}

/// A network interface of a launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// The subnet.
    pub subnet: Option<String>,
    /// Whether it gets a public address (`None`: the subnet decides).
    pub public_address: Option<bool>,
}

/// A volume of a launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// Device name, like `/dev/sdf`.
    pub device: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Whether it is encrypted at rest.
    pub encrypted: bool,
    /// The KMS key that encrypts it.
    pub key: Option<String>,
    /// Whether it is deleted with its instance.
    pub deleted_with_instance: bool,
}

/// The device at which the template attaches the volume for /hipaa.
pub const HIPAA_DEVICE: &str = "/dev/sdf";

/// Returns each required setting that the template does not have, one per line. With any
/// fault, nothing is launched. `key_arn` is the project's key.
pub fn find_template_faults(facts: &TemplateFacts, key_arn: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // Collects all faults, so that one attempt shows everything to correct.
    let mut require = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    require(facts.tenancy == "dedicated", "tenancy is not dedicated".into());
    let kind = &facts.instance_type;
    let allowed = !kind.is_empty() && !is_refused_family(kind);
    // An empty type is a fault, too: the request must not choose one.
    require(allowed, "no instance type, or one of the t family".into());
    require(facts.shutdown_behavior == "terminate", "a shutdown does not terminate".into());
    require(facts.metadata_tokens == "required", "IMDSv1 is allowed: require IMDSv2".into());
    require(facts.metadata_hops == 1, "metadata is answered over more than one hop".into());
    require(facts.instance_profile.is_some(), "instances have no role".into());
    require(!facts.interfaces.is_empty(), "there is no network interface".into());
    for interface in &facts.interfaces {
        require(interface.subnet.is_some(), "a network interface has no subnet".into());
        // `None` leaves it to the subnet, which may assign a public address.
        require(interface.public_address == Some(false), "a public address is possible".into());
    }
    let hipaa = facts.volumes.iter().any(|volume| volume.device == HIPAA_DEVICE);
    require(hipaa, format!("there is no volume for /hipaa at {HIPAA_DEVICE}"));
    for volume in &facts.volumes {
        let device = &volume.device;
        require(volume.encrypted, format!("volume {device} is not encrypted"));
        let ours = volume.key.as_deref() == Some(key_arn);
        require(ours, format!("volume {device} is not encrypted under the project's key"));
        require(volume.deleted_with_instance, format!("volume {device} outlives its instance"));
    }
    faults
}

/// The parameters of one launch in addition to the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRequest {
    /// Name of the launch template; its latest version is used.
    pub template: String,
    /// The most workers; EC2 may start fewer, but at least one, if capacity is short.
    pub workers: u32,
    /// Prevents a repeated request from starting more workers.
    pub client_token: String,
    /// Tags on instances and volumes.
    pub tags: Vec<(&'static str, String)>,
    /// Settings of the workers: ids and names only.
    pub user_data: String,
}

/// Creates the request of a launch.
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

/// True if EC2's state reason is that the engine itself terminated a worker (no key for its
/// volume, no capacity, an error at boot), and false if the worker ended by itself.
pub fn is_engine_failure(reason_code: &str) -> bool {
    // Unknown codes count as failures: EC2 may add new ones.
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
