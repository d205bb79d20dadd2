//! Objects: their keys, and references to exactly one version of an object.
//!
//! Used by every crate. An [`ObjectKey`] must never lead out of its bucket's
//! folder; its form rules that out. [`crate::names`] decides whether the key of
//! an *uploaded* object could contain PHI.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, RunId, UnitId};

/// The longest accepted key, in bytes (S3 allows 1024).
pub const KEY_MAX_BYTES: usize = 512;

/// The four buckets of a project, named as in the procedure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// S3D: sealed data.
    Data,
    /// S3O: sealed partials, results and reports.
    Output,
    /// S3L: access records and logs, ids only.
    Logs,
    /// S3A: ancillary, no PHI.
    Ancillary,
}

impl Bucket {
    /// Every bucket, in the procedure's order.
    pub const ALL: [Self; 4] = [Self::Data, Self::Output, Self::Logs, Self::Ancillary];

    /// Returns the last part of the bucket's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Output => "output",
            Self::Logs => "logs",
            Self::Ancillary => "ancillary",
        }
    }
}

/// An object key: 1 to 512 bytes of `A-Z a-z 0-9 . _ -` in parts between slashes; no part
/// is empty or starts with a dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectKey(String);

/// The text is not an object key. The message does not repeat the text, because a refused
/// name may be PHI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an object key: expected 1 to 512 of A-Z a-z 0-9 . _ - in parts between slashes")]
pub struct BadKey;

impl ObjectKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key of the partial of one attempt at a unit.
    pub fn partial(unit: UnitId, epoch: Epoch) -> Self {
        Self(format!("runs/{}/units/{:06}/{epoch}", unit.run, unit.index))
    }

    /// Returns the key of one deliverable of a finalization. `name` is chosen by the analysis.
    pub fn deliverable(run: RunId, fin_epoch: Epoch, name: &str) -> Result<Self, BadKey> {
        format!("runs/{run}/final/{fin_epoch}/{name}").try_into()
    }

    /// Returns the key of the access record of one attempt at a unit.
    pub fn access_record(unit: UnitId, epoch: Epoch) -> Self {
        Self(format!("access/{}/{:06}/{epoch}.json", unit.run, unit.index))
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = BadKey;
    fn try_from(text: String) -> Result<Self, BadKey> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        // No leading dot: it rules out `..` and hidden files such as `.incoming`.
        let part = |p: &str| !p.is_empty() && !p.starts_with('.') && p.bytes().all(plain);
        if text.len() <= KEY_MAX_BYTES && text.split('/').all(part) {
            return Ok(Self(text));
        }
        Err(BadKey)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> String {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of one object, so that workers open exactly what was submitted.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The object key.
    pub key: ObjectKey,
    /// The version; `null` if the store keeps no versions.
    pub version: String,
    /// The store's entity tag of the content.
    pub etag: String,
    /// The length of the stored (sealed) object, in bytes.
    pub size: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_its_bucket() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "../a",
            "a/../b",
            "a/.b",
            ".hidden",
            "a/",
            "a b",
            "a%2Fb",
            "ä",
            "a\\b",
            "a\0",
            "a\n",
        ] {
            assert_eq!(ObjectKey::try_from(bad.to_owned()), Err(BadKey), "{bad:?}");
        }
        assert!(ObjectKey::try_from("a".repeat(KEY_MAX_BYTES + 1)).is_err());
        assert!(ObjectKey::try_from("visits/part-000001.csv".to_owned()).is_ok());
    }

    #[test]
    fn our_own_keys_are_keys() {
        let run = RunId::new([1; 8]);
        let unit = UnitId { run, index: 7 };
        let partial = ObjectKey::partial(unit, Epoch(2));
        assert_eq!(partial.as_str(), "runs/0101010101010101/units/000007/2");
        assert!(ObjectKey::try_from(String::from(partial)).is_ok());
        let record = ObjectKey::access_record(unit, Epoch(2));
        assert!(ObjectKey::try_from(String::from(record)).is_ok());
        assert!(ObjectKey::deliverable(run, Epoch(1), "report.html").is_ok());
    }
}
