//! The worker's scratch directory under /hipaa, the only place for plaintext
//! files.
//!
//! The directory is locked while its worker runs, and removed when the worker
//! leaves. If a worker is killed, the next worker that starts or leaves removes
//! its directory: an unlocked directory has no owner.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::geteuid;
use sce_core::ids::WorkerId;
use sce_core::volume::MOUNT;

/// A locked scratch directory.
pub(crate) struct Scratch {
    volume: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Creates and locks this worker's directory, and removes those of dead
    /// workers.
    pub(crate) fn claim(volume: &Path, worker: WorkerId) -> anyhow::Result<Self> {
        let claim = || -> io::Result<Self> {
            private_dir(volume, true)?;
            check(volume)?;
            sweep(volume)?;
            let path = volume.join(worker.to_string());
            private_dir(&path, false)?;
            // The system releases the lock when the process dies, however it dies.
            let lock = File::open(&path)?;
            lock.try_lock()?;
            Ok(Self { volume: volume.to_owned(), path, _lock: lock })
        };
        claim().with_context(|| format!("use {} as the encrypted volume", volume.display()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory and its content.
    pub(crate) fn leave(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.path)
            .and_then(|()| sweep(&self.volume))
            .with_context(|| format!("clear {}", self.path.display()))
    }
}

/// Refuses a directory of another user, and a /hipaa that is a directory on the
/// boot disk instead of a volume.
fn check(volume: &Path) -> io::Result<()> {
    let facts = fs::metadata(volume)?;
    if facts.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user: change its owner to this user"));
    }
    // A mount point is on another device than its parent.
    let parent = volume.parent().unwrap_or(volume);
    if volume == Path::new(MOUNT) && facts.dev() == fs::metadata(parent)?.dev() {
        return Err(io::Error::other("no volume is mounted there: mount it first"));
    }
    Ok(())
}

fn private_dir(path: &Path, recursive: bool) -> io::Result<()> {
    DirBuilder::new().recursive(recursive).mode(0o700).create(path)
}

/// Removes the directories of dead workers.
fn sweep(volume: &Path) -> io::Result<()> {
    for entry in fs::read_dir(volume)? {
        let entry = entry?;
        // The file system's own entries, such as lost+found, are left alone.
        let ours = entry.file_name().to_str().is_some_and(|name| name.parse::<WorkerId>().is_ok());
        if !ours {
            continue;
        }
        let gone = match File::open(entry.path()) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => false,
        };
        if gone {
            // Another worker may remove it at the same time.
            match fs::remove_dir_all(entry.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_killed_workers_are_removed_and_those_of_live_ones_kept() {
        let volume = tempfile::tempdir().unwrap();
        let live = Scratch::claim(volume.path(), WorkerId::new([1; 8])).unwrap();
        fs::write(live.path().join("plain.csv"), "1").unwrap();
        let dead = volume.path().join(WorkerId::new([2; 8]).to_string());
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("plain.csv"), "1").unwrap();
        let other = Scratch::claim(volume.path(), WorkerId::new([3; 8])).unwrap();
        assert!(!dead.exists());
        assert!(live.path().join("plain.csv").exists());
        live.leave().unwrap();
        other.leave().unwrap();
        assert_eq!(fs::read_dir(volume.path()).unwrap().count(), 0);
    }
}
