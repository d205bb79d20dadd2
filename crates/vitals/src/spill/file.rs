//! A temporary file in the scratch directory (on a worker: on the encrypted
//! volume).
//!
//! Used for everything that does not fit in memory. The file has no name, so it
//! is removed with its last owner, however the process ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The file, to which bytes are only appended.
#[derive(Debug)]
pub struct SpillFile {
    file: File,
    end: Mutex<u64>,
}

/// A range of bytes in the file.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    at: u64,
    bytes: usize,
}

impl SpillFile {
    /// Appends some bytes.
    pub fn append(&self, bytes: &[u8]) -> io::Result<Extent> {
        // Right even after a panic: it moves only after a write.
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.write_all_at(bytes, *end)?;
        let extent = Extent { at: *end, bytes: bytes.len() };
        *end += bytes.len() as u64;
        Ok(extent)
    }

    /// Reads the bytes of an extent.
    pub fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; extent.bytes];
        self.file.read_exact_at(&mut bytes, extent.at)?;
        Ok(bytes)
    }
}

/// The scratch directory, with one file that is created when it is needed.
#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
    file: Option<Arc<SpillFile>>,
}

impl Scratch {
    /// Creates the handle of the directory, without a file.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), file: None }
    }

    /// Returns the file, which the first call creates.
    pub fn file(&mut self) -> io::Result<Arc<SpillFile>> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let file = tempfile::tempfile_in(&self.directory)?;
        let file = Arc::new(SpillFile { file, end: Mutex::new(0) });
        self.file = Some(file.clone());
        Ok(file)
    }
}
