//! Objects in a directory: `<root>/<bucket>/<key>`.
//!
//! Used in local mode. A put writes to `.incoming` and renames when the file is
//! complete and synced, so a kill at any moment must leave the old object or the
//! new one. Calls are short and block the caller (page cache), which keeps
//! simulated runs deterministic.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::durable::{as_collision, create_durably, io_error, sync_folder};
use super::file::FileReader;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{ObjectReader, ObjectStore, ObjectWriter, Put, PutMode};

/// Bytes at each end of an object from which its etag is computed.
const ETAG_BYTES: u64 = 4096;
/// Unfinished puts older than this are removed.
const UNFINISHED_AGE: Duration = Duration::from_secs(24 * 3600);
/// The version in a store without versions; S3 uses the same text.
const NO_VERSION: &str = "null";

/// Buckets in a directory.
///
/// ```
/// use sce_cloud::local::DirectoryStore;
/// use sce_cloud::ports::{ObjectStore, PutMode};
/// use sce_core::object::{Bucket, ObjectKey};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let store: Box<dyn ObjectStore> = Box::new(DirectoryStore::open(folder.path())?);
/// let key = ObjectKey::try_from("part-1.csv".to_owned())?;
/// let mut writer = store.create(Bucket::Data, &key).await?;
/// writer.write(b"sealed").await?;
/// writer.finish(PutMode::IfAbsent).await?;
///
/// let object = store.head(Bucket::Data, &key).await?.expect("the object was written");
/// let mut reader = store.open(Bucket::Data, &object).await?;
/// assert_eq!(reader.next().await?.as_deref(), Some(&b"sealed"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// Opens the store, creates its directories and removes old unfinished puts.
    ///
    /// # Errors
    /// Returns an error if a directory cannot be created or listed.
    pub fn open(root: &Path) -> PortResult<Self> {
        for bucket in Bucket::ALL {
            let incoming = root.join(bucket.name()).join(".incoming");
            fs::create_dir_all(&incoming)
                .and_then(|()| clear_unfinished(&incoming))
                .map_err(|e| io_error("open store", incoming.display(), &e))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, bucket: Bucket, key: &ObjectKey) -> PathBuf {
        self.root.join(bucket.name()).join(key.as_str())
    }
}

#[async_trait]
impl ObjectStore for DirectoryStore {
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>> {
        let incoming = self.root.join(bucket.name()).join(".incoming");
        let file = NamedTempFile::new_in(&incoming).map_err(|e| io_error("put object", key, &e))?;
        let path = self.path(bucket, key);
        Ok(Box::new(DirectoryWriter { file, path, key: key.clone() }))
    }

    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>> {
        let fail = |e: io::Error| io_error("get object", &object.key, &e);
        let mut file = open_object(&self.path(bucket, &object.key)).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        // Checked on the open file: a replacement after this does not change what is read.
        if etag(&mut file, size).map_err(fail)? != object.etag || size != object.size {
            let cause = "it is not the version that was registered";
            return Err(PortError::new(Class::Changed, "get object", &object.key, cause));
        }
        file.rewind().map_err(fail)?;
        Ok(Box::new(FileReader::of(file, &object.key)))
    }

    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>> {
        match open_object(&self.path(bucket, key)) {
            Ok(mut file) => reference(&mut file, key).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error("head object", key, &e)),
        }
    }
}

struct DirectoryWriter {
    file: NamedTempFile,
    path: PathBuf,
    key: ObjectKey,
}

#[async_trait]
impl ObjectWriter for DirectoryWriter {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.file.write_all(bytes).map_err(|e| io_error("put object", &self.key, &e))
    }

    async fn finish(self: Box<Self>, mode: PutMode) -> PortResult<Put> {
        let Self { file, path, key } = *self;
        let fail = |e: io::Error| io_error("put object", &key, &e);
        // Content, parent folders, name, folder entry: each is durable before the next,
        // so that a name never refers to an incomplete object.
        file.as_file().sync_all().map_err(fail)?;
        let folder = path.parent().unwrap_or(&path).to_owned();
        create_durably(&folder).map_err(|e| io_error("put object", &key, &as_collision(e)))?;
        // Renaming a file over a directory has no portable error.
        if path.is_dir() {
            return Err(fail(as_collision(io::ErrorKind::IsADirectory.into())));
        }
        // Only the file system can decide which of several writers is first.
        let kept = match mode {
            PutMode::Replace => file.persist(&path),
            PutMode::IfAbsent => file.persist_noclobber(&path),
        };
        let mut file = match kept {
            Ok(file) => file,
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Put::Exists),
            Err(e) => return Err(fail(e.error)),
        };
        sync_folder(&folder).map_err(fail)?;
        reference(&mut file, &key).map(Put::Written)
    }
}

/// Opens the file of an object. A key that is only a prefix of others is a folder here, or
/// is below a file: then there is no object.
fn open_object(path: &Path) -> io::Result<File> {
    let absent = || io::Error::from(io::ErrorKind::NotFound);
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Err(absent()),
        opened => opened?,
    };
    if file.metadata()?.is_dir() { Err(absent()) } else { Ok(file) }
}

fn reference(file: &mut File, key: &ObjectKey) -> PortResult<ObjectRef> {
    let fail = |e: io::Error| io_error("head object", key, &e);
    let size = file.metadata().map_err(fail)?.len();
    let etag = etag(file, size).map_err(fail)?;
    Ok(ObjectRef { key: key.clone(), version: NO_VERSION.to_owned(), etag, size })
}

/// Identifies a version by its length and both ends. Sealed objects differ from their first
/// bytes on (a random message id), so this distinguishes versions without reading them
/// completely, and survives a copy of the directory. The tags of the envelope protect the
/// bytes in between.
fn etag(file: &mut File, size: u64) -> io::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(size.to_be_bytes());
    for start in [0, size.saturating_sub(ETAG_BYTES)] {
        file.seek(SeekFrom::Start(start))?;
        let mut end = Vec::new();
        file.take(ETAG_BYTES).read_to_end(&mut end)?;
        hasher.update(&end);
    }
    let digest = hasher.finalize();
    Ok(hex::encode(&digest[..16]))
}

fn clear_unfinished(incoming: &Path) -> io::Result<()> {
    for entry in fs::read_dir(incoming)? {
        let entry = entry?;
        // Age, because other processes may be writing at this moment.
        let age = entry.metadata().and_then(|m| m.modified()).map(|at| at.elapsed());
        if matches!(age, Ok(Ok(age)) if age > UNFINISHED_AGE) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
