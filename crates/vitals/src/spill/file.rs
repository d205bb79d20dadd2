//! Bytes that wait on disk, in an unnamed file of the scratch directory (on a
//! worker: on the encrypted volume).
//!
//! Used for what is kept of more patients than fit in memory. The file is gone
//! with the last who knows it, however the process ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The file.
#[derive(Debug)]
pub struct Spool {
    file: File,
    end: Mutex<u64>,
}

/// Where some bytes lie in it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    at: u64,
    bytes: usize,
}

impl Spool {
    pub fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(scratch)?, end: Mutex::new(0) })
    }

    /// Lets some bytes wait.
    pub fn append(&self, bytes: &[u8]) -> io::Result<Place> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.write_all_at(bytes, *end)?;
        let place = Place { at: *end, bytes: bytes.len() };
        *end += bytes.len() as u64;
        Ok(place)
    }

    /// Those bytes.
    pub fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.bytes];
        self.file.read_exact_at(&mut bytes, place.at)?;
        Ok(bytes)
    }
}
