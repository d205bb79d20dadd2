//! Inspects the content of a disk, and prepares or empties it, with the tools of
//! the system (util-linux, fdisk, xfsprogs), which know all signatures and
//! partition tables.
//!
//! Used by `volume` with the device that `sce-core` selected; tests use it with
//! loop devices. It does not open a device that is in use.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail, ensure};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::User;
use sce_core::volume::{Content, Disk, LABEL, Partition, Step, WipeWay};
use serde::Deserialize;

/// Number of bytes at each end of a blank disk that must be zero.
const EDGE_BYTES: u64 = 1 << 20;

/// The error message of sfdisk for a disk without a partition table.
const NO_TABLE: &str = "does not contain a recognized partition table";

/// The owner of the new file system, by number.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Owner {
    /// Looks up a user by name.
    ///
    /// # Errors
    /// The user does not exist.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        let user = User::from_name(name)?;
        let user = user.with_context(|| format!("user {name} does not exist: create it"))?;
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }
}

/// Inspects the content of a disk and of its partitions.
///
/// # Errors
/// The disk cannot be read.
pub fn inspect(node: &str) -> anyhow::Result<Disk> {
    let content = content(node)?;
    let mut partitions = Vec::new();
    for part in table(node)?.partitions {
        show_partition(node, &part.node)?;
        partitions.push(Partition { label: part.name, content: self::content(&part.node)? });
    }
    Ok(Disk { content, partitions })
}

fn content(node: &str) -> anyhow::Result<Content> {
    let found = run(Command::new("wipefs").args(["--no-act", "--json", "--output", "TYPE", node]))?;
    let names = parse_signatures(&found.stdout)?;
    // Without a signature, the ends must be zero as well: wipefs does not know every format, and
    // most formats have a header or a footer there.
    Ok(match names {
        names if !names.is_empty() => Content::Signed(names),
        _ if edges_are_zero(node)? => Content::Blank,
        _ => Content::Unknown,
    })
}

fn parse_signatures(json: &[u8]) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Found {
        signatures: Vec<Signature>,
    }
    #[derive(Deserialize)]
    struct Signature {
        #[serde(rename = "type")]
        name: String,
    }
    // wipefs prints nothing, not even an empty list, if it finds no signature.
    if json.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let found: Found = serde_json::from_slice(json).context("read the output of wipefs")?;
    Ok(found.signatures.into_iter().map(|signature| signature.name).collect())
}

fn edges_are_zero(node: &str) -> anyhow::Result<bool> {
    let mut device = File::open(node).with_context(|| format!("open {node}"))?;
    let end = device.seek(SeekFrom::End(0))?;
    let mut edge = Vec::new();
    for start in [0, end.saturating_sub(EDGE_BYTES)] {
        device.seek(SeekFrom::Start(start))?;
        edge.clear();
        Read::by_ref(&mut device).take(EDGE_BYTES).read_to_end(&mut edge)?;
        if edge.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[derive(Default, Deserialize)]
struct Table {
    #[serde(default)]
    partitions: Vec<TableEntry>,
}

#[derive(Deserialize)]
struct TableEntry {
    node: String,
    #[serde(default)]
    name: String,
}

/// Reads the partition table; an empty one if there is none, or an incomplete
/// one. Any other failure is an error, because the disk may contain data.
fn table(node: &str) -> anyhow::Result<Table> {
    // The message is compared below, so it must not be translated.
    match run(Command::new("sfdisk").env("LC_ALL", "C").args(["--json", node])) {
        Err(e) if e.to_string().contains(NO_TABLE) => Ok(Table::default()),
        listed => parse_table(&listed?.stdout),
    }
}

fn parse_table(json: &[u8]) -> anyhow::Result<Table> {
    #[derive(Deserialize)]
    struct Listed {
        partitiontable: Table,
    }
    let listed: Listed = serde_json::from_slice(json).context("read the output of sfdisk")?;
    Ok(listed.partitiontable)
}

/// Makes the kernel show a partition. Some kernels do not read a GPT on their
/// own.
fn show_partition(node: &str, part: &str) -> anyhow::Result<()> {
    if !Path::new(part).exists() {
        run(Command::new("partx").args(["--add", node]))?;
    }
    ensure!(Path::new(part).exists(), "the kernel does not show {part}: is it in use?");
    Ok(())
}

/// Executes one step of a preparation.
///
/// # Errors
/// A tool fails; the error contains its message.
pub fn apply(step: Step, node: &str, owner: Owner) -> anyhow::Result<()> {
    match step {
        Step::Partition => partition(node),
        Step::Format => format(node, owner),
    }
}

fn partition(node: &str) -> anyhow::Result<()> {
    let script = format!("label: gpt\ntype=linux, name={LABEL}\n");
    let mut sfdisk = Command::new("sfdisk");
    // `--wipe never`: sfdisk must not erase a signature that the inspection did not find.
    sfdisk.args(["--quiet", "--lock", "--wipe", "never", node]).stdin(memory_file(&script)?);
    run(&mut sfdisk).map(drop)
}

fn format(node: &str, owner: Owner) -> anyhow::Result<()> {
    let table = table(node)?;
    let Some(TableEntry { node: part, .. }) = table.partitions.into_iter().next() else {
        bail!("{node} has no partition");
    };
    show_partition(node, &part)?;
    // A prototype file, so that the root directory has its owner from the start. Its lines, by
    // mkfs.xfs(8): boot file, sizes, mode and owner, end.
    let root = format!("/none\n0 0\nd--700 {} {}\n$\n", owner.uid, owner.gid);
    let mut mkfs = Command::new("mkfs.xfs");
    mkfs.args(["-q", "-L", LABEL, "-p", "/dev/stdin", &part]).stdin(memory_file(&root)?);
    run(&mut mkfs).map(drop)
}

/// Empties a whole disk.
///
/// # Errors
/// The disk is in use, or a tool fails.
pub fn empty(node: &str, way: WipeWay) -> anyhow::Result<()> {
    let mut blkdiscard = Command::new("blkdiscard");
    // In steps, because a single call to the kernel cannot be interrupted.
    blkdiscard.args(["--step", "256M"]);
    if way == WipeWay::Overwrite {
        blkdiscard.arg("--zeroout");
    }
    run(blkdiscard.arg(node).stdin(Stdio::null())).map(drop)
}

/// Creates a file in memory. The tools need an input with a size, which a pipe
/// does not have.
fn memory_file(text: &str) -> anyhow::Result<File> {
    let mut file = File::from(memfd_create("input", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Runs a tool, which must succeed.
fn run(command: &mut Command) -> anyhow::Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("run {name}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, message.trim());
    }
    Ok(output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_the_tools_is_parsed() {
        assert!(parse_signatures(b"\n").unwrap().is_empty());
        let both = br#"{"signatures": [ {"type":"gpt"}, {"type":"PMBR"} ]}"#;
        assert_eq!(parse_signatures(both).unwrap(), ["gpt", "PMBR"]);
        assert!(parse_signatures(b"/dev/nvme1n1: gpt").is_err());
        let table = br#"{"partitiontable": {"label":"gpt", "unit":"sectors", "partitions": [
            {"node":"/dev/nvme1n1p1", "start":2048, "size":100, "name":"hipaa"},
            {"node":"/dev/nvme1n1p2", "start":4096, "size":100}]}}"#;
        let parts = parse_table(table).unwrap().partitions;
        let names: Vec<_> = parts.iter().map(|part| (&*part.node, &*part.name)).collect();
        assert_eq!(names, [("/dev/nvme1n1p1", "hipaa"), ("/dev/nvme1n1p2", "")]);
        assert!(
            parse_table(br#"{"partitiontable": {"label":"gpt"}}"#).unwrap().partitions.is_empty()
        );
    }
}
