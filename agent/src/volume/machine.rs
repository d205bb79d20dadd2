//! Reads the NVMe devices, mounts and swap areas of this machine.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;
use sce_core::volume::{Device, LABEL, parse_identify};

use super::nvme::identify;

/// Size of a sector in sysfs, independent of the device's own sectors.
const SECTOR_BYTES: u64 = 512;

/// Lists every NVMe namespace.
pub(super) fn devices() -> anyhow::Result<Vec<Device>> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("read mounts")?;
    let mut devices = Vec::new();
    for entry in fs::read_dir("/sys/block").context("list block devices")? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if is_namespace(&name) {
            devices.push(device(&name, &mounts).with_context(|| format!("read device {name}"))?);
        }
    }
    // The kernel lists devices in no particular order.
    devices.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(devices)
}

/// Whether a name is that of a namespace (`nvme1n1`). A path to it
/// (`nvme1c1n1`) has no device node.
fn is_namespace(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.strip_prefix("nvme")
        .and_then(|rest| rest.split_once('n'))
        .is_some_and(|(controller, namespace)| digits(controller) && digits(namespace))
}

fn device(name: &str, mountinfo: &str) -> anyhow::Result<Device> {
    let sysfs = Path::new("/sys/block").join(name);
    let node = format!("/dev/{name}");
    let sectors: u64 = fs::read_to_string(sysfs.join("size"))?.trim().parse()?;
    let answer = identify(&File::open(&node)?).context("identify")?;
    // A mount of any partition counts as a mount of the device.
    let mut numbers = vec![number(&sysfs)?];
    for entry in fs::read_dir(&sysfs)? {
        let part = entry?;
        if part.file_name().to_string_lossy().starts_with(name) {
            numbers.push(number(&part.path())?);
        }
    }
    Ok(Device {
        node,
        bytes: sectors * SECTOR_BYTES,
        identity: parse_identify(&answer),
        mounts: parse_mounts(mountinfo, &numbers),
    })
}

/// Reads the number of a block device, as `major:minor`.
fn number(sysfs: &Path) -> anyhow::Result<String> {
    Ok(fs::read_to_string(sysfs.join("dev"))?.trim().to_owned())
}

/// Lists every partition of this machine with our label, as `/dev/nvme1n1p1`.
pub(super) fn labeled() -> anyhow::Result<Vec<String>> {
    let mut labeled = Vec::new();
    for entry in fs::read_dir("/sys/class/block").context("list block devices")? {
        // An unreadable entry is a device that has just been detached.
        let facts = fs::read_to_string(entry?.path().join("uevent")).unwrap_or_default();
        let fact = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name));
        if fact("PARTNAME=") == Some(LABEL) {
            labeled.extend(fact("DEVNAME=").map(|name| format!("/dev/{name}")));
        }
    }
    Ok(labeled)
}

/// Returns the mount points of devices with these numbers. By proc(5), the third
/// field of mountinfo is the device, the fifth the mount point.
fn parse_mounts(mountinfo: &str, numbers: &[String]) -> Vec<String> {
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(2);
        let of = fields.next()?;
        let at = fields.nth(1)?;
        numbers.iter().any(|number| number == of).then(|| at.to_owned())
    };
    mountinfo.lines().filter_map(mount).collect()
}

/// Counts the swap areas that are on.
pub(super) fn swaps() -> anyhow::Result<usize> {
    let swaps = fs::read_to_string("/proc/swaps").context("read /proc/swaps")?;
    // The first line is a header.
    Ok(swaps.lines().skip(1).count())
}

/// Whether a device supports discarding blocks.
pub(super) fn discards(node: &str) -> anyhow::Result<bool> {
    let name = node.trim_start_matches("/dev/");
    let limit = Path::new("/sys/block").join(name).join("queue/discard_max_bytes");
    Ok(fs::read_to_string(limit)?.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_partitions_are_not_namespaces() {
        for (name, is) in [
            ("nvme0n1", true),
            ("nvme12n34", true),
            ("nvme0c0n1", false),
            ("nvme0n1p1", false),
            ("nvme0", false),
            ("loop0", false),
            ("nvmen1", false),
        ] {
            assert_eq!(is_namespace(name), is, "{name}");
        }
    }

    #[test]
    fn mounts_are_found_by_device_number() {
        let mountinfo = "22 1 259:0 / / rw,relatime - ext4 /dev/root rw\n\
                         30 22 259:2 / /hipaa rw,nosuid - xfs /dev/nvme1n1p1 rw\n\
                         31 22 0:5 / /proc rw - proc proc rw\n";
        let find = |numbers: &[&str]| {
            parse_mounts(mountinfo, &numbers.iter().map(|&n| n.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(find(&["259:1", "259:2"]), ["/hipaa"]);
        assert_eq!(find(&["259:0"]), ["/"]);
        assert!(find(&["259:1"]).is_empty());
    }
}
