//! The errors of sealing and opening.
//!
//! Used by every caller of the envelope. Every variant is permanent: the same
//! bytes fail in the same way under the same key, so callers quarantine the
//! object and do not retry.
//! Must never contain plaintext, key bytes or a context *value*: these texts
//! appear in logs, mails and the ledger.

use std::fmt;

/// The part of a sealed object that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everything before frame 1.
    Header,
    /// A frame by its sequence number, from 1; the final frame is counted, too.
    Frame(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header"),
            Self::Frame(seq) => write!(f, "frame {seq}"),
        }
    }
}

/// Why an object cannot be sealed or opened. Always permanent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes do not start like an AWS Encryption SDK message.
    #[error(
        "not a sealed object: {what}; seal it with `sce put` or the AWS Encryption SDK, without base64 (--encode)"
    )]
    NotAnEnvelope {
        /// What was found instead.
        what: &'static str,
    },
    /// A valid message of a kind that this system does not open.
    #[error("{what} is not supported; {change}")]
    Unsupported {
        /// The feature of the message.
        what: String,
        /// What the sender must change so that it can be opened.
        change: &'static str,
    },
    /// The structure contradicts the format.
    #[error("{place}: {what}; the object is damaged, seal and upload it again")]
    Malformed {
        /// The part of the object.
        place: Place,
        /// The violated rule of the format.
        what: &'static str,
    },
    /// A length or count exceeds its limit; nothing was allocated for it.
    #[error("{what} is over the limit of {limit}; seal the object with less")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// The limit, in that unit.
        limit: u64,
    },
    /// A length or count is zero where at least one is required.
    #[error("{what} is empty or zero; at least one is required")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// An encryption context that must not be written or read.
    #[error("encryption context: {what}; choose other names or values")]
    BadContext {
        /// The rule it breaks.
        what: &'static str,
    },
    /// A namespace or name of a wrapping key that must not be used.
    #[error("wrapping key: {what}")]
    BadKeyName {
        /// The rule it breaks, and what to do.
        what: &'static str,
    },
    /// No encrypted data key can be unwrapped with the configured wrapping key.
    #[error("sealed with another key: {why}; open it with the key it was sealed with")]
    WrongKey {
        /// What was tried; names only the configured key.
        why: String,
    },
    /// An expected pair is missing from the context, or differs.
    #[error(
        "encryption context: `{key}` differs from the expected value; the object was sealed for another place or moved: seal it for this name and project and upload it again"
    )]
    ContextDiffers {
        /// The name of the pair; its values are never shown.
        key: String,
    },
    /// A tag (or the key commitment, in the header) does not verify.
    #[error("{place}: tag does not verify; the object is altered or damaged, upload it again")]
    TagFails {
        /// The part of the object.
        place: Place,
    },
    /// A frame is missing, repeated or in the wrong place.
    #[error(
        "frame {expected}: sequence number is {found}; frames are missing or reordered, upload the object again"
    )]
    OutOfSequence {
        /// The expected sequence number.
        expected: u32,
        /// The sequence number in the object.
        found: u32,
    },
    /// The input ends before the final frame does.
    #[error("{place}: object ends early; upload it again")]
    Truncated {
        /// The part that is missing or incomplete.
        place: Place,
    },
    /// There is input after the final frame.
    #[error("bytes follow the final frame; seal one message per object and upload it again")]
    TrailingBytes,
}
