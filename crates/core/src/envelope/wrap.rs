//! Encrypted data keys (EDKs), and wrapping with a raw AES-256 key ("HomerKey").
//!
//! Used by code that seals or opens without KMS; KMS creates its EDKs in `cloud`
//! and they are not changed here.
//! Must never try a key whose namespace and name are not in the EDK, or use the
//! namespace `aws-kms`.

use std::fmt;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use super::context::EncryptionContext;
use super::error::EnvelopeError;
use super::format::{IV_BYTES, KEY_BYTES, TAG_BYTES};
use super::keys::DataKey;

/// Namespace of KMS; also the prefix of related ones (`aws-kms-hierarchy`, ...).
const KMS_NAMESPACE: &str = "aws-kms";
/// Tag length in bits and IV length in bytes, as in the provider info.
const TAG_BITS: u32 = 128;
const IV_LEN: u32 = 12;
/// Limit of a namespace or a name in bytes. Ours: u16 minus the 20 bytes that follow the
/// name, rounded down to a length that can still be typed.
const NAME_MAX_BYTES: usize = 1024;

/// One encrypted data key, as in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedDataKey {
    /// Key namespace, or `aws-kms`.
    pub provider_id: String,
    /// Key name and IV (raw AES), or the key's ARN (KMS).
    pub provider_info: Vec<u8>,
    /// The encrypted data key: 48 bytes (raw AES) or a `CiphertextBlob` (KMS).
    pub ciphertext: Vec<u8>,
}

/// A raw AES-256 wrapping key with the namespace and name that its EDKs carry. Zeroized on
/// drop; the key itself is never shown.
pub struct WrappingKey {
    namespace: String,
    name: String,
    cipher: Aes256Gcm,
}

impl WrappingKey {
    /// Creates a wrapping key from 32 random bytes; the caller zeroizes its own copy.
    ///
    /// # Errors
    /// `BadKeyName` for an empty, long or non-ASCII namespace or name, or a
    /// namespace that belongs to KMS.
    pub fn new(namespace: &str, name: &str, key: &[u8; KEY_BYTES]) -> Result<Self, EnvelopeError> {
        for part in [namespace, name] {
            if part.is_empty() || part.len() > NAME_MAX_BYTES || !part.is_ascii() {
                let what = "namespace and name must be 1 to 1024 ASCII characters; choose others";
                return Err(EnvelopeError::BadKeyName { what });
            }
        }
        // By prefix: related namespaces of KMS are reserved, too.
        if namespace.starts_with(KMS_NAMESPACE) {
            let what = "namespaces that begin with `aws-kms` belong to KMS; choose another";
            return Err(EnvelopeError::BadKeyName { what });
        }
        let cipher = Aes256Gcm::new(key.into());
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), cipher })
    }

    /// Wraps a data key, bound to the context. `iv` must be new random bytes for each call:
    /// an IV that is used twice under this key reveals the key.
    ///
    /// # Errors
    /// None at present; a `Result` because the cipher's interface returns one.
    pub fn wrap(
        &self,
        data_key: &DataKey,
        context: &EncryptionContext,
        iv: [u8; IV_BYTES],
    ) -> Result<EncryptedDataKey, EnvelopeError> {
        let mut ciphertext = vec![0; KEY_BYTES + TAG_BYTES];
        let (content, tag_out) = ciphertext.split_at_mut(KEY_BYTES);
        // Directly from the key into the output: no plaintext copy to zeroize.
        let buffer = InOutBuf::new(data_key.as_bytes(), content).map_err(|_| self.unusable())?;
        let tag = self
            .cipher
            .encrypt_inout_detached(&Nonce::from(iv), context.as_bytes(), buffer)
            .map_err(|_| self.unusable())?;
        tag_out.copy_from_slice(&tag);
        let mut provider_info = self.info_prefix();
        provider_info.extend_from_slice(&iv);
        Ok(EncryptedDataKey { provider_id: self.namespace.clone(), provider_info, ciphertext })
    }

    /// Unwraps the first EDK that carries this key's namespace and name and verifies under
    /// the context.
    ///
    /// # Errors
    /// `WrongKey` if none carries them or none verifies.
    pub fn unwrap(
        &self,
        edks: &[EncryptedDataKey],
        context: &EncryptionContext,
    ) -> Result<DataKey, EnvelopeError> {
        let mut tried = 0_usize;
        // Names are not unique: another key may have the same one, so each match is tried.
        for edk in edks {
            let Some(iv) = self.iv_of(edk) else { continue };
            tried += 1;
            if let Some(data_key) = self.try_unwrap(edk, &iv, context) {
                return Ok(data_key);
            }
        }
        Err(if tried == 0 { self.not_named(edks.len()) } else { self.unusable() })
    }

    fn try_unwrap(
        &self,
        edk: &EncryptedDataKey,
        iv: &[u8; IV_BYTES],
        context: &EncryptionContext,
    ) -> Option<DataKey> {
        // Any failure is `None`: the errors of the cipher must not be distinguishable.
        let (content, tag) = edk.ciphertext.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = Zeroizing::new([0; KEY_BYTES]);
        let buffer = InOutBuf::new(content, plain.as_mut_slice()).ok()?;
        self.cipher
            .decrypt_inout_detached(iv.into(), context.as_bytes(), buffer, &Tag::from(*tag))
            .ok()?;
        Some(DataKey::from(*plain))
    }

    /// Returns the IV of an EDK that names this key; `None` if it names another one.
    fn iv_of(&self, edk: &EncryptedDataKey) -> Option<[u8; IV_BYTES]> {
        if edk.provider_id != self.namespace {
            return None;
        }
        edk.provider_info.strip_prefix(self.info_prefix().as_slice())?.try_into().ok()
    }

    /// Key name, then the length of the tag in bits and of the IV in bytes.
    fn info_prefix(&self) -> Vec<u8> {
        let mut info = self.name.clone().into_bytes();
        info.extend_from_slice(&TAG_BITS.to_be_bytes());
        info.extend_from_slice(&IV_LEN.to_be_bytes());
        info
    }

    fn not_named(&self, count: usize) -> EnvelopeError {
        let Self { namespace, name, .. } = self;
        let why = format!("none of its {count} encrypted data keys names {namespace}/{name}");
        EnvelopeError::WrongKey { why }
    }

    fn unusable(&self) -> EnvelopeError {
        let Self { namespace, name, .. } = self;
        let why = format!("its data key does not unwrap with this {namespace}/{name}");
        EnvelopeError::WrongKey { why }
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, .. } = self;
        write!(f, "WrappingKey({namespace}/{name}, redacted)")
    }
}

#[cfg(test)]
#[path = "wrap_tests.rs"]
mod tests;
