//! Why an object is quarantined.
//!
//! Made by an analysis, read by the work loop, which records the text in the
//! ledger and the report.

use std::fmt;

/// A fault in an object's content, or a shortage of the worker that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    code: &'static str,
    text: String,
    is_permanent: bool,
}

impl Defect {
    /// Creates a fault that the object has wherever and whenever it is read. `code` is stable,
    /// `text` is what is wrong and what to do.
    pub fn permanent(code: &'static str, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string(), is_permanent: true }
    }

    /// Creates a shortage of this worker: another one, or a later attempt, may read the object.
    pub fn transient(code: &'static str, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string(), is_permanent: false }
    }

    /// Returns a stable name of the kind of fault, such as `ragged`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// True if the object can never be analyzed as it is.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.is_permanent
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Defect {}
