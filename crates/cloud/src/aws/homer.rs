//! The HomerKey on AWS: a raw wrapping key, wrapped by KMS, in the ancillary
//! bucket.
//!
//! Used by `sce key wrap`, which stores it, and by workers, which unwrap it once
//! at their start, into locked memory. It must never be in user data, an image, a
//! message or the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use sce_core::envelope::WrappingKey;
use sce_core::ids::Pit;
use sce_core::object::{Bucket, ObjectKey};
use zeroize::Zeroizing;

use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::local::{FileKeys, KEY_BYTES, KEY_NAME};
use crate::ports::{Entropy, ObjectStore, Put, PutMode};

/// The object key of the wrapped key.
const PLACE: &str = "keys/homer.key.wrapped";
/// The largest accepted wrapped key, in bytes; the limit of KMS is 6,144.
const WRAPPED_MAX_BYTES: u64 = 8192;

/// Wraps a HomerKey under the KMS key `key_arn` and stores it; false if the project already
/// has one and `replace` is not set.
///
/// # Errors
/// Returns an error if KMS or the store fails.
pub async fn store_homer_key(
    kms: &Client,
    objects: &dyn ObjectStore,
    key_arn: &str,
    pit: &Pit,
    key: &[u8; KEY_BYTES],
    replace: bool,
) -> PortResult<bool> {
    let sealed = kms
        .encrypt()
        .key_id(key_arn)
        .plaintext(Blob::new(key.as_slice()))
        .set_encryption_context(Some(context(pit)))
        .send()
        .await
        .map_err(|e| classify("wrap key", KEY_NAME, &e))?;
    let wrapped = sealed.ciphertext_blob.ok_or_else(|| fail("KMS returned no key"))?;
    let mut writer = objects.create(Bucket::Ancillary, &place()?).await?;
    writer.write(wrapped.as_ref()).await?;
    // Not replaced by default: objects may be sealed with the stored key.
    let mode = if replace { PutMode::Replace } else { PutMode::IfAbsent };
    Ok(writer.finish(mode).await? != Put::Exists)
}

/// Fetches the project's HomerKey and unwraps it.
///
/// # Errors
/// Returns an error if the project has none, or if KMS does not open it.
pub async fn fetch_homer_key(
    kms: &Client,
    objects: &dyn ObjectStore,
    key_arn: &str,
    pit: &Pit,
    entropy: Arc<dyn Entropy>,
) -> PortResult<FileKeys> {
    let found = objects.head(Bucket::Ancillary, &place()?).await?;
    // The size is checked before the read: any object may be there.
    let found = found.filter(|object| object.size <= WRAPPED_MAX_BYTES).ok_or_else(|| {
        fail("the project has no wrapped key: store it with `sce key wrap`, from a safe machine")
    })?;
    let mut reader = objects.open(Bucket::Ancillary, &found).await?;
    let mut wrapped = Vec::new();
    while let Some(chunk) = reader.next().await? {
        wrapped.extend_from_slice(&chunk);
    }
    let opened = kms
        .decrypt()
        .key_id(key_arn)
        .ciphertext_blob(Blob::new(wrapped))
        .set_encryption_context(Some(context(pit)))
        .send()
        .await
        .map_err(|e| match e.code() {
            Some("InvalidCiphertextException" | "IncorrectKeyException") => {
                let cause =
                    "it was wrapped for another project or key: store it again with `sce key wrap`";
                PortError::new(Class::WrongKey, "unwrap key", KEY_NAME, cause)
            }
            _ => classify("unwrap key", KEY_NAME, &e),
        })?;
    let plaintext = opened.plaintext.ok_or_else(|| fail("KMS returned no key"))?;
    let plaintext = Zeroizing::new(plaintext.into_inner());
    let key = <&[u8; KEY_BYTES]>::try_from(plaintext.as_slice())
        .map_err(|_| fail("the stored key is not 32 bytes long"))?;
    let key = WrappingKey::new(pit.as_str(), KEY_NAME, key).map_err(fail)?;
    FileKeys::of(key, entropy)
}

/// Returns the encryption context, which binds the wrapped key to its project and use.
fn context(pit: &Pit) -> HashMap<String, String> {
    [("pit", pit.as_str()), ("use", "homer-key")].map(|(k, v)| (k.into(), v.into())).into()
}

fn place() -> PortResult<ObjectKey> {
    ObjectKey::try_from(PLACE.to_owned()).map_err(fail)
}

fn fail(cause: impl std::fmt::Display) -> PortError {
    PortError::new(Class::Configuration, "wrapped key", PLACE, cause)
}
