//! Local files, written completely or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

/// An output file. It is written under a temporary name in the same directory
/// and renamed when it is complete. `-` is standard output; what was written
/// to standard output, a device or a pipe cannot be taken back.
pub(crate) enum FileWriter {
    Whole(NamedTempFile, PathBuf),
    Stream(Box<dyn Write + Send>),
}

impl FileWriter {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stream(Box::new(io::stdout())));
        }
        // A device or pipe must not be replaced by a regular file. A directory falls through,
        // so that the error below names it.
        if path.metadata().is_ok_and(|facts| !facts.is_file() && !facts.is_dir()) {
            let device = File::options().write(true).open(path);
            let device = device.with_context(|| format!("write {}", path.display()))?;
            return Ok(Self::Stream(Box::new(device)));
        }
        // Same directory, so that the rename stays within one file system and is atomic.
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder)
            .with_context(|| format!("write into {}", folder.display()))?;
        Ok(Self::Whole(file, path.to_owned()))
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stream(mut out) => out.flush().context("write standard output"),
            Self::Whole(file, path) => {
                // Sync before the rename: after a crash, the name must not refer to an empty file.
                file.as_file().sync_all().with_context(|| format!("write {}", path.display()))?;
                file.persist(&path).map(drop).with_context(|| format!("write {}", path.display()))
            }
        }
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Whole(file, _) => file.write(bytes),
            Self::Stream(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Whole(file, _) => file.flush(),
            Self::Stream(out) => out.flush(),
        }
    }
}
