//! Exit codes, and which error leads to which.

use std::fmt;
use std::io;
use std::process::ExitCode;

use sce_cloud::error::{Class, PortError};
use sce_cloud::settings::SettingsError;

use crate::submit::SubmitError;

/// Exit codes of `sce` and `sce-agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Finished, but some objects were refused, quarantined or failed.
    Unfinished = 1,
    /// Usage or configuration: the person must change something.
    Usage = 2,
    /// Infrastructure: store, queue, ledger, fleet, disk.
    Infrastructure = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// The person must change something.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// An object is not what it should be.
    pub(crate) fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Unfinished, error: error.into() }
    }

    /// A file that a person named cannot be used: theirs to change where the
    /// path is wrong, the machine's where the disk is (full, failing).
    pub(crate) fn file(error: anyhow::Error) -> Self {
        let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
        let disk = io.is_some_and(|e| {
            use io::ErrorKind::{
                AlreadyExists, InvalidInput, IsADirectory, NotADirectory, NotFound,
                PermissionDenied, ReadOnlyFilesystem,
            };
            !matches!(
                e.kind(),
                AlreadyExists
                    | InvalidInput
                    | IsADirectory
                    | NotADirectory
                    | NotFound
                    | PermissionDenied
                    | ReadOnlyFilesystem
            )
        });
        if disk { Self::infrastructure(error) } else { Self::usage(error) }
    }

    /// The machine or a service fails.
    pub(crate) fn infrastructure(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Infrastructure, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl From<PortError> for Failure {
    fn from(e: PortError) -> Self {
        match e.class {
            Class::Configuration => Self::usage(e),
            _ => Self::infrastructure(e),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(e: SettingsError) -> Self {
        Self::usage(e)
    }
}

impl From<SubmitError> for Failure {
    fn from(e: SubmitError) -> Self {
        match e {
            SubmitError::Port(e) => e.into(),
            SubmitError::Mismatch(_) => Self::usage(e),
        }
    }
}
