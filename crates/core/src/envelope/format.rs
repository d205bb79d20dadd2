//! Constants, limits and lengths of the message format.
//!
//! Used by every other module here, and by callers that plan sizes.
//! Must never touch keys or data. Sources: the AWS Encryption SDK message
//! format reference (version 2, suite 0478) unless a constant says otherwise.

use super::error::EnvelopeError;

/// First byte of a message: format version 2.
pub(super) const VERSION: u8 = 2;
/// AES_256_GCM_HKDF_SHA512_COMMIT_KEY.
pub(super) const SUITE: u16 = 0x0478;
/// The same with ECDSA P-384 signatures: the standard clients' default.
pub(super) const SUITE_SIGNED: u16 = 0x0578;
/// Content type byte of framed content.
pub(super) const CONTENT_FRAMED: u8 = 2;
/// Content type byte of non-framed content.
pub(super) const CONTENT_NON_FRAMED: u8 = 1;

/// Bytes of a message id, a data key, a content key and a commitment.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of an AES-GCM IV.
pub(super) const IV_BYTES: usize = 12;
/// Bytes of an AES-GCM tag.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of a sequence number, the end mark and the length of the final frame.
pub(super) const WORD_BYTES: usize = 4;
/// Precedes the sequence number of the final frame.
pub(super) const END_MARK: u32 = u32::MAX;
/// Bytes of a regular frame before its content: sequence number, IV.
pub(super) const REGULAR_PREFIX_BYTES: usize = WORD_BYTES + IV_BYTES;
/// Bytes that a regular frame adds to its plaintext.
pub(super) const REGULAR_EXTRA_BYTES: usize = REGULAR_PREFIX_BYTES + TAG_BYTES;
/// Bytes of the final frame before its content: end mark, sequence number, IV, length.
pub(super) const FINAL_PREFIX_BYTES: usize = 3 * WORD_BYTES + IV_BYTES;
/// Bytes that the final frame adds to its plaintext.
pub(super) const FINAL_EXTRA_BYTES: usize = FINAL_PREFIX_BYTES + TAG_BYTES;

/// Limit of the whole header with its tag, in bytes. Ours: it bounds what a reader holds
/// before anything is authenticated.
pub const HEADER_MAX_BYTES: usize = 64 * 1024;
/// Limit of the frame length, in bytes. Ours: it bounds a reader's buffer.
pub const FRAME_LENGTH_MAX_BYTES: u32 = 16 * 1024 * 1024;
/// Limit of encrypted data keys in a header. Ours: each may cost a KMS call.
pub const EDKS_MAX: usize = 5;
/// The most frames in a message, including the final one (format: u32, and the end mark is
/// not a sequence number of a regular frame).
pub const FRAMES_MAX: u32 = u32::MAX;

/// Plaintext bytes in a regular frame: 1 to 16 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLength(u32);

impl FrameLength {
    /// The frame length that this system writes: 1 MiB.
    pub const DEFAULT: Self = Self(1024 * 1024);

    /// Checks a frame length in bytes.
    ///
    /// # Errors
    /// `Empty` for 0, `TooLarge` over [`FRAME_LENGTH_MAX_BYTES`].
    pub fn new(bytes: u32) -> Result<Self, EnvelopeError> {
        match bytes {
            0 => Err(EnvelopeError::Empty { what: "frame length" }),
            1..=FRAME_LENGTH_MAX_BYTES => Ok(Self(bytes)),
            _ => Err(EnvelopeError::TooLarge {
                what: "frame length in bytes",
                limit: u64::from(FRAME_LENGTH_MAX_BYTES),
            }),
        }
    }

    /// Returns the frame length in bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the frame length as a buffer size; a u32 always fits.
    pub(super) const fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl Default for FrameLength {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Returns the length of the sealed object for `plaintext_bytes` of plaintext, where
/// `header_bytes` is the length of the header that `Sealer::new` returned.
///
/// # Errors
/// `TooLarge` when it needs more than [`FRAMES_MAX`] frames.
pub fn sealed_len(
    header_bytes: u64,
    plaintext_bytes: u64,
    frame_length: FrameLength,
) -> Result<u64, EnvelopeError> {
    let regular = plaintext_bytes / u64::from(frame_length.get());
    if regular >= u64::from(FRAMES_MAX) {
        return Err(too_many_frames());
    }
    // At most 2^32 frames of 16 MiB: about 2^56, far from overflow.
    let frames = regular * REGULAR_EXTRA_BYTES as u64 + FINAL_EXTRA_BYTES as u64;
    Ok(header_bytes.saturating_add(plaintext_bytes + frames))
}

pub(super) const fn too_many_frames() -> EnvelopeError {
    EnvelopeError::TooLarge { what: "number of frames", limit: FRAMES_MAX as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_length_is_between_one_byte_and_the_cap() {
        assert!(matches!(FrameLength::new(0), Err(EnvelopeError::Empty { .. })));
        assert_eq!(FrameLength::new(1).map(FrameLength::get), Ok(1));
        let cap = FRAME_LENGTH_MAX_BYTES;
        assert_eq!(FrameLength::new(cap).map(FrameLength::get), Ok(cap));
        assert!(matches!(FrameLength::new(cap + 1), Err(EnvelopeError::TooLarge { .. })));
    }

    #[test]
    fn sealed_len_refuses_more_frames_than_the_format_counts() {
        let one = FrameLength(1);
        let most = u64::from(FRAMES_MAX) - 1;
        assert_eq!(sealed_len(219, most, one), Ok(219 + most * 33 + 40));
        assert_eq!(sealed_len(219, most + 1, one), Err(too_many_frames()));
    }
}
