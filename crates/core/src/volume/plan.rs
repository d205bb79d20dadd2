//! Which device is the volume, and what to do with it.
//!
//! Used by `sce-agent volume` through [`crate::volume`]. It must never plan a
//! step on a device that carries foreign data.

use std::fmt::Write as _;

use super::{Identity, LABEL, MOUNT};

/// An NVMe namespace of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Device node, like `/dev/nvme1n1`; the name does not identify the device.
    pub node: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The identity that its controller reports, if it is a volume.
    pub identity: Option<Identity>,
    /// Where the device, or a partition of it, is mounted.
    pub mounts: Vec<String>,
}

/// The volume to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The device name of the attachment, like `/dev/sdf`.
    pub attached_at: String,
    /// The size, if known.
    pub bytes: Option<u64>,
}

/// The content of a disk or a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: no signature, and zeros at both ends.
    Blank,
    /// Something with a known signature, like `xfs`.
    Signed(Vec<String>),
    /// Bytes without a known signature.
    Unknown,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The label in the partition table.
    pub label: String,
    /// The content.
    pub content: Content,
}

/// The content of a disk and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Of the disk itself.
    pub content: Content,
    /// The partitions.
    pub partitions: Vec<Partition>,
}

/// A step of a preparation. An interrupted step is recognized by its result: a blank disk,
/// a blank partition, or something that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write the partition table with its one partition.
    Partition,
    /// Make the file system on the partition.
    Format,
}

/// How a volume is wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WipeWay {
    /// Discard all blocks.
    Discard,
    /// Write zeros.
    Overwrite,
}

/// Why a volume is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// No device is the expected volume.
    #[error("no volume is attached at {attached_at}: found {found}")]
    Absent {
        /// The expected attachment.
        attached_at: String,
        /// The devices found.
        found: String,
    },
    /// More than one device could be the volume.
    #[error("{volumes} could be the volume of {attached_at}: detach the others")]
    Ambiguous {
        /// The expected attachment.
        attached_at: String,
        /// The volumes.
        volumes: String,
    },
    /// The size differs from that of the launch.
    #[error("volume {volume} has {actual} bytes, but {expected} are expected: nothing is changed")]
    SizeDiffers {
        /// The volume.
        volume: String,
        /// The actual size.
        actual: u64,
        /// The size of the launch.
        expected: u64,
    },
    /// The volume is mounted.
    #[error("volume {volume} is mounted at {at}: nothing is changed")]
    Mounted {
        /// The volume.
        volume: String,
        /// The mount point.
        at: String,
    },
    /// A partition of another device has the label of the volume.
    #[error(
        "{0} also has the label {LABEL}, by which /hipaa is mounted: detach the device that is not the volume"
    )]
    LabelTaken(String),
    /// The volume carries data.
    #[error(
        "volume {volume} is not blank, it carries {what}: nothing is changed; if nothing on it \
         is needed, attach a new volume, or empty it with `wipefs --all` and `blkdiscard`"
    )]
    NotBlank {
        /// The volume.
        volume: String,
        /// The content.
        what: String,
    },
}

/// Finds the expected volume among the machine's devices, whatever their names.
///
/// If a controller reports an attachment, it must be the expected one. If no controller
/// reports one, the volume is the only device that does not carry the running system.
///
/// # Errors
/// Returns an error if there is no such volume, more than one, or one of another size.
pub fn find_volume<'a>(
    devices: &'a [Device],
    wanted: &Wanted,
) -> Result<(&'a Device, &'a Identity), VolumeError> {
    let volumes = || devices.iter().filter_map(|d| d.identity.as_ref().map(|i| (d, i)));
    let is_there = |identity: &Identity| identity.device.as_ref() == Some(&wanted.attached_at);
    let mut candidates: Vec<_> = volumes().filter(|(_, identity)| is_there(identity)).collect();
    if candidates.is_empty() {
        // A device that reports another attachment is never guessed to be the volume.
        let system = |device: &Device| device.mounts.iter().any(|at| at == "/");
        candidates = volumes().filter(|(d, i)| i.device.is_none() && !system(d)).collect();
    }
    let attached_at = wanted.attached_at.clone();
    let (device, identity) = match candidates[..] {
        [] => return Err(VolumeError::Absent { attached_at, found: describe(devices) }),
        [one] => one,
        _ => {
            let names: Vec<_> = candidates.iter().map(|(_, identity)| &*identity.volume).collect();
            return Err(VolumeError::Ambiguous { attached_at, volumes: names.join(", ") });
        }
    };
    match wanted.bytes {
        Some(expected) if expected != device.bytes => Err(VolumeError::SizeDiffers {
            volume: identity.volume.clone(),
            actual: device.bytes,
            expected,
        }),
        _ => Ok((device, identity)),
    }
}

fn describe(devices: &[Device]) -> String {
    let mut list = String::new();
    for Device { node, identity, .. } in devices {
        let kind = identity.as_ref().map_or("no volume", |identity| &identity.volume);
        let place =
            identity.as_ref().and_then(|i| i.device.as_deref()).unwrap_or("attachment unknown");
        let comma = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{comma}{node} ({kind}, {place})");
    }
    if list.is_empty() { "no NVMe device".to_owned() } else { list }
}

/// Refuses a machine on which a partition of another device has the volume's label, given
/// every partition that has it: /hipaa is mounted by label.
///
/// # Errors
/// Returns an error with the first such partition.
pub fn refuse_other_label(device: &Device, labeled: &[String]) -> Result<(), VolumeError> {
    let is_ours = |node: &String| {
        // `p` and a number: `/dev/nvme1n10p1` is not a partition of `/dev/nvme1n1`.
        let number = node.strip_prefix(&device.node).and_then(|rest| rest.strip_prefix('p'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    match labeled.iter().find(|node| !is_ours(node)) {
        Some(other) => Err(VolumeError::LabelTaken(other.clone())),
        None => Ok(()),
    }
}

/// Returns the steps that prepare the volume; none if it is ready and `keep` is set (for a
/// volume that outlives its machine).
///
/// # Errors
/// Returns an error if the volume is mounted, or carries anything but the result of an
/// interrupted preparation.
pub fn plan_prepare(
    device: &Device,
    volume: &str,
    disk: &Disk,
    keep: bool,
) -> Result<Vec<Step>, VolumeError> {
    refuse_mounted(device, volume, |_| true)?;
    // GPT and its protective MBR are what `Step::Partition` writes.
    let ours = is_our_table(&disk.content);
    // Each state that an interruption can leave continues where it stopped.
    match (&disk.content, &disk.partitions[..]) {
        (Content::Blank, []) => Ok(vec![Step::Partition, Step::Format]),
        (_, [part]) if ours && part.label == LABEL => match &part.content {
            Content::Blank => Ok(vec![Step::Format]),
            Content::Signed(names) if keep && names[..] == ["xfs"] => Ok(vec![]),
            _ => Err(not_blank(volume, disk)),
        },
        _ => Err(not_blank(volume, disk)),
    }
}

/// Returns how to wipe the volume once it is unmounted, whether or not an earlier wipe was
/// interrupted.
///
/// # Errors
/// Returns an error if the volume is mounted elsewhere than at /hipaa, or carries data
/// that no preparation makes.
pub fn plan_wipe(
    device: &Device,
    volume: &str,
    disk: &Disk,
    discards: bool,
) -> Result<WipeWay, VolumeError> {
    refuse_mounted(device, volume, |at| at != MOUNT)?;
    // Anything else could be data of another use, and a wipe cannot be undone.
    let ours = match &disk.content {
        // Without partitions it is blank, or what an interrupted wipe left.
        Content::Blank | Content::Unknown => disk.partitions.is_empty(),
        table @ Content::Signed(_) => {
            is_our_table(table) && disk.partitions.iter().all(|part| part.label == LABEL)
        }
    };
    if !ours {
        return Err(not_blank(volume, disk));
    }
    Ok(if discards { WipeWay::Discard } else { WipeWay::Overwrite })
}

/// True for a partition table of the kind that [`Step::Partition`] writes, or a part of it.
fn is_our_table(content: &Content) -> bool {
    matches!(content, Content::Signed(names) if names.iter().all(|name| name == "gpt" || name == "PMBR"))
}

fn refuse_mounted(
    device: &Device,
    volume: &str,
    refused: impl Fn(&str) -> bool,
) -> Result<(), VolumeError> {
    match device.mounts.iter().find(|at| refused(at)) {
        Some(at) => Err(VolumeError::Mounted { volume: volume.to_owned(), at: at.clone() }),
        None => Ok(()),
    }
}

fn not_blank(volume: &str, disk: &Disk) -> VolumeError {
    let parts = disk.partitions.iter().map(|part| &part.content);
    let names: Vec<&str> = std::iter::once(&disk.content)
        .chain(parts)
        .flat_map(|content| match content {
            Content::Blank => vec![],
            Content::Signed(names) => names.iter().map(String::as_str).collect(),
            Content::Unknown => vec!["data of an unknown kind"],
        })
        .collect();
    VolumeError::NotBlank { volume: volume.to_owned(), what: names.join(", ") }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
