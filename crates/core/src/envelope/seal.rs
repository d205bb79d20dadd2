//! Sealing: plaintext in, header and frames out.
//!
//! Used by `coordinator` (`put`) and `agent` (partials, results). Sans I/O: the
//! caller writes what is appended to `out`.
//! Must never use a sequence number twice, write a final frame as long as a
//! regular one, or continue after an error.

use std::fmt;

use zeroize::Zeroizing;

use super::context::EncryptionContext;
use super::error::EnvelopeError;
use super::format::{
    END_MARK, FRAMES_MAX, FrameLength, REGULAR_EXTRA_BYTES, TAG_BYTES, too_many_frames,
};
use super::frame::{FrameCipher, FrameKind, iv_of};
use super::header_wire;
use super::keys::DataKey;
use super::wrap::EncryptedDataKey;

/// Seals one object. Holds less than one frame of plaintext, zeroized on drop.
pub struct Sealer {
    cipher: FrameCipher,
    frame_length: FrameLength,
    /// Plaintext of the frame that is not full yet.
    pending: Zeroizing<Vec<u8>>,
    next_seq: u32,
    failed: bool,
}

impl Sealer {
    /// Starts an object; returns the header, which the caller writes first.
    ///
    /// `message_id` must be new random bytes, like the data key; `edks` are that data key
    /// wrapped under exactly this `context`.
    ///
    /// # Errors
    /// `Empty` or `TooLarge` if the EDKs or the header exceed the limits.
    pub fn new(
        data_key: &DataKey,
        edks: &[EncryptedDataKey],
        context: &EncryptionContext,
        message_id: [u8; 32],
        frame_length: FrameLength,
    ) -> Result<(Self, Vec<u8>), EnvelopeError> {
        let (cipher, commitment) = data_key.derive(&message_id);
        let cipher = FrameCipher::new(cipher, message_id);
        let header =
            header_wire::write(&cipher, &commitment, &message_id, context, edks, frame_length)?;
        let pending = Zeroizing::new(Vec::new());
        Ok((Self { cipher, frame_length, pending, next_seq: 1, failed: false }, header))
    }

    /// Encrypts the next plaintext; appends each frame that it fills to `out`.
    ///
    /// # Errors
    /// `TooLarge` beyond [`FRAMES_MAX`] frames; from then on every call fails.
    pub fn push(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        if self.failed {
            return Err(too_many_frames());
        }
        let frame_bytes = self.frame_length.bytes();
        // First the frame that is pending, then whole frames straight from the input.
        let mut rest = plaintext;
        if !self.pending.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(frame_bytes - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() < frame_bytes {
                return Ok(());
            }
            // Taken out and put back, so that the buffer is reused, not reallocated.
            let mut full = std::mem::take(&mut self.pending);
            let sealed = self.seal_regular(&full, out);
            full.clear();
            self.pending = full;
            sealed?;
        }
        let frames = rest.chunks_exact(frame_bytes);
        let left = frames.remainder();
        out.reserve(frames.len() * (frame_bytes + REGULAR_EXTRA_BYTES));
        for frame in frames {
            self.seal_regular(frame, out)?;
        }
        self.keep(left);
        Ok(())
    }

    /// Appends the final frame with the pending plaintext. It is empty if the plaintext
    /// fills its frames exactly (the standard Python client refuses a final frame as long
    /// as a regular one).
    ///
    /// # Errors
    /// `TooLarge` if a push has failed.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        if self.failed {
            return Err(too_many_frames());
        }
        // Written even without content: only the final frame proves that nothing is missing.
        out.extend_from_slice(&END_MARK.to_be_bytes());
        out.extend_from_slice(&self.next_seq.to_be_bytes());
        out.extend_from_slice(&iv_of(self.next_seq));
        let len = u32::try_from(self.pending.len()).map_err(|_| too_many_frames())?;
        out.extend_from_slice(&len.to_be_bytes());
        self.seal_content(FrameKind::Final, &self.pending, out);
        Ok(())
    }

    /// Keeps the start of a frame. Reserves the whole frame at once, so that no reallocation
    /// leaves plaintext behind.
    fn keep(&mut self, plaintext: &[u8]) {
        if !plaintext.is_empty() {
            self.pending.reserve_exact(self.frame_length.bytes());
            self.pending.extend_from_slice(plaintext);
        }
    }

    fn seal_regular(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        // This number is the end mark: only a final frame may have it.
        if self.next_seq == FRAMES_MAX {
            self.failed = true;
            return Err(too_many_frames());
        }
        out.extend_from_slice(&self.next_seq.to_be_bytes());
        out.extend_from_slice(&iv_of(self.next_seq));
        self.seal_content(FrameKind::Regular, content, out);
        self.next_seq += 1;
        Ok(())
    }

    fn seal_content(&self, kind: FrameKind, content: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        // One allocation, so that no reallocation leaves plaintext behind.
        out.reserve(content.len() + TAG_BYTES);
        out.extend_from_slice(content);
        let tag = self.cipher.seal(kind, self.next_seq, &mut out[start..]);
        out.extend_from_slice(&tag);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(at frame {})", self.next_seq)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::envelope::WrappingKey;

    #[test]
    fn stops_at_the_last_sequence_number_and_stays_stopped() {
        let data_key = DataKey::from([9; 32]);
        let context = EncryptionContext::default();
        let wrapping = WrappingKey::new("n", "k", &[7; 32]).unwrap();
        let edks = [wrapping.wrap(&data_key, &context, [3; 12]).unwrap()];
        let one = FrameLength::new(1).unwrap();
        let mut out = Vec::new();
        let at = |seq: u32| {
            let mut sealer = Sealer::new(&data_key, &edks, &context, [1; 32], one).unwrap().0;
            sealer.next_seq = seq;
            sealer
        };
        let mut fits = at(FRAMES_MAX - 1);
        fits.push(b"x", &mut out).unwrap();
        fits.finish(&mut out).unwrap();
        let mut over = at(FRAMES_MAX - 1);
        assert_eq!(over.push(b"xy", &mut out), Err(too_many_frames()));
        assert_eq!(over.push(b"", &mut out), Err(too_many_frames()));
        assert_eq!(over.finish(&mut out), Err(too_many_frames()));
    }
}
