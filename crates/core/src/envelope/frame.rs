//! The cipher of one message: its header tag, and the IVs, tags and
//! authenticated data of its frames.
//!
//! Used by `header`, `seal` and `open`. Must never leave bytes in a buffer
//! whose tag did not verify.

use aes_gcm::{AeadInOut, Aes256Gcm, Nonce, Tag};
use zeroize::Zeroize;

use super::error::{EnvelopeError, Place};
use super::format::{IV_BYTES, KEY_BYTES, TAG_BYTES};

const LABEL_REGULAR: &[u8] = b"AWSKMSEncryptionClient Frame";
const LABEL_FINAL: &[u8] = b"AWSKMSEncryptionClient Final Frame";
/// Message id, the longer label, sequence number, plaintext length.
const AAD_MAX_BYTES: usize = KEY_BYTES + LABEL_FINAL.len() + 4 + 8;
/// GCM fails only above 64 GiB, and frames end at 16 MiB.
const WITHIN_GCM: &str = "header and frames are far below GCM's limits";

/// Whether a frame is the last of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Regular,
    Final,
}

/// The position and stored IV of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameHead {
    pub(super) kind: FrameKind,
    pub(super) seq: u32,
    pub(super) iv: [u8; IV_BYTES],
}

/// The content key of one message, ready for use. The cipher zeroizes itself on drop.
pub(super) struct FrameCipher {
    cipher: Aes256Gcm,
    message_id: [u8; KEY_BYTES],
}

impl FrameCipher {
    pub(super) const fn new(cipher: Aes256Gcm, message_id: [u8; KEY_BYTES]) -> Self {
        Self { cipher, message_id }
    }

    /// Returns the tag of a header body: IV of zeros, nothing encrypted.
    pub(super) fn header_tag(&self, body: &[u8]) -> [u8; TAG_BYTES] {
        self.encrypt([0; IV_BYTES], body, &mut [])
    }

    /// Verifies the tag of a header in constant time.
    ///
    /// # Errors
    /// `TagFails` at the header.
    pub(super) fn verify_header(
        &self,
        body: &[u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), EnvelopeError> {
        let (iv, nothing) = (Nonce::from([0; IV_BYTES]), &mut [][..]);
        // Nothing is encrypted in the header: the tag covers it as associated data.
        self.cipher
            .decrypt_inout_detached(&iv, body, nothing.into(), &Tag::from(tag))
            .map_err(|_| EnvelopeError::TagFails { place: Place::Header })
    }

    /// Encrypts the content of a frame in place under `iv_of(seq)` and returns its tag.
    pub(super) fn seal(&self, kind: FrameKind, seq: u32, content: &mut [u8]) -> [u8; TAG_BYTES] {
        let (aad, aad_len) = self.aad(kind, seq, content.len());
        self.encrypt(iv_of(seq), &aad[..aad_len], content)
    }

    /// Appends the plaintext of a frame to `out`. If the tag does not verify, `out` is
    /// unchanged and everything that was written is zeroized.
    ///
    /// # Errors
    /// `TagFails` at the frame.
    pub(super) fn open(
        &self,
        head: FrameHead,
        content: &[u8],
        tag: [u8; TAG_BYTES],
        out: &mut Vec<u8>,
    ) -> Result<(), EnvelopeError> {
        let (aad, aad_len) = self.aad(head.kind, head.seq, content.len());
        let start = out.len();
        out.extend_from_slice(content);
        // Decrypted in place: no second buffer of plaintext to zeroize.
        let verified = self.cipher.decrypt_inout_detached(
            &Nonce::from(head.iv),
            &aad[..aad_len],
            (&mut out[start..]).into(),
            &Tag::from(tag),
        );
        verified.map_err(|_| {
            // Zeroized, not only cut off: the bytes would stay in the buffer.
            out[start..].zeroize();
            out.truncate(start);
            EnvelopeError::TagFails { place: Place::Frame(head.seq) }
        })
    }

    fn encrypt(&self, iv: [u8; IV_BYTES], aad: &[u8], content: &mut [u8]) -> [u8; TAG_BYTES] {
        self.cipher
            .encrypt_inout_detached(&Nonce::from(iv), aad, content.into())
            .expect(WITHIN_GCM)
            .into()
    }

    /// Returns the additional authenticated data of a frame and its length.
    fn aad(&self, kind: FrameKind, seq: u32, content_len: usize) -> ([u8; AAD_MAX_BYTES], usize) {
        let label = match kind {
            FrameKind::Regular => LABEL_REGULAR,
            FrameKind::Final => LABEL_FINAL,
        };
        let mut aad = [0; AAD_MAX_BYTES];
        let mut end = 0;
        for part in
            [&self.message_id, label, &seq.to_be_bytes(), &(content_len as u64).to_be_bytes()]
        {
            aad[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        (aad, end)
    }
}

/// The IV that this system writes: the sequence number, right-aligned. Unique per frame;
/// that of the header is zero, and sequence numbers start at 1.
pub(super) fn iv_of(seq: u32) -> [u8; IV_BYTES] {
    let mut iv = [0; IV_BYTES];
    iv[IV_BYTES - 4..].copy_from_slice(&seq.to_be_bytes());
    iv
}
