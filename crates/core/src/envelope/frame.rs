//! The cipher of one message: its header tag, and its frames' IVs, tags and
//! authenticated data.
//!
//! Used by `header`, `seal` and `open`. Must never: leave bytes in a buffer
//! whose tag did not verify.

use aes_gcm::{AeadInOut, Aes256Gcm, Nonce, Tag};
use zeroize::Zeroize;

use super::error::{EnvelopeError, Place};
use super::format::{IV_BYTES, KEY_BYTES, TAG_BYTES};

const LABEL_REGULAR: &[u8] = b"AWSKMSEncryptionClient Frame";
const LABEL_FINAL: &[u8] = b"AWSKMSEncryptionClient Final Frame";
/// Message id, the longer label, sequence number, plaintext length.
const AAD_MAX_BYTES: usize = KEY_BYTES + LABEL_FINAL.len() + 4 + 8;
/// GCM refuses only what is over 64 GiB, and frames end at 16 MiB.
const WITHIN_GCM: &str = "header and frames are far below GCM's limits";

/// Whether a frame is the last of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Regular,
    Final,
}

/// One frame's position and stored IV, as read.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameHead {
    pub(super) kind: FrameKind,
    pub(super) seq: u32,
    pub(super) iv: [u8; IV_BYTES],
}

/// The content key of one message, ready for use. The cipher zeroizes itself
/// on drop.
pub(super) struct FrameCipher {
    cipher: Aes256Gcm,
    message_id: [u8; KEY_BYTES],
}

impl FrameCipher {
    pub(super) const fn new(cipher: Aes256Gcm, message_id: [u8; KEY_BYTES]) -> Self {
        Self { cipher, message_id }
    }

    /// The tag over a header body: IV of zeros, nothing encrypted.
    pub(super) fn header_tag(&self, body: &[u8]) -> [u8; TAG_BYTES] {
        self.encrypt([0; IV_BYTES], body, &mut [])
    }

    /// Checks a header's tag, in constant time.
    ///
    /// # Errors
    /// `TagFails` at the header.
    pub(super) fn verify_header(
        &self,
        body: &[u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), EnvelopeError> {
        let (iv, nothing) = (Nonce::from([0; IV_BYTES]), &mut [][..]);
        self.cipher
            .decrypt_inout_detached(&iv, body, nothing.into(), &Tag::from(tag))
            .map_err(|_| EnvelopeError::TagFails { place: Place::Header })
    }

    /// Encrypts a frame's content in place under `iv_of(seq)`; gives its tag.
    pub(super) fn seal(&self, kind: FrameKind, seq: u32, content: &mut [u8]) -> [u8; TAG_BYTES] {
        let (aad, aad_len) = self.aad(kind, seq, content.len());
        self.encrypt(iv_of(seq), &aad[..aad_len], content)
    }

    /// Appends the plaintext of a frame to `out`. When its tag does not
    /// verify, `out` is as before and what was written is zeroized.
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
        let verified = self.cipher.decrypt_inout_detached(
            &Nonce::from(head.iv),
            &aad[..aad_len],
            (&mut out[start..]).into(),
            &Tag::from(tag),
        );
        verified.map_err(|_| {
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

    /// What a frame's tag covers besides its content; gives the used length.
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

/// The IV this system writes: the sequence number, right-aligned. Unique per
/// frame; the header's is zero, and sequence numbers begin at 1.
pub(super) fn iv_of(seq: u32) -> [u8; IV_BYTES] {
    let mut iv = [0; IV_BYTES];
    iv[IV_BYTES - 4..].copy_from_slice(&seq.to_be_bytes());
    iv
}
