//! Data keys, and the keys that suite 0478 derives from them.
//!
//! Used by callers, which create a `DataKey` from random bytes or a KMS answer
//! or unwrap one, and by `seal` and `header` for the derivation.
//! Must never print a key, copy one out, or leave one in memory.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::error::EnvelopeError;
use super::format::{KEY_BYTES, SUITE};

/// The 32-byte key of one object. New random bytes for each object; zeroized on drop and
/// never shown.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; KEY_BYTES]);

impl DataKey {
    pub(super) const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// HKDF-SHA512 over the data key, salted with the message id: returns the cipher of the
    /// content and the commitment to this key.
    pub(super) fn derive(&self, message_id: &[u8; KEY_BYTES]) -> (Aes256Gcm, [u8; KEY_BYTES]) {
        let hkdf = Hkdf::<Sha512>::new(Some(message_id), &self.0);
        let mut content_key = Zeroizing::new([0; KEY_BYTES]);
        let mut commitment = [0; KEY_BYTES];
        // The labels of the message format: one secret gives two independent keys.
        let suite = SUITE.to_be_bytes();
        hkdf.expand_multi_info(&[&suite, b"DERIVEKEY"], content_key.as_mut_slice())
            .expect("32 bytes are within the 16,320 of HKDF-SHA512");
        hkdf.expand(b"COMMITKEY", &mut commitment)
            .expect("32 bytes are within the 16,320 of HKDF-SHA512");
        (Aes256Gcm::new((&*content_key).into()), commitment)
    }
}

impl From<[u8; KEY_BYTES]> for DataKey {
    fn from(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for DataKey {
    type Error = EnvelopeError;

    /// Creates a key from the answer of a key service; `WrongKey` unless it has 32 bytes.
    fn try_from(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        // Copied straight into the key, which zeroizes itself.
        let mut key = Self([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            let why = "the data key is not 32 bytes long".to_owned();
            return Err(EnvelopeError::WrongKey { why });
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_32_bytes_and_shows_none() {
        let key = DataKey::try_from(&[0x5a; 32][..]).unwrap();
        assert_eq!(format!("{key:?}"), "DataKey(redacted)");
        for len in [0, 16, 31, 33] {
            assert!(DataKey::try_from(vec![0; len].as_slice()).is_err());
        }
    }

    #[test]
    fn another_message_id_derives_another_commitment() {
        let key = DataKey::from([1; 32]);
        assert_ne!(key.derive(&[2; 32]).1, key.derive(&[3; 32]).1);
    }
}
