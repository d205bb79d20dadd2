//! The encrypted volume: which device it is, and what may be done to it.
//!
//! Used by `sce-agent volume`, which reads the machine, asks here, and applies
//! the answer. A wrong answer would destroy data, so a volume that is not
//! clearly the right one and clearly empty must be refused, by name.

mod identify;
mod plan;

pub use identify::{IDENTIFY_BYTES, Identity, parse_identify};
pub use plan::{
    Content, Device, Disk, Partition, Step, VolumeError, Wanted, WipeWay, find_volume,
    plan_prepare, plan_wipe, refuse_other_label,
};

/// Partition label and file system label of the volume.
pub const LABEL: &str = "hipaa";
/// Mount point of the volume.
pub const MOUNT: &str = "/hipaa";
