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

    /// Starts reading the object of this name, which is an allowed object name and may be shown in
    /// outputs.
    fn begin(&self, object: &str) -> Box<dyn ObjectAnalysis>;

    /// Starts merging partials; without any, the result is the partial of no object.
    fn fold(&self, limits: FoldLimits) -> Box<dyn Fold>;
}

/// Reads one object; chunk boundaries may be anywhere.
pub trait ObjectAnalysis: Send {
    /// Reads the next plaintext bytes.
    ///
    /// # Errors
    /// The defect for which the object is quarantined; no more bytes may be pushed.
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect>;

    /// Ends the object; call it only once the envelope is verified to its end.
    ///
    /// # Errors
    /// The defect for which the object is quarantined.
    fn finish(self: Box<Self>) -> Result<ObjectPart, Defect>;
}

/// The partial of one object, which is opaque to all but its own analysis.
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

/// The limits at which a fold merges the partials that it holds.
#[derive(Debug, Clone, Copy)]
pub struct FoldLimits {
    /// The number of partials that it holds.
    pub parts: usize,
    /// The bytes of the encoded partials that it read.
    pub bytes: u64,
}

impl Default for FoldLimits {
    fn default() -> Self {
        Self { parts: 4, bytes: u64::MAX }
    }
}

/// Merges partials into one. Any call may take long: make it on a thread that may block.
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

    /// Encodes the merged partial, to be sealed.
    ///
    /// # Errors
    /// It is too large, or cannot be written.
    fn encode(self: Box<Self>) -> Result<Vec<u8>, AnalysisError>;

    /// Returns the results of the run.
    ///
    /// # Errors
    /// [`AnalysisError::FactsDiffer`] unless the analyzed inputs are exactly
    /// the objects of the merged partial.
    fn deliver(self: Box<Self>, facts: &RunFacts) -> Result<Vec<Deliverable>, AnalysisError>;
}

type Start = fn(&AnalysisSettings, &Path) -> Result<Box<dyn Analysis>, AnalysisError>;

/// An entry in the table of the analyses that a worker can compute.
#[derive(Debug, Clone, Copy)]
pub struct AnalysisEntry {
    /// Name and version, as in the settings of a study.
    pub name: &'static str,
    start: Start,
}

impl AnalysisEntry {
    /// Creates an entry; `start` usually adapts a [`crate::TypedAnalysis`] with [`crate::erase`].
    #[must_use]
    pub const fn new(name: &'static str, start: Start) -> Self {
        Self { name, start }
    }

    /// Starts the analysis with these settings; temporary files go to the directory `scratch`.
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

/// Returns the entry of this name.
///
/// # Errors
/// There is none; the error lists the names that there are.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_analysis_is_refused_with_the_known_names() {
        let none: Start = |_, _| Err(AnalysisError::NoScratch);
        let entries = [AnalysisEntry::new("a/1", none), AnalysisEntry::new("b/2", none)];
        assert_eq!(find_analysis(&entries, "b/2").map(|entry| entry.name), Ok("b/2"));
        let refused = find_analysis(&entries, "c/1").map(|entry| entry.name);
        let known = r#""a/1" or "b/2""#.to_owned();
        assert_eq!(refused, Err(StudySettingsError::Analysis { known }));
    }
}
