//! Cutting sealed bytes into frames, and all checks that precede a tag.
//!
//! Used by `open`. Pure: reads bytes, decrypts nothing.
//! Must never accept a sequence number other than the expected one, or ask for
//! more bytes than one frame.

use super::error::{EnvelopeError, Place};
use super::format::{
    END_MARK, FINAL_PREFIX_BYTES, FrameLength, IV_BYTES, REGULAR_PREFIX_BYTES, TAG_BYTES,
    WORD_BYTES,
};
use super::frame::{FrameHead, FrameKind};

/// A complete frame at the start of some bytes.
pub(super) struct Frame<'a> {
    pub(super) head: FrameHead,
    pub(super) content: &'a [u8],
    pub(super) tag: [u8; TAG_BYTES],
    /// Length of the whole frame in bytes.
    pub(super) len: usize,
}

/// A frame, or how many bytes from its start are needed to continue.
pub(super) enum Step<'a> {
    Need(usize),
    Frame(Frame<'a>),
}

/// Looks for frame `expected_seq` at the start of `bytes`.
///
/// # Errors
/// `OutOfSequence` for any other frame, `Malformed` for a final frame that is longer than a
/// regular one.
pub(super) fn next_frame(
    bytes: &[u8],
    expected_seq: u32,
    frame_length: FrameLength,
) -> Result<Step<'_>, EnvelopeError> {
    let Some(first) = word(bytes, 0) else {
        return Ok(Step::Need(WORD_BYTES));
    };
    if first != END_MARK {
        // Checked before the frame is complete: a wrong number fails at its first bytes.
        check_seq(expected_seq, first)?;
        let content_len = frame_length.bytes();
        return Ok(cut(bytes, FrameKind::Regular, first, REGULAR_PREFIX_BYTES, content_len));
    }
    let Some(seq) = word(bytes, WORD_BYTES) else {
        return Ok(Step::Need(2 * WORD_BYTES));
    };
    check_seq(expected_seq, seq)?;
    let Some(content_len) = word(bytes, 2 * WORD_BYTES + IV_BYTES) else {
        return Ok(Step::Need(FINAL_PREFIX_BYTES));
    };
    if content_len > frame_length.get() {
        // Refused before any content is requested: this bounds the reader's buffer.
        let what = "final frame is longer than the frame length";
        return Err(EnvelopeError::Malformed { place: Place::Frame(seq), what });
    }
    // The cast is lossless: the length was just checked.
    Ok(cut(bytes, FrameKind::Final, seq, FINAL_PREFIX_BYTES, content_len as usize))
}

fn cut(bytes: &[u8], kind: FrameKind, seq: u32, prefix_len: usize, content_len: usize) -> Step<'_> {
    let len = prefix_len + content_len + TAG_BYTES;
    let iv_at = match kind {
        FrameKind::Regular => WORD_BYTES,
        FrameKind::Final => 2 * WORD_BYTES,
    };
    let found = bytes.get(..len).and_then(|frame| {
        let (front, tag) = frame.split_last_chunk()?;
        let iv = *front.get(iv_at..)?.first_chunk()?;
        let head = FrameHead { kind, seq, iv };
        Some(Frame { head, content: &front[prefix_len..], tag: *tag, len })
    });
    found.map_or(Step::Need(len), Step::Frame)
}

const fn check_seq(expected: u32, found: u32) -> Result<(), EnvelopeError> {
    if found == expected {
        return Ok(());
    }
    Err(EnvelopeError::OutOfSequence { expected, found })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}
