//! What can go wrong while sealing or opening.
//!
//! Every variant is permanent: the same bytes under the same key fail the same
//! way again. Callers quarantine the object; they do not retry.
//! Must never carry plaintext, key bytes or a context *value*: these texts
//! reach logs, mails and the ledger.

use std::fmt;

/// The part of a sealed object that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everything before frame 1.
    Header,
    /// A frame by its sequence number, from 1; the final frame counts too.
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

/// Why an object cannot be sealed or opened. Permanent in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes do not begin as an AWS Encryption SDK message.
    #[error(
        "not a sealed object: {what}; seal it with `sce put` or the AWS Encryption SDK, without base64 (--encode)"
    )]
    NotAnEnvelope {
        /// What was found instead.
        what: &'static str,
    },
    /// A valid message of a kind this system does not open.
    #[error("{what} is not supported; {change}")]
    Unsupported {
        /// The feature of the message.
        what: String,
        /// What the sender changes so that it can be opened.
        change: &'static str,
    },
    /// The structure contradicts the format.
    #[error("{place}: {what}; the object is damaged, seal and upload it again")]
    Malformed {
        /// Where.
        place: Place,
        /// Which rule of the format does not hold.
        what: &'static str,
    },
    /// A length or count is over its cap; nothing was allocated for it.
    #[error("{what} is over the limit of {limit}; seal the object with less")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// The cap, in that unit.
        limit: u64,
    },
    /// A length is zero where the format or this system needs at least one.
    #[error("{what} is empty; give at least one")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// An encryption context that may not be written or read.
    #[error("encryption context: {what}; choose other names or values")]
    BadContext {
        /// Which rule it breaks.
        what: &'static str,
    },
    /// A wrapping key's namespace or name that may not be used.
    #[error("wrapping key: {what}")]
    BadKeyName {
        /// Which rule it breaks, and what to do.
        what: &'static str,
    },
    /// No encrypted data key opens under the configured wrapping key.
    #[error("sealed with another key: {why}; open it with the key it was sealed with")]
    WrongKey {
        /// What was tried, naming only the configured key.
        why: String,
    },
    /// A pair the run expects is missing from the context, or differs.
    #[error(
        "encryption context: `{key}` differs from what is expected; the object was sealed for another place or moved: seal it for this name and project and put it again"
    )]
    ContextDiffers {
        /// The name of the pair; its values are never shown.
        key: String,
    },
    /// A tag (or the key commitment, in the header) does not verify.
    #[error("{place}: tag does not verify; the object is altered or damaged, upload it again")]
    TagFails {
        /// Where.
        place: Place,
    },
    /// A frame is missing, repeated or out of place.
    #[error(
        "frame {expected}: sequence number is {found}; frames are missing or reordered, upload the object again"
    )]
    OutOfSequence {
        /// The sequence number that belongs here.
        expected: u32,
        /// The one in the object.
        found: u32,
    },
    /// Input ends before the final frame does.
    #[error("{place}: object ends early; upload it again")]
    Truncated {
        /// The part that is missing or incomplete.
        place: Place,
    },
    /// There is input after the final frame.
    #[error("bytes follow the final frame; seal one message per object and upload it again")]
    TrailingBytes,
}
