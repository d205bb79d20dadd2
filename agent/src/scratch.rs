//! The worker's private directory under /hipaa, the only place for plaintext
//! files.
//!
//! It is locked for as long as its worker lives and removed when it leaves.
//! What a killed worker left behind is removed by the next one that starts or
//! leaves: an unlocked directory has no owner.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::geteuid;
use sce_core::ids::WorkerId;
use sce_core::volume::MOUNT;

/// A locked directory.
pub(crate) struct Scratch {
    volume: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes and locks this worker's directory, and clears what dead workers
    /// left.
    pub(crate) fn claim(volume: &Path, worker: WorkerId) -> anyhow::Result<Self> {
        let claim = || -> io::Result<Self> {
            private_dir(volume, true)?;
            check(volume)?;
            sweep(volume)?;
            let path = volume.join(worker.to_string());
            private_dir(&path, false)?;
            let lock = File::open(&path)?;
            lock.try_lock()?;
            Ok(Self { volume: volume.to_owned(), path, _lock: lock })
        };
        claim().with_context(|| format!("use {} as the encrypted volume", volume.display()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory and everything in it.
    pub(crate) fn leave(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.path)
            .and_then(|()| sweep(&self.volume))
            .with_context(|| format!("clear {}", self.path.display()))
    }
}

/// Refuses a directory of somebody else, and a /hipaa that is no volume but a
/// directory of the boot disk.
fn check(volume: &Path) -> io::Result<()> {
    let facts = fs::metadata(volume)?;
    if facts.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user: make it this worker's own"));
    }
    let parent = volume.parent().unwrap_or(volume);
    if volume == Path::new(MOUNT) && facts.dev() == fs::metadata(parent)?.dev() {
        return Err(io::Error::other("no volume is mounted there: mount it first"));
    }
    Ok(())
}

fn private_dir(path: &Path, recursive: bool) -> io::Result<()> {
    DirBuilder::new().recursive(recursive).mode(0o700).create(path)
}

/// Removes the directories of workers that are gone.
fn sweep(volume: &Path) -> io::Result<()> {
    for entry in fs::read_dir(volume)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(|name| name.parse::<WorkerId>().is_ok());
        if !ours {
            continue;
        }
        let gone = match File::open(entry.path()) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => false,
        };
        if gone {
            // Another worker may sweep at the same moment.
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
    fn what_a_killed_worker_left_is_removed_and_what_a_live_one_has_is_not() {
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
