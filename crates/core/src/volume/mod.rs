//! The encrypted volume: which one it is, and what may be done to it.
//!
//! Used by `sce-agent volume`, which reads the machine, asks here, and applies
//! what it is told. A wrong answer would destroy somebody's data, so whatever
//! is not plainly the right volume and plainly empty is refused, by name.

mod identify;
mod plan;

pub use identify::{IDENTIFY_BYTES, Identity, parse_identify};
pub use plan::{
    Content, Device, Disk, Partition, Step, VolumeError, Wanted, WipeWay, find_volume,
    plan_prepare, plan_wipe, refuse_other_label,
};

/// Partition label and file system label of the volume.
pub const LABEL: &str = "hipaa";
/// Where it is mounted.
pub const MOUNT: &str = "/hipaa";
