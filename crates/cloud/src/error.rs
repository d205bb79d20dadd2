//! What goes wrong at a port, and whether trying again can help.
//!
//! The class is decided where the error arises, by the adapter; callers only
//! read it. Texts carry ids and counts, never PHI.

use std::fmt;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It may pass: throttling, a lost answer, a busy file. A write that
    /// fails so may have happened: read before writing again.
    Transient,
    /// It will not pass by itself: damaged, refused, misconfigured.
    Permanent,
    /// The thing asked for is not there.
    Absent,
    /// The object is there, but not the version that was asked for.
    Changed,
    /// No key at hand opens it.
    WrongKey,
    /// A person must correct the settings or the key file first.
    Configuration,
}

/// An error at a port.
#[derive(Debug)]
pub struct PortError {
    /// Whether trying again can help.
    pub class: Class,
    operation: &'static str,
    target: String,
    cause: String,
}

/// Result of a port call.
pub type PortResult<T> = Result<T, PortError>;

impl PortError {
    /// An error of `operation` on `target` (an id or a place).
    pub fn new(
        class: Class,
        operation: &'static str,
        target: impl fmt::Display,
        cause: impl fmt::Display,
    ) -> Self {
        Self { class, operation, target: target.to_string(), cause: cause.to_string() }
    }

    /// What is wrong, without the operation and its target.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Can trying again help?
    pub fn is_transient(&self) -> bool {
        self.class == Class::Transient
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.target.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}: {}", self.operation, self.target, self.cause)
    }
}

impl std::error::Error for PortError {}
