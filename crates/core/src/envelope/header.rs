//! Reading a header: collected, shown, verified.
//!
//! Used by code that opens objects: `HeaderReader` collects the header, `Header`
//! shows what is needed to get the data key, `Header::open` verifies it.
//! Must never allocate for a length above a limit, or create an `Opener` before
//! commitment, tag and context are verified.

use subtle::ConstantTimeEq;

use super::context::EncryptionContext;
use super::error::{EnvelopeError, Place};
use super::format::{FrameLength, KEY_BYTES, TAG_BYTES};
use super::frame::FrameCipher;
use super::header_wire;
use super::keys::DataKey;
use super::open::Opener;
use super::wire::Stop;
use super::wrap::EncryptedDataKey;

/// Collects a header of at most 64 KiB from a stream of slices.
#[derive(Debug)]
pub struct HeaderReader {
    collected: Vec<u8>,
    wanted: usize,
}

impl Default for HeaderReader {
    fn default() -> Self {
        Self::new()
    }
}

impl HeaderReader {
    /// Creates a reader at the start of an object.
    #[must_use]
    pub const fn new() -> Self {
        Self { collected: Vec::new(), wanted: 1 }
    }

    /// Reads the next bytes of the object. Returns `None` while the header is incomplete
    /// (all of `bytes` is used), else the header and how many of `bytes` belong to it; push
    /// the rest to the `Opener`.
    ///
    /// # Errors
    /// `NotAnEnvelope`, `Unsupported`, `Malformed`, `BadContext`, `Empty` or `TooLarge`, at
    /// the first byte that shows it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<(Header, usize)>, EnvelopeError> {
        let mut used = 0;
        loop {
            // Never reads past what the parser asked for: frames must not be consumed.
            let missing = self.wanted.saturating_sub(self.collected.len());
            let rest = &bytes[used..];
            let taken = &rest[..missing.min(rest.len())];
            self.collected.extend_from_slice(taken);
            used += taken.len();
            if taken.len() < missing {
                return Ok(None);
            }
            match header_wire::parse(&self.collected) {
                Ok(header) => return Ok(Some((header, used))),
                Err(Stop::Need(wanted)) => self.wanted = wanted,
                Err(Stop::Bad(error)) => return Err(error),
            }
        }
    }

    /// Returns the error of an input that ends before the header is complete.
    #[must_use]
    pub fn finish(self) -> EnvelopeError {
        if self.collected.is_empty() {
            return EnvelopeError::NotAnEnvelope { what: "it is empty" };
        }
        EnvelopeError::Truncated { place: Place::Header }
    }
}

/// A header as read. It is not verified before [`Header::open`].
#[derive(Debug)]
pub struct Header {
    pub(super) bytes: Vec<u8>,
    pub(super) message_id: [u8; KEY_BYTES],
    pub(super) context: EncryptionContext,
    pub(super) edks: Vec<EncryptedDataKey>,
    pub(super) frame_length: FrameLength,
    pub(super) commitment: [u8; KEY_BYTES],
    pub(super) tag: [u8; TAG_BYTES],
}

impl Header {
    /// Returns the context, unverified: only to request the data key, which is bound to it.
    #[must_use]
    pub const fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// Returns the encrypted data keys, unverified; one to five.
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.edks
    }

    /// Returns the frame length, unverified but within its limit.
    #[must_use]
    pub const fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// Returns the length of the header with its tag: the offset of frame 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a header is never empty
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Verifies the commitment, the tag, and then that the context has each pair that the
    /// caller expects.
    ///
    /// # Errors
    /// `TagFails` at the header if the data key is a different one or the header was
    /// altered; `ContextDiffers` if the object belongs to another place.
    pub fn open(
        self,
        data_key: &DataKey,
        expected: &[(&str, &str)],
    ) -> Result<Opener, EnvelopeError> {
        let (cipher, commitment) = data_key.derive(&self.message_id);
        // The commitment comes first: a tag could verify under two different keys.
        if !bool::from(commitment.ct_eq(&self.commitment)) {
            return Err(EnvelopeError::TagFails { place: Place::Header });
        }
        let cipher = FrameCipher::new(cipher, self.message_id);
        cipher.verify_header(&self.bytes[..self.bytes.len() - TAG_BYTES], self.tag)?;
        // The context last: its pairs are authentic only when the tag is verified.
        self.context.require(expected)?;
        Ok(Opener::new(cipher, self.frame_length))
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
