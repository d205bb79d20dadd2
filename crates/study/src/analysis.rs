//! An analysis as the work loop sees it: object-safe, over bytes.

use std::any::Any;
use std::fmt;
use std::path::Path;

use sce_core::study::{AnalysisSettings, StudySettingsError};

use crate::defect::Defect;
use crate::deliverable::{Deliverable, RunFacts};
use crate::error::AnalysisError;

/// An analysis with the settings of a run. Its partials merge in any order and
/// grouping to the same result.
pub trait Analysis: Send + Sync {
    /// Reads a side input of the run; call it before the first
    /// [`Analysis::begin`].
    ///
    /// # Errors
    /// The content is not a side input of this analysis.
    fn add_side_input(&mut self, content: &[u8]) -> Result<(), Defect>;

    /// Starts reading the object of this name (an allowed object name, which
    /// outputs may show).
    fn begin(&self, object: &str) -> Box<dyn ObjectAnalysis>;

    /// Starts merging partials; none at all give the partial of no object.
    fn fold(&self, limits: FoldLimits) -> Box<dyn Fold>;
}

/// Reads one object from chunks cut anywhere.
pub trait ObjectAnalysis: Send {
    /// Reads the next plaintext bytes.
    ///
    /// # Errors
    /// The defect for which the object is quarantined; do not push any more.
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect>;

    /// Ends the object; call it only once the envelope is verified to its end.
    ///
    /// # Errors
    /// The defect for which the object is quarantined.
    fn finish(self: Box<Self>) -> Result<ObjectPart, Defect>;
}

/// The partial of one object, which only its own analysis can look into.
pub struct ObjectPart {
    /// Rows read from the object.
    pub rows: u64,
    pub(crate) partial: Box<dyn Any + Send>,
}

/// Without the partial, which holds health data.
impl fmt::Debug for ObjectPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectPart({} rows)", self.rows)
    }
}

/// When a fold merges the partials that it holds.
#[derive(Debug, Clone, Copy)]
pub struct FoldLimits {
    /// It holds this many partials.
    pub parts: usize,
    /// The partials that it read hold this many bytes.
    pub bytes: u64,
}

impl Default for FoldLimits {
    fn default() -> Self {
        Self { parts: 4, bytes: u64::MAX }
    }
}

/// Partials on their way into one. Any call may take long: make it on a thread
/// that may block.
pub trait Fold: Send {
    /// Adds the partial of an object.
    ///
    /// # Errors
    /// The partials cannot be merged.
    fn add(&mut self, part: ObjectPart) -> Result<(), AnalysisError>;

    /// Adds a partial as [`Fold::encode`] wrote it.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`] for any other bytes; it never panics.
    fn add_encoded(&mut self, partial: &[u8]) -> Result<(), AnalysisError>;

    /// The merged partial as bytes, to be sealed.
    ///
    /// # Errors
    /// It is too large or cannot be written.
    fn encode(self: Box<Self>) -> Result<Vec<u8>, AnalysisError>;

    /// The results of the run.
    ///
    /// # Errors
    /// [`AnalysisError::FactsDiffer`] unless the analyzed inputs are exactly
    /// the objects of the merged partial.
    fn deliver(self: Box<Self>, facts: &RunFacts) -> Result<Vec<Deliverable>, AnalysisError>;
}

type Start = fn(&AnalysisSettings, &Path) -> Result<Box<dyn Analysis>, AnalysisError>;

/// One kind of analysis in the table of those that a worker can compute.
#[derive(Debug, Clone, Copy)]
pub struct AnalysisEntry {
    /// Name and version, as in the settings of a study.
    pub name: &'static str,
    start: Start,
}

impl AnalysisEntry {
    /// The entry of an analysis that [`TypedAnalysis`] describes.
    #[must_use]
    pub const fn new(name: &'static str, start: Start) -> Self {
        Self { name, start }
    }

    /// The analysis with these settings; temporary files go to the directory
    /// `scratch`.
    ///
    /// # Errors
    /// [`AnalysisError::Settings`] if this version cannot do what they ask.
    pub fn start(
        &self,
        settings: &AnalysisSettings,
        scratch: &Path,
    ) -> Result<Box<dyn Analysis>, AnalysisError> {
        (self.start)(settings, scratch)
    }
}

/// The entry of this name.
///
/// # Errors
/// There is none.
pub fn find_analysis<'a>(
    entries: &'a [AnalysisEntry],
    name: &str,
) -> Result<&'a AnalysisEntry, StudySettingsError> {
    entries.iter().find(|entry| entry.name == name).ok_or_else(|| StudySettingsError::Analysis {
        known: entries
            .iter()
            .map(|entry| format!("{:?}", entry.name))
            .collect::<Vec<_>>()
            .join(" or "),
    })
}
