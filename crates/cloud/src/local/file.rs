//! A file as the stream from which objects are read, sealed or plain.
//!
//! Used by the local object store and by `sce`, which reads users' files. Must
//! never hold more than one chunk in memory.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use nix::fcntl::OFlag;

use super::durable::io_error;
use crate::error::{PortError, PortResult};
use crate::ports::ObjectReader;

/// Bytes returned at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// A file, from its current position to its end.
pub struct FileReader {
    file: File,
    name: String,
}

impl FileReader {
    /// Opens a regular file.
    ///
    /// # Errors
    /// Returns an error if it is absent, unreadable or not a regular file.
    pub fn open(path: &Path) -> PortResult<Self> {
        let name = path.display();
        let fail = |e: std::io::Error| io_error("read", &name, &e);
        // Non-blocking, because opening a pipe would wait for a writer.
        let flags = OFlag::O_NONBLOCK.bits();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            let class = crate::error::Class::Permanent;
            return Err(PortError::new(class, "read", name, "it is not a regular file"));
        }
        Ok(Self::of(file, name))
    }

    /// Continues to read an open file; `name` is for errors.
    pub(super) fn of(file: File, name: impl Display) -> Self {
        Self { file, name: name.to_string() }
    }
}

#[async_trait]
impl ObjectReader for FileReader {
    async fn next(&mut self) -> PortResult<Option<Bytes>> {
        // Fills the chunk: a single read may return less.
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        match (&self.file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(chunk.into())),
            Err(e) => Err(io_error("read", &self.name, &e)),
        }
    }
}
