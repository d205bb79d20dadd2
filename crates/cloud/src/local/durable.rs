//! File operations that survive a crash, and their errors.
//!
//! Used by the local object store and by its readers. Must never report success
//! before the file and its directory entry are synced.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Class, PortError};

/// Creates the error of a file operation on `target`.
pub(super) fn io_error(
    operation: &'static str,
    target: impl std::fmt::Display,
    e: &io::Error,
) -> PortError {
    match e.kind() {
        io::ErrorKind::NotFound => {
            PortError::new(Class::Absent, operation, target, "it does not exist")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            PortError::new(
                Class::Permanent,
                operation,
                target,
                format!("{e}: free space and repeat"),
            )
        }
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {
            PortError::new(Class::Transient, operation, target, e)
        }
        _ => PortError::new(Class::Permanent, operation, target, e),
    }
}

/// Creates a folder and its parents; each entry is synced before it is used.
pub(super) fn create_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(above) = folder.parent() else {
        return Ok(());
    };
    // The parent first: an entry in a folder that is not durable could be lost.
    create_durably(above)?;
    match fs::create_dir(folder) {
        // Another writer created it first.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }?;
    sync_folder(above)
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A directory, unlike a bucket, cannot hold both `a` and `a/b`.
pub(super) fn as_collision(e: io::Error) -> io::Error {
    use io::ErrorKind::{AlreadyExists, InvalidInput, IsADirectory, NotADirectory};
    match e.kind() {
        AlreadyExists | IsADirectory | NotADirectory => io::Error::new(
            InvalidInput,
            "a directory cannot hold both `a` and `a/b`, and its key and another one are such \
             a pair: choose another key",
        ),
        _ => e,
    }
}
