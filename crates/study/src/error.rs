//! Why an analysis as a whole fails.

use sce_core::study::StudySettingsError;
use thiserror::Error;

/// Why partials cannot be merged, stored, read or delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// The run was submitted with settings that this version does not know.
    #[error("{0}: use the agent that belongs to the coordinator which submitted the run")]
    Settings(#[from] StudySettingsError),
    /// The bytes are not a partial that this version wrote.
    #[error("read partial: {0}: run the unit again with this version of the agent")]
    Damaged(String),
    /// The partial is larger than can be stored.
    #[error("write partial: {bytes} bytes exceed the limit of {limit}: use smaller units")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The same object in two parts: its values would count twice.
    #[error("merge partials: object {object} is in more than one of them: report this fault")]
    ObjectTwice {
        /// The object's name.
        object: String,
    },
    /// The partial holds other objects than the run analyzed.
    #[error("deliver results: object {object} is {problem}: report this fault")]
    FactsDiffer {
        /// The object's name.
        object: String,
        /// The difference.
        problem: &'static str,
    },
    /// The encrypted volume has no space left for temporary files. Another
    /// worker may have it.
    #[error(
        "the volume has no space left for temporary files: start workers with a larger volume and retry"
    )]
    NoScratch,
    /// Sums beyond what the integers hold.
    #[error("merge partials: more values than exact sums can hold: split the run")]
    TooManyValues,
    /// A failure inside the analysis. The text of a library may quote data, so
    /// only the kind of failure is kept.
    #[error("{step}: {kind}: report this fault")]
    Internal {
        /// The step that failed.
        step: &'static str,
        /// The kind of failure.
        kind: &'static str,
    },
}

impl AnalysisError {
    /// Creates [`AnalysisError::Damaged`], with what is wrong with the bytes.
    pub fn damaged(problem: impl Into<String>) -> Self {
        Self::Damaged(problem.into())
    }

    /// True if another attempt, here or elsewhere, may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NoScratch)
    }
}
