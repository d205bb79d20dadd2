//! The header on the way from bytes to believed: collected, shown, verified.
//!
//! Used by whoever opens: `HeaderReader` collects it, `Header` shows what is
//! needed to get the data key, `Header::open` makes it believed.
//! Must never: allocate for a length over a cap, or start an `Opener` before
//! commitment, tag and context are right.

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

/// Collects a header from a stream of slices, at most 64 KiB of it.
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
    /// A reader at the start of an object.
    #[must_use]
    pub const fn new() -> Self {
        Self { collected: Vec::new(), wanted: 1 }
    }

    /// Takes the next bytes of the object. Gives nothing while the header is
    /// incomplete (all of `bytes` is taken), else the header and how many of
    /// `bytes` belong to it; push the others to the `Opener`.
    ///
    /// # Errors
    /// `NotAnEnvelope`, `Unsupported`, `Malformed`, `BadContext`, `Empty` or
    /// `TooLarge`, at the first byte that shows it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<(Header, usize)>, EnvelopeError> {
        let mut used = 0;
        loop {
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

    /// What it means when the input ends before `push` gave a header.
    #[must_use]
    pub fn finish(self) -> EnvelopeError {
        if self.collected.is_empty() {
            return EnvelopeError::NotAnEnvelope { what: "it is empty" };
        }
        EnvelopeError::Truncated { place: Place::Header }
    }
}

/// A header as read. Nothing in it is believed before [`Header::open`].
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
    /// The context, unverified: good for asking for the data key, which it is
    /// bound to, and for nothing else.
    #[must_use]
    pub const fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The encrypted data keys, unverified; one to five.
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.edks
    }

    /// The frame length, unverified but within its cap.
    #[must_use]
    pub const fn frame_length(&self) -> FrameLength {
        self.frame_length
    }

    /// Bytes of the header with its tag: where frame 1 begins.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a header is never empty
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Verifies commitment, tag and then the context against what the caller
    /// expects, each pair exactly.
    ///
    /// # Errors
    /// `TagFails` at the header when the data key is another or the header is
    /// altered; `ContextDiffers` when the object belongs to another place.
    pub fn open(
        self,
        data_key: &DataKey,
        expected: &[(&str, &str)],
    ) -> Result<Opener, EnvelopeError> {
        let (cipher, commitment) = data_key.derive(&self.message_id);
        if !bool::from(commitment.ct_eq(&self.commitment)) {
            return Err(EnvelopeError::TagFails { place: Place::Header });
        }
        let cipher = FrameCipher::new(cipher, self.message_id);
        cipher.verify_header(&self.bytes[..self.bytes.len() - TAG_BYTES], self.tag)?;
        self.context.require(expected)?;
        Ok(Opener::new(cipher, self.frame_length))
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
