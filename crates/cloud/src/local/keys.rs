//! The key file ("HomerKey") and the data keys that it wraps.
//!
//! Used in local mode, by `sce key` and by the HomerKey on AWS. Must never print
//! the key, overwrite a key file, or accept one that others can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use sce_core::envelope::{DataKey, EncryptedDataKey, EncryptionContext, WrappingKey};
use sce_core::ids::Pit;
use zeroize::Zeroizing;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Entropy, KeyService};

/// Length of the raw AES-256 wrapping key, in bytes.
pub const KEY_BYTES: usize = 32;
/// The wrapping key's name in envelopes; its namespace is the PIT.
pub const KEY_NAME: &str = "HomerKey";

/// Data keys wrapped by a raw key, from a file or from elsewhere. The wrapping key stays at
/// one address, in memory that is never swapped out.
pub struct FileKeys {
    // Dropped first: unlocked before the key is zeroized and its memory is freed.
    _lock: region::LockGuard,
    wrapping_key: Box<WrappingKey>,
    entropy: Arc<dyn Entropy>,
}

impl FileKeys {
    /// Reads the key file.
    ///
    /// # Errors
    /// Returns an error if the file is absent, not a regular file, readable by others, or not
    /// 32 bytes long.
    pub fn open(path: &Path, pit: &Pit, entropy: Arc<dyn Entropy>) -> PortResult<Self> {
        let bytes = load_key_file(path)?;
        let wrapping_key = WrappingKey::new(pit.as_str(), KEY_NAME, &bytes)
            .map_err(|e| key_error(path, e.to_string()))?;
        Self::of(wrapping_key, entropy)
    }

    /// Uses a wrapping key that was read elsewhere.
    ///
    /// # Errors
    /// Returns an error if its memory cannot be locked.
    pub fn of(wrapping_key: WrappingKey, entropy: Arc<dyn Entropy>) -> PortResult<Self> {
        // Boxed before it is locked: a move would leave a copy in unlocked memory.
        let wrapping_key = Box::new(wrapping_key);
        let lock = region::lock(&raw const *wrapping_key, size_of::<WrappingKey>());
        let lock = lock.map_err(|e| {
            let cause = format!("its memory cannot be locked ({e}): raise `ulimit -l`");
            PortError::new(Class::Configuration, "keep key", KEY_NAME, cause)
        })?;
        Ok(Self { _lock: lock, wrapping_key, entropy })
    }
}

/// Reads the key in a key file; it is zeroized when dropped.
///
/// # Errors
/// Returns an error if the file is absent, not a regular file, readable by others, or not 32
/// bytes long.
pub fn load_key_file(path: &Path) -> PortResult<Zeroizing<[u8; KEY_BYTES]>> {
    read_key(path).map_err(|e| match e.kind() {
        _ if e.raw_os_error() == Some(Errno::ELOOP as i32) => {
            key_error(path, "it is a symbolic link: name the key file itself".into())
        }
        io::ErrorKind::NotFound => {
            key_error(path, "it does not exist: make one with `sce key new`".into())
        }
        _ => key_error(path, e.to_string()),
    })
}

/// Creates a key file of 32 random bytes, mode 0600; never overwrites another file.
///
/// # Errors
/// Returns an error if the file exists or cannot be written.
pub fn create_key_file(path: &Path, entropy: &dyn Entropy) -> PortResult<()> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    entropy.fill(bytes.as_mut())?;
    let create = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        file.write_all(bytes.as_ref())
            .and_then(|()| file.sync_all())
            // If a power failure deleted the key, everything sealed with it would be lost.
            .and_then(|()| File::open(folder)?.sync_all())
            // Part of a key is useless, and would block its name.
            .inspect_err(|_| drop(fs::remove_file(path)))
    };
    create().map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => key_error(
            path,
            "it exists, and objects may be sealed with it: choose another name".into(),
        ),
        _ => key_error(path, e.to_string()),
    })
}

fn read_key(path: &Path) -> io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    // No symbolic links: another user could replace the target. Non-blocking: a pipe would
    // hold up the open.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let facts = file.metadata()?;
    let refuse = |cause: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, cause.to_owned()));
    if !facts.is_file() {
        return refuse("it is not a regular file: use the file that `sce key new` made");
    }
    if !matches!(facts.mode() & 0o777, 0o600 | 0o400) {
        return refuse("others can read it: run chmod 600 on it");
    }
    if facts.len() != KEY_BYTES as u64 {
        return refuse("it is not 32 bytes long: use the file that `sce key new` made");
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    file.read_exact(bytes.as_mut())?;
    Ok(bytes)
}

fn key_error(path: &Path, cause: String) -> PortError {
    PortError::new(Class::Configuration, "key file", path.display(), cause)
}

#[async_trait]
impl KeyService for FileKeys {
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> PortResult<(DataKey, EncryptedDataKey)> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        self.entropy.fill(bytes.as_mut())?;
        let mut iv = [0; 12];
        self.entropy.fill(&mut iv)?;
        let data_key = DataKey::from(*bytes);
        let wrapped = self
            .wrapping_key
            .wrap(&data_key, context, iv)
            .map_err(|e| PortError::new(Class::Permanent, "wrap data key", KEY_NAME, e))?;
        Ok((data_key, wrapped))
    }

    async fn unwrap(
        &self,
        wrapped: &[EncryptedDataKey],
        context: &EncryptionContext,
    ) -> PortResult<DataKey> {
        self.wrapping_key
            .unwrap(wrapped, context)
            .map_err(|e| PortError::new(Class::WrongKey, "unwrap data key", KEY_NAME, e))
    }

    fn key_name(&self) -> String {
        KEY_NAME.to_owned()
    }
}
