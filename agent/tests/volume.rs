//! Prepares and wipes volumes on loop devices, with the real tools and kernel.
//! Needs root: `make test-machine` runs it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount, umount};
use sce_agent::volume::disk::{Owner, apply, empty, inspect};
use sce_core::volume::{Content, Device, Step, VolumeError, WipeWay, plan_prepare, plan_wipe};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

const VOLUME: &str = "vol-0123456789abcdef0";
/// XFS needs at least 300 MiB.
const BYTES: u64 = 400 << 20;
const MARKER: &[u8] = b"plaintext of a patient";
const OWNER: Owner = Owner { uid: 4711, gid: 4712 };

/// A loop device on a blank file.
struct Loop {
    file: NamedTempFile,
    node: String,
}

impl Loop {
    fn blank() -> Self {
        let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        file.as_file().set_len(BYTES).unwrap();
        let node = tool("losetup", &["--find", "--show", file.path().to_str().unwrap()]);
        Self { file, node: node.trim().to_owned() }
    }

    fn with(self, at: u64, bytes: &[u8]) -> Self {
        let node = File::options().write(true).open(&self.node).unwrap();
        node.write_all_at(bytes, at).unwrap();
        node.sync_all().unwrap();
        self
    }

    fn plan(&self, keep: bool) -> Result<Vec<Step>, VolumeError> {
        plan_prepare(&self.device(), VOLUME, &inspect(&self.node).unwrap(), keep)
    }

    fn device(&self) -> Device {
        Device { node: self.node.clone(), bytes: BYTES, identity: None, mounts: vec![] }
    }

    fn prepare(&self) {
        for step in self.plan(false).unwrap() {
            apply(step, &self.node, OWNER).unwrap();
        }
    }

    fn mounted<T>(&self, act: impl FnOnce(&Path) -> T) -> T {
        let at = tempfile::tempdir().unwrap();
        let part = format!("{}p1", self.node);
        mount(Some(part.as_str()), at.path(), Some("xfs"), MsFlags::empty(), None::<&str>).unwrap();
        let outcome = act(at.path());
        umount(at.path()).unwrap();
        outcome
    }

    fn holds_marker(&self) -> bool {
        tool("sync", &[]);
        let bytes = fs::read(self.file.path()).unwrap();
        bytes.windows(MARKER.len()).any(|window| window == MARKER)
    }

    fn digest(&self) -> Vec<u8> {
        Sha256::digest(fs::read(&self.node).unwrap()).to_vec()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // The partition was added by hand if the kernel does not read a GPT.
        drop(Command::new("partx").args(["--delete", &self.node]).output());
        drop(Command::new("losetup").args(["--detach", &self.node]).output());
    }
}

fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name).args(arguments).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {err}");
    out.into_owned()
}

#[test]
#[ignore = "needs root and loop devices: make test-machine"]
fn a_blank_volume_is_prepared_for_its_user_and_wiped_completely() {
    for way in [WipeWay::Discard, WipeWay::Overwrite] {
        let volume = Loop::blank();
        assert_eq!(inspect(&volume.node).unwrap().content, Content::Blank);
        assert_eq!(volume.plan(false).unwrap(), [Step::Partition, Step::Format]);
        // An interrupted preparation is continued.
        apply(Step::Partition, &volume.node, OWNER).unwrap();
        assert_eq!(volume.plan(false).unwrap(), [Step::Format]);
        volume.prepare();
        let label = tool("blkid", &["-p", "-o", "export", &format!("{}p1", volume.node)]);
        for expected in ["TYPE=xfs", "LABEL=hipaa", "PART_ENTRY_NAME=hipaa"] {
            assert!(label.lines().any(|line| line == expected), "{label}");
        }
        volume.mounted(|at| {
            let root = fs::metadata(at).unwrap();
            assert_eq!((root.uid(), root.gid(), root.mode() & 0o7777), (4711, 4712, 0o700));
            fs::write(at.join("plain.csv"), MARKER).unwrap();
            tool("sync", &[]);
            // A mounted volume is never emptied.
            assert!(empty(&volume.node, way).is_err());
            assert_eq!(fs::read(at.join("plain.csv")).unwrap(), MARKER);
        });
        assert!(volume.holds_marker());
        assert!(volume.plan(false).unwrap_err().to_string().contains("xfs"));
        assert_eq!(volume.plan(true).unwrap(), []);
        let on_it = inspect(&volume.node).unwrap();
        plan_wipe(&volume.device(), VOLUME, &on_it, true).unwrap();
        empty(&volume.node, way).unwrap();
        assert!(!volume.holds_marker(), "{way:?}");
        assert_eq!(inspect(&volume.node).unwrap().content, Content::Blank);
    }
}

#[test]
#[ignore = "needs root and loop devices: make test-machine"]
fn no_volume_is_prepared_while_swap_is_on() {
    let prepare = || {
        let agent = env!("CARGO_BIN_EXE_sce-agent");
        let done = Command::new(agent).args(["volume", "prepare", "--wait", "0"]).output().unwrap();
        assert!(!done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    let already = fs::read_to_string("/proc/swaps").unwrap().lines().count() - 1;
    let swap = Loop::blank();
    tool("mkswap", &[&swap.node]);
    tool("swapon", &[&swap.node]);
    let with_swap = prepare();
    tool("swapoff", &[&swap.node]);
    assert!(with_swap.contains(&format!("{} swap area", already + 1)), "{with_swap}");
    // Without swap, only the missing volume is an error.
    let without = prepare();
    assert_eq!(without.contains("swap area"), already > 0, "{without}");
}

#[test]
#[ignore = "needs root and loop devices: make test-machine"]
fn a_volume_with_content_is_refused_and_not_changed() {
    let at_the_end = BYTES - 4096;
    let ext4 = Loop::blank();
    tool("mkfs.ext4", &["-q", &ext4.node]);
    let dos = Loop::blank();
    tool("sh", &["-c", &format!("echo 'label: dos\n,' | sfdisk --quiet {}", dos.node)]);
    let foreign = Loop::blank();
    tool("sh", &["-c", &format!("echo 'label: gpt\nname=home' | sfdisk --quiet {}", foreign.node)]);
    let half_formatted = Loop::blank();
    apply(Step::Partition, &half_formatted.node, OWNER).unwrap();
    let half_formatted = half_formatted.with(1 << 20, b"XFSB and no more: mkfs was interrupted");
    // A partition table without its first copy, as after an interrupted wipe.
    let half_wiped = Loop::blank();
    half_wiped.prepare();
    let half_wiped = half_wiped.with(0, &[0; 128 << 10]);
    let rest = inspect(&half_wiped.node).unwrap();
    assert!(plan_wipe(&half_wiped.device(), VOLUME, &rest, true).is_ok());
    for (volume, what) in [
        (ext4, "ext4"),
        (dos, "dos"),
        (foreign, "gpt"),
        (half_formatted, "unknown kind"),
        (half_wiped, "gpt"),
        (Loop::blank().with(0, b"LUKS\xba\xbe\0\x02"), "crypto_LUKS"),
        (Loop::blank().with(512, b"LABELONE\x01\0\0\0\0\0\0\0LVM2 001"), "unknown kind"),
        (Loop::blank().with(70_000, b"another user's data"), "unknown kind"),
        (Loop::blank().with(at_the_end, b"another user's data"), "unknown kind"),
    ] {
        let before = volume.digest();
        for keep in [false, true] {
            let refused = volume.plan(keep).unwrap_err().to_string();
            assert!(refused.contains(what) && refused.contains(VOLUME), "{what}: {refused}");
        }
        assert!(volume.digest() == before, "{what}: the volume was touched");
    }
}
