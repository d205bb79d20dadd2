//! Errors of ports, and whether a retry can help.
//!
//! Used by adapters, which choose the class, and by callers, which only read
//! it. Texts must contain ids and counts, never PHI.

use std::fmt;

/// Whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It may pass: throttling, a lost answer, a busy file. A write that fails with this
    /// class may have happened: read before writing again.
    Transient,
    /// It will not pass by itself: damaged or refused.
    Permanent,
    /// The object or row does not exist.
    Absent,
    /// The object exists, but not in the requested version.
    Changed,
    /// No available key opens it.
    WrongKey,
    /// The user must correct the settings or the key file first.
    Configuration,
}

/// An error at a port.
#[derive(Debug)]
pub struct PortError {
    /// Whether a retry can help.
    pub class: Class,
    operation: &'static str,
    target: String,
    cause: String,
}

/// Result of a port call.
pub type PortResult<T> = Result<T, PortError>;

impl PortError {
    /// Creates an error of `operation` on `target` (an id or a path).
    pub fn new(
        class: Class,
        operation: &'static str,
        target: impl fmt::Display,
        cause: impl fmt::Display,
    ) -> Self {
        Self { class, operation, target: target.to_string(), cause: cause.to_string() }
    }

    /// Returns the cause, without the operation and its target.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// True if a retry can help.
    pub fn is_transient(&self) -> bool {
        self.class == Class::Transient
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some operations have no target.
        let space = if self.target.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}: {}", self.operation, self.target, self.cause)
    }
}

impl std::error::Error for PortError {}
