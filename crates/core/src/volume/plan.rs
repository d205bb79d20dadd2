//! Which device is the volume, and what is to be done to it.

use std::fmt::Write as _;

use super::{Identity, LABEL, MOUNT};

/// An NVMe namespace of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its node, as `/dev/nvme1n1`; it says nothing of what it is.
    pub node: String,
    /// Its size.
    pub bytes: u64,
    /// What its controller says, if that is a volume.
    pub identity: Option<Identity>,
    /// Where it, or a part of it, is mounted.
    pub mounts: Vec<String>,
}

/// Which volume is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where the launch attached it, as `/dev/sdf`.
    pub attached_at: String,
    /// Its size, where known.
    pub bytes: Option<u64>,
}

/// What lies on a disk or a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: no signature, and zeros at both ends.
    Blank,
    /// Something that signatures name, as `xfs`.
    Signed(Vec<String>),
    /// Bytes that no signature names.
    Unknown,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its label in the partition table.
    pub label: String,
    /// What lies on it.
    pub content: Content,
}

/// What lies on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// On the disk itself.
    pub content: Content,
    /// In its partitions.
    pub partitions: Vec<Partition>,
}

/// A step of a preparation. One that an interruption kept from its end is seen
/// as what it left: a blank disk, a blank partition, or something refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write the partition table with its one partition.
    Partition,
    /// Make the file system on it.
    Format,
}

/// How a volume is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WipeWay {
    /// Tell the volume to forget its blocks.
    Discard,
    /// Write zeros.
    Overwrite,
}

/// Why a volume is not touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// No device is the wanted volume.
    #[error("no volume is attached at {attached_at}: found {found}")]
    Absent {
        /// Where it is looked for.
        attached_at: String,
        /// What is there instead.
        found: String,
    },
    /// Several could be.
    #[error("{volumes} could be the volume of {attached_at}: detach what is not")]
    Ambiguous {
        /// Where it is looked for.
        attached_at: String,
        /// Which.
        volumes: String,
    },
    /// It has another size than the launch says.
    #[error("volume {volume} has {actual} bytes, but {expected} are expected: not touched")]
    SizeDiffers {
        /// Which.
        volume: String,
        /// As it is.
        actual: u64,
        /// As the launch says.
        expected: u64,
    },
    /// It is mounted.
    #[error("volume {volume} is mounted at {at}: not touched")]
    Mounted {
        /// Which.
        volume: String,
        /// Where.
        at: String,
    },
    /// Another device has a partition of our label.
    #[error(
        "{0} is labelled {LABEL}, too, and /hipaa is mounted by label: detach what is not the volume"
    )]
    LabelTaken(String),
    /// Something lies on it.
    #[error(
        "volume {volume} is not blank, it carries {what}: not touched; if nothing on it is \
         needed, attach a new volume, or empty it with `wipefs --all` and `blkdiscard`"
    )]
    NotBlank {
        /// Which.
        volume: String,
        /// What.
        what: String,
    },
}

/// The wanted volume among the machine's devices, whatever their names.
///
/// A device whose controller tells where it was attached must be attached at
/// the wanted place; where no controller tells that, the volume is the only
/// one that does not carry the running system.
///
/// # Errors
/// There is none, several could be meant, or its size is not the expected.
pub fn find_volume<'a>(
    devices: &'a [Device],
    wanted: &Wanted,
) -> Result<(&'a Device, &'a Identity), VolumeError> {
    let volumes = || devices.iter().filter_map(|d| d.identity.as_ref().map(|i| (d, i)));
    let there = |identity: &Identity| identity.device.as_ref() == Some(&wanted.attached_at);
    let mut meant: Vec<_> = volumes().filter(|(_, identity)| there(identity)).collect();
    if meant.is_empty() {
        let system = |device: &Device| device.mounts.iter().any(|at| at == "/");
        meant = volumes().filter(|(d, i)| i.device.is_none() && !system(d)).collect();
    }
    let attached_at = wanted.attached_at.clone();
    let (device, identity) = match meant[..] {
        [] => return Err(VolumeError::Absent { attached_at, found: describe(devices) }),
        [one] => one,
        _ => {
            let names: Vec<_> = meant.iter().map(|(_, identity)| &*identity.volume).collect();
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
        let place = identity.as_ref().and_then(|i| i.device.as_deref()).unwrap_or("not told where");
        let comma = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{comma}{node} ({kind}, {place})");
    }
    if list.is_empty() { "no NVMe device".to_owned() } else { list }
}

/// Refuses a machine on which a partition of another device has our label,
/// given every partition that has it: /hipaa is mounted by it.
///
/// # Errors
/// There is one.
pub fn refuse_other_label(device: &Device, labelled: &[String]) -> Result<(), VolumeError> {
    let is_ours = |node: &String| {
        let number = node.strip_prefix(&device.node).and_then(|rest| rest.strip_prefix('p'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    match labelled.iter().find(|node| !is_ours(node)) {
        Some(other) => Err(VolumeError::LabelTaken(other.clone())),
        None => Ok(()),
    }
}

/// The steps that make the volume ready; none if it is ready and may be kept
/// as it is (`keep`: a volume that outlives its machine).
///
/// # Errors
/// It is mounted, or carries anything but what an interrupted preparation
/// leaves.
pub fn plan_prepare(
    device: &Device,
    volume: &str,
    disk: &Disk,
    keep: bool,
) -> Result<Vec<Step>, VolumeError> {
    refuse_mounted(device, volume, |_| true)?;
    let ours = is_our_table(&disk.content);
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

/// How the volume is emptied, be it whole or half emptied already, once it is
/// unmounted.
///
/// # Errors
/// It is mounted elsewhere than at /hipaa, or carries what no preparation of
/// ours makes.
pub fn plan_wipe(
    device: &Device,
    volume: &str,
    disk: &Disk,
    discards: bool,
) -> Result<WipeWay, VolumeError> {
    refuse_mounted(device, volume, |at| at != MOUNT)?;
    let ours = match &disk.content {
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

/// A partition table of the kind that we write, or what is left of it.
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
