//! Which key files are refused, and how new ones are created.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use sce_cloud::error::{Class, PortError};
use sce_cloud::local::{FileKeys, create_key_file};
use sce_cloud::system::SystemEntropy;
use tempfile::TempDir;

fn open(path: &Path) -> Result<FileKeys, PortError> {
    FileKeys::open(path, &"hipaa".parse().unwrap(), Arc::new(SystemEntropy))
}

fn write_key(path: &Path, bytes: usize, mode: u32) {
    fs::write(path, vec![5; bytes]).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Opens in a thread, because opening a pipe could block.
fn refusal_of(path: &Path) -> PortError {
    let (send, receive) = mpsc::channel();
    let at = path.to_owned();
    std::thread::spawn(move || send.send(open(&at).err()));
    let refused = receive.recv_timeout(Duration::from_secs(10));
    refused.expect("it hangs").unwrap_or_else(|| panic!("{} is taken", path.display()))
}

#[test]
fn a_key_file_that_may_have_been_read_or_replaced_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, bytes, mode) in [
        ("world.key", 32, 0o644),
        ("group.key", 32, 0o640),
        ("run.key", 32, 0o700),
        ("short.key", 31, 0o600),
        ("long.key", 33, 0o600),
        ("empty.key", 0, 0o600),
        ("good.key", 32, 0o600),
        ("kept.key", 32, 0o400),
    ] {
        write_key(&at(name), bytes, mode);
    }
    symlink(at("good.key"), at("link.key")).unwrap();
    fs::create_dir(at("folder.key")).unwrap();
    fs::set_permissions(at("folder.key"), Permissions::from_mode(0o600)).unwrap();
    assert!(
        Command::new("mkfifo").args(["-m", "600"]).arg(at("pipe.key")).status().unwrap().success()
    );
    for (name, what_to_do) in [
        ("world.key", "chmod 600"),
        ("group.key", "chmod 600"),
        ("run.key", "chmod 600"),
        ("short.key", "`sce key new`"),
        ("long.key", "`sce key new`"),
        ("empty.key", "`sce key new`"),
        ("link.key", "name the key file itself"),
        ("folder.key", "`sce key new`"),
        ("pipe.key", "`sce key new`"),
        ("absent.key", "`sce key new`"),
    ] {
        let refused = refusal_of(&at(name));
        assert_eq!(refused.class, Class::Configuration, "{name}");
        let text = refused.to_string();
        assert!(text.contains(what_to_do) && text.contains(name), "{text}");
    }
    for good in ["good.key", "kept.key"] {
        open(&at(good)).map(drop).unwrap();
    }
}

#[test]
fn a_new_key_file_is_private_and_never_over_another() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("homer.key");
    create_key_file(&path, &SystemEntropy).unwrap();
    let first = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(first.len(), 32);
    let refused = create_key_file(&path, &SystemEntropy).unwrap_err();
    assert_eq!(refused.class, Class::Configuration);
    assert_eq!(fs::read(&path).unwrap(), first);
    // Not even through a link to a missing file.
    symlink(folder.path().join("elsewhere"), folder.path().join("link.key")).unwrap();
    assert!(create_key_file(&folder.path().join("link.key"), &SystemEntropy).is_err());
    assert!(!folder.path().join("elsewhere").exists());
    create_key_file(&folder.path().join("marge.key"), &SystemEntropy).unwrap();
    assert_ne!(fs::read(folder.path().join("marge.key")).unwrap(), first);
}

#[test]
fn a_wrapping_key_is_in_locked_memory() {
    let locked_kib = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmLck:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("homer.key");
    create_key_file(&path, &SystemEntropy).unwrap();
    let keys: Vec<_> = (0..100).map(|_| open(&path).unwrap()).collect();
    assert!(locked_kib() >= 4, "no page is locked");
    drop(keys);
}
