//! Reading and writing the big-endian, length-prefixed fields of a header.
//!
//! Used by `header` and `context`. Must never allocate from a length it has
//! only read: a field is a slice of bytes that are already there.

use super::error::EnvelopeError;
use super::format::HEADER_MAX_BYTES;

/// Why reading stops before the end of a header.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes are fine so far; at least this many are needed in all.
    Need(usize),
    /// No further byte can make it right.
    Bad(EnvelopeError),
}

impl From<EnvelopeError> for Stop {
    fn from(error: EnvelopeError) -> Self {
        Self::Bad(error)
    }
}

/// Walks over the bytes received so far, within the header cap.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes walked over so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The next `len` bytes. The cap is checked before asking for more.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let end = self.at + len;
        if end > HEADER_MAX_BYTES {
            return Err(Stop::Bad(header_too_large()));
        }
        let field = self.bytes.get(self.at..end).ok_or(Stop::Need(end))?;
        self.at = end;
        Ok(field)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }

    /// A field after its u16 length.
    pub(super) fn field(&mut self) -> Result<&'a [u8], Stop> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }
}

pub(super) const fn header_too_large() -> EnvelopeError {
    EnvelopeError::TooLarge { what: "header in bytes", limit: HEADER_MAX_BYTES as u64 }
}

/// Appends a u16 length and the field.
///
/// # Errors
/// `TooLarge` when the field is longer than a u16 can say.
pub(super) fn put_field(
    out: &mut Vec<u8>,
    what: &'static str,
    field: &[u8],
) -> Result<(), EnvelopeError> {
    let limit = u64::from(u16::MAX);
    let len = u16::try_from(field.len()).map_err(|_| EnvelopeError::TooLarge { what, limit })?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(field);
    Ok(())
}
