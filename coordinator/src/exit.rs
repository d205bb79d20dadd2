//! Exit codes, and the mapping from errors to exit codes.

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
    /// Usage or configuration: the user must change something.
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
    /// An error that the user must correct.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// An object that is refused, quarantined or not readable.
    pub(crate) fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Unfinished, error: error.into() }
    }

    /// A file that the user named cannot be used. A wrong path is a usage
    /// error, a full or failing disk is an infrastructure error.
    pub(crate) fn file(error: anyhow::Error) -> Self {
        // The I/O error is usually not the outermost one, because contexts are added on top.
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

    /// A failure of the machine or of a service.
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
        // Every other class is a failure of a service or an object, not of the user's settings.
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
