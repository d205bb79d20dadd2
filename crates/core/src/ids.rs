//! Ids: one type for each kind, so that a run id can never be passed as a unit id.
//!
//! Used by every crate. An id is made from a digest or from random bytes that
//! the caller passes in; it must never contain patient data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {kind}: expected {form}")]
pub struct IdError {
    kind: &'static str,
    form: &'static str,
}

impl IdError {
    pub(crate) const fn new(kind: &'static str, form: &'static str) -> Self {
        Self { kind, form }
    }
}

/// Defines an id of eight bytes, written as sixteen lower-case hex digits.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name([u8; 8]);

        impl $name {
            /// Creates an id from eight bytes of a digest, or from eight random bytes.
            pub const fn new(bytes: [u8; 8]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; 8];
                // `hex` also accepts upper case; an id must have only one spelling.
                let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) if lower => Ok(Self(bytes)),
                    _ => Err(IdError { kind: $kind, form: "16 lower-case hex digits" }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

hex_id!(
    /// A run: one submission over a manifest. The first bytes of its plan digest.
    RunId,
    "a run id"
);
hex_id!(
    /// One execution of the agent (on AWS: one instance).
    WorkerId,
    "a worker id"
);
hex_id!(
    /// One attempt at a unit or at a finalization. Every attempt has a new id, so that
    /// a worker whose answer was lost can recognize its own success.
    OwnerId,
    "an owner id"
);

impl WorkerId {
    /// Derives the id of the worker on an EC2 instance.
    pub fn of_instance(instance_id: &str) -> Self {
        let digest = Sha256::digest(instance_id.as_bytes());
        // A digest of a fixed length: instance ids have 8 or 17 digits.
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(bytes)
    }
}

/// One unit of one run; one queue message carries one.
///
/// ```
/// use sce_core::ids::{RunId, UnitId};
///
/// let run: RunId = "000102fe040506ff".parse()?;
/// let unit = UnitId { run, index: 7 };
/// assert_eq!(unit.to_string(), "000102fe040506ff/000007");
/// assert!("000102FE040506FF".parse::<RunId>().is_err());
/// # Ok::<(), sce_core::ids::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct UnitId {
    /// The run of the unit.
    pub run: RunId,
    /// The position of the unit in its run, from 0.
    pub index: u32,
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:06}", self.run, self.index)
    }
}

/// A number that fences late writers. It increases by one whenever a unit is claimed
/// or a finalization is taken.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// Returns the next epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        // Saturates instead of wrapping: an epoch must never decrease.
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Project identifier tag: prefixes every resource name and tags every resource.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pit(String);

impl Pit {
    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Pit {
    fn default() -> Self {
        Self("hipaa".to_owned())
    }
}

impl fmt::Display for Pit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pit {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        if (2..=20).contains(&text.len()) && inner && starts && !text.ends_with('-') {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError {
            kind: "a project identifier tag",
            form: "2 to 20 lower-case letters, digits or hyphens, starting with a letter",
        })
    }
}

impl TryFrom<String> for Pit {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Pit> for String {
    fn from(pit: Pit) -> String {
        pit.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_read_back_what_they_write_and_nothing_else() {
        let id = RunId::new([0, 1, 2, 0xfe, 4, 5, 6, 0xff]);
        assert_eq!(id.to_string(), "000102fe040506ff");
        assert_eq!("000102fe040506ff".parse::<RunId>().unwrap(), id);
        for bad in ["", "000102", "000102FE040506FF", "000102fe040506fg", "../../../etc/pwd"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pit_fits_every_resource_name_it_prefixes() {
        for good in ["hipaa", "ng", "study-7"] {
            assert!(good.parse::<Pit>().is_ok(), "{good}");
        }
        for bad in ["", "n", "Hipaa", "7study", "a_b", "ab-", "abcdefghijklmnopqrstu"] {
            assert!(bad.parse::<Pit>().is_err(), "{bad}");
        }
    }
}
