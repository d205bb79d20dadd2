//! Reading and writing the big-endian, length-prefixed fields of a header.
//!
//! Used by `header` and `context`. Must never allocate for a length that it has
//! only read: a field is a slice of bytes that are already in memory.

use super::error::EnvelopeError;
use super::format::HEADER_MAX_BYTES;

/// Why parsing stops before the end of a header.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes are valid so far; at least this many are needed in total.
    Need(usize),
    /// The bytes are invalid, whatever follows.
    Bad(EnvelopeError),
}

impl From<EnvelopeError> for Stop {
    fn from(error: EnvelopeError) -> Self {
        Self::Bad(error)
    }
}

/// Reads fields from the bytes received so far, within the limit of a header.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bytes read so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Returns the next `len` bytes. The limit is checked before more are requested.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        // No overflow: `len` is at most a u16, and `at` is within the header limit.
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

    /// Returns a field that follows its u16 length.
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
/// `TooLarge` if the length does not fit into a u16.
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
