//! Opening: frames in, verified plaintext out.
//!
//! Used by `agent` and `coordinator`, from [`super::Header::open`]. Sans I/O:
//! the caller reads the object and pushes what it read.
//! Must never return a byte before the tag and the exact sequence number of its
//! frame are verified, hold more than one frame, or continue after an error.

use std::fmt;

use super::error::{EnvelopeError, Place};
use super::format::FrameLength;
use super::frame::{FrameCipher, FrameKind};
use super::split::{Frame, Step, next_frame};

/// The size of a completely verified object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Frames, including the final one; at least 1.
    pub frames: u64,
    /// Bytes of plaintext.
    pub plaintext_bytes: u64,
}

/// Opens the frames of one object. The plaintext it returns is authentic but may be only
/// the beginning: results are valid after [`Opener::finish`].
pub struct Opener {
    cipher: FrameCipher,
    frame_length: FrameLength,
    /// Sealed bytes of the frame that is not complete yet.
    partial: Vec<u8>,
    next_seq: u32,
    plaintext_bytes: u64,
    state: State,
}

enum State {
    Open,
    /// The final frame was verified.
    Done,
    /// Every further call returns this error.
    Failed(EnvelopeError),
}

impl Opener {
    pub(super) const fn new(cipher: FrameCipher, frame_length: FrameLength) -> Self {
        let partial = Vec::new();
        Self { cipher, frame_length, partial, next_seq: 1, plaintext_bytes: 0, state: State::Open }
    }

    /// Reads the next bytes of the object; appends the plaintext of each frame that they
    /// complete to `out`. Complete frames are opened directly from `sealed`; only an
    /// incomplete one is kept.
    ///
    /// # Errors
    /// `TagFails`, `OutOfSequence`, `Malformed` or `TrailingBytes`. Then `out` ends with the
    /// last frame that was verified, and every later call fails in the same way.
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        // The first error is returned forever: a caller that retries cannot skip a frame.
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let pushed = self.push_frames(sealed, out);
        if let Err(error) = &pushed {
            self.state = State::Failed(error.clone());
            self.partial = Vec::new();
        }
        pushed
    }

    /// Ends the input; returns the size of the object if all of it was verified.
    ///
    /// # Errors
    /// `Truncated` if the final frame is missing or incomplete, otherwise the error of an
    /// earlier push.
    pub fn finish(self) -> Result<Opened, EnvelopeError> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Open => Err(EnvelopeError::Truncated { place: Place::Frame(self.next_seq) }),
            State::Done => Ok(Opened {
                frames: u64::from(self.next_seq),
                plaintext_bytes: self.plaintext_bytes,
            }),
        }
    }

    fn push_frames(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        let mut rest = self.complete_partial(sealed, out)?;
        // One allocation for several frames; small pushes rely on the growth of `out`.
        if rest.len() > self.frame_length.bytes() {
            out.reserve(rest.len());
        }
        while !rest.is_empty() {
            match self.step(rest)? {
                Step::Frame(frame) => {
                    self.open_frame(&frame, out)?;
                    rest = &rest[frame.len..];
                }
                Step::Need(_) => {
                    self.partial.extend_from_slice(rest);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Completes the kept frame, field by field, and opens it when it is complete. Returns
    /// the input that is not part of it.
    fn complete_partial<'a>(
        &mut self,
        sealed: &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<&'a [u8], EnvelopeError> {
        let mut rest = sealed;
        let mut partial = std::mem::take(&mut self.partial);
        while !partial.is_empty() {
            match self.step(&partial)? {
                Step::Frame(frame) => {
                    self.open_frame(&frame, out)?;
                    partial.clear();
                }
                Step::Need(_) if rest.is_empty() => break,
                Step::Need(wanted) => {
                    // A frame's length may be in a field that is still missing, so the
                    // loop asks again after each field.
                    let missing = wanted - partial.len();
                    let (now, later) = rest.split_at(rest.len().min(missing));
                    partial.reserve_exact(missing);
                    partial.extend_from_slice(now);
                    rest = later;
                }
            }
        }
        self.partial = partial;
        Ok(rest)
    }

    fn step<'a>(&self, bytes: &'a [u8]) -> Result<Step<'a>, EnvelopeError> {
        if matches!(self.state, State::Done) {
            // Checked before parsing: any byte after the final frame is an error.
            return Err(EnvelopeError::TrailingBytes);
        }
        next_frame(bytes, self.next_seq, self.frame_length)
    }

    fn open_frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        // The state changes only after the tag was verified.
        self.cipher.open(frame.head, frame.content, frame.tag, out)?;
        self.plaintext_bytes += frame.content.len() as u64;
        match frame.head.kind {
            // No overflow: a regular frame cannot carry the end mark's number.
            FrameKind::Regular => self.next_seq += 1,
            FrameKind::Final => self.state = State::Done,
        }
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener(at frame {})", self.next_seq)
    }
}
