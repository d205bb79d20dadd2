//! The encryption context: authenticated, readable pairs in the header that
//! bind an object to its place (`pit`, `object`).
//!
//! Used by code that seals (built from names), by KMS calls (as a map) and by
//! `Header::open`, which compares it with the expected pairs.
//! Must never show a value: an object key may reveal more than its sender
//! intends, so errors and `Debug` contain only the names of pairs.

use std::collections::BTreeMap;
use std::fmt;

use super::error::{EnvelopeError, Place};
use super::wire::{Cursor, Stop, put_field};

/// Names with this prefix are reserved for the SDK; suite 0478 writes none.
const RESERVED_PREFIX: &str = "aws-crypto-";
/// Limit of the serialized context in bytes: its length is a u16.
const CONTEXT_MAX_BYTES: u64 = u16::MAX as u64;

/// Pairs of names and values, sorted by the names' UTF-8 bytes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct EncryptionContext {
    pairs: BTreeMap<String, String>,
    serialized: Vec<u8>,
}

impl EncryptionContext {
    /// Builds a context to seal with. It may be empty.
    ///
    /// # Errors
    /// `BadContext` for a repeated, empty, reserved (`aws-crypto-`) or
    /// non-ASCII name or a non-ASCII value; `TooLarge` when it serializes to
    /// more than 65,535 bytes.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, EnvelopeError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        // Sorted by bytes, the order that the format requires.
        let mut sorted = BTreeMap::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            if name.is_empty() {
                return Err(bad("a name is empty"));
            }
            if !name.is_ascii() || !value.is_ascii() {
                return Err(bad("a name or value is not ASCII"));
            }
            if name.starts_with(RESERVED_PREFIX) {
                return Err(bad("a name has the reserved prefix `aws-crypto-`"));
            }
            if sorted.insert(name, value).is_some() {
                return Err(bad("a name repeats"));
            }
        }
        let serialized = serialize(&sorted)?;
        Ok(Self { pairs: sorted, serialized })
    }

    /// Returns the value of a pair.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.get(name).map(String::as_str)
    }

    /// Iterates over all pairs in sorted order (KMS takes the context as a map).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the bytes that are authenticated with the data key: u16 count, then
    /// u16-prefixed names and values; empty for no pairs. No length prefix.
    #[must_use]
    pub fn serialize(&self) -> Vec<u8> {
        self.serialized.clone()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.serialized
    }

    /// Checks that each expected pair is present with exactly that value.
    /// Other pairs are allowed.
    ///
    /// # Errors
    /// `ContextDiffers` with the first name that is missing or differs.
    pub fn require(&self, expected: &[(&str, &str)]) -> Result<(), EnvelopeError> {
        match expected.iter().find(|(name, value)| self.get(name) != Some(*value)) {
            None => Ok(()),
            Some((name, _)) => Err(EnvelopeError::ContextDiffers { key: (*name).to_owned() }),
        }
    }

    /// Parses the serialized form. Only the canonical form is accepted, so that
    /// `serialize` returns the authenticated bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        // No pairs are written as no bytes, not as a count of 0.
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        parse_pairs(bytes).map_err(|stop| match stop {
            Stop::Need(_) => malformed("encryption context ends inside a pair"),
            Stop::Bad(error) => error,
        })
    }
}

fn parse_pairs(bytes: &[u8]) -> Result<EncryptionContext, Stop> {
    let mut cursor = Cursor::new(bytes);
    let count = cursor.u16()?;
    if count == 0 {
        return Err(malformed("encryption context has a count of 0 pairs").into());
    }
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let name = text(cursor.field()?)?;
        let value = text(cursor.field()?)?;
        if name.starts_with(RESERVED_PREFIX) {
            return Err(bad("a name has the reserved prefix `aws-crypto-`").into());
        }
        // Strictly ascending names: sorted, and no name twice.
        if pairs.last_key_value().is_some_and(|(last, _): (&String, _)| *last >= name) {
            return Err(malformed("encryption context is unsorted or a name repeats").into());
        }
        pairs.insert(name, value);
    }
    if cursor.position() != bytes.len() {
        return Err(malformed("encryption context is longer than its pairs").into());
    }
    Ok(EncryptionContext { pairs, serialized: bytes.to_vec() })
}

fn text(bytes: &[u8]) -> Result<String, EnvelopeError> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| malformed("encryption context is not UTF-8"))
}

fn serialize(pairs: &BTreeMap<String, String>) -> Result<Vec<u8>, EnvelopeError> {
    let mut out = Vec::new();
    if pairs.is_empty() {
        return Ok(out);
    }
    let count = u16::try_from(pairs.len()).map_err(|_| too_large())?;
    out.extend_from_slice(&count.to_be_bytes());
    for (name, value) in pairs {
        put_field(&mut out, "encryption context name in bytes", name.as_bytes())?;
        put_field(&mut out, "encryption context value in bytes", value.as_bytes())?;
    }
    if out.len() as u64 > CONTEXT_MAX_BYTES {
        return Err(too_large());
    }
    Ok(out)
}

const fn bad(what: &'static str) -> EnvelopeError {
    EnvelopeError::BadContext { what }
}

const fn too_large() -> EnvelopeError {
    EnvelopeError::TooLarge { what: "encryption context in bytes", limit: CONTEXT_MAX_BYTES }
}

const fn malformed(what: &'static str) -> EnvelopeError {
    EnvelopeError::Malformed { place: Place::Header, what }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionContext")?;
        f.debug_set().entries(self.pairs.keys()).finish()
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
