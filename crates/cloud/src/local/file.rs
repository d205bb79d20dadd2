//! A file read as the stream that everything sealed or plain comes from.

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

/// Bytes handed on at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// A file, from wherever it stands to its end.
pub struct FileReader {
    file: File,
    name: String,
}

impl FileReader {
    /// Opens a regular file.
    ///
    /// # Errors
    /// It is absent, unreadable or no regular file.
    pub fn open(path: &Path) -> PortResult<Self> {
        let name = path.display();
        let fail = |e: std::io::Error| io_error("read", &name, &e);
        // Without waiting for somebody to write to a pipe.
        let flags = OFlag::O_NONBLOCK.bits();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            let class = crate::error::Class::Permanent;
            return Err(PortError::new(class, "read", name, "it is not a regular file"));
        }
        Ok(Self::of(file, name))
    }

    /// Reads on in an open file; `name` is for errors.
    pub(super) fn of(file: File, name: impl Display) -> Self {
        Self { file, name: name.to_string() }
    }
}

#[async_trait]
impl ObjectReader for FileReader {
    async fn next(&mut self) -> PortResult<Option<Bytes>> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        match (&self.file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(chunk.into())),
            Err(e) => Err(io_error("read", &self.name, &e)),
        }
    }
}
