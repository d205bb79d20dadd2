//! What a run computes, as the work loop sees it.
//!
//! The work loop feeds plaintext to an [`ObjectReader`], merges and encodes
//! partials, and asks for the deliverables at the end; it must know no more
//! of an analysis than this. Texts of these errors go to logs and the ledger:
//! they never hold cell text, patient ids or dates.

mod defect;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use sce_cloud::error::Class;
use sce_core::study::{StudySettings, StudySettingsError};
use sce_core::vitals::People;
use thiserror::Error;

pub use defect::Defect;

/// An analysis whose partial results merge in any order to the same result.
pub trait Study: Send + Sync + 'static {
    /// Reads one object.
    type Reader: ObjectReader<Partial = Self::Partial> + 'static;
    /// A mergeable result of any number of objects.
    type Partial: Send + 'static;

    /// The study with a run's settings, and with the people whose births and
    /// deaths are known.
    ///
    /// # Errors
    /// [`StudyError::Settings`] if this version cannot do what they ask.
    fn with_settings(
        &self,
        settings: &StudySettings,
        people: Arc<People>,
    ) -> Result<Self, StudyError>
    where
        Self: Sized;

    /// Starts reading the object of this name (an allowed object name, which
    /// outputs may show).
    fn begin(&self, object: &str) -> Self::Reader;

    /// Merges partials over disjoint objects; none at all give the empty
    /// partial. Memory grows with the parts given: fold many in small groups.
    ///
    /// # Errors
    /// [`StudyError::ObjectTwice`] if two parts hold the same object.
    fn merge(&self, parts: Vec<Self::Partial>) -> Result<Self::Partial, StudyError>;

    /// Rows read from the objects of a partial.
    fn rows(&self, partial: &Self::Partial) -> u64;

    /// The partial as bytes, to be sealed.
    ///
    /// # Errors
    /// If the result is too large or cannot be written.
    fn encode(&self, partial: &Self::Partial) -> Result<Vec<u8>, StudyError>;

    /// The inverse of [`Study::encode`].
    ///
    /// # Errors
    /// [`StudyError::Damaged`] for any other bytes; it never panics.
    fn decode(&self, bytes: &[u8]) -> Result<Self::Partial, StudyError>;

    /// The results of the run.
    ///
    /// # Errors
    /// [`StudyError::FactsDiffer`] unless the analysed inputs are exactly the
    /// objects of the partial.
    fn deliver(
        &self,
        facts: &RunFacts,
        merged: Self::Partial,
    ) -> Result<Vec<Deliverable>, StudyError>;
}

/// Reads one object from chunks cut anywhere.
pub trait ObjectReader: Send {
    /// What the object amounts to.
    type Partial;

    /// Takes the next plaintext bytes.
    ///
    /// # Errors
    /// The defect that sets the object aside; do not push any further.
    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect>;

    /// Ends the object; call it only once the envelope is verified to its end.
    ///
    /// # Errors
    /// The defect that sets the object aside.
    fn finish(self) -> Result<Self::Partial, Defect>;
}

/// What the outputs say about the run.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// The run's id.
    pub run: String,
    /// Every input of the run, sorted by object.
    pub inputs: Vec<InputFact>,
}

/// One input and what became of it.
#[derive(Debug, Clone)]
pub struct InputFact {
    /// The object's name, as given to [`Study::begin`].
    pub object: String,
    /// What became of it.
    pub outcome: InputOutcome,
    /// One line, ids only, if it was not analysed.
    pub reason: Option<String>,
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputOutcome {
    /// It is in the results.
    Analysed,
    /// It can never succeed as it is, and was set aside.
    Quarantined,
    /// Its unit used up its attempts.
    Failed,
}

impl InputOutcome {
    /// The word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analysed => "analysed",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
        }
    }
}

/// A result file.
#[derive(Debug)]
pub struct Deliverable {
    /// Its file name.
    pub name: &'static str,
    /// Its content.
    pub content: Content,
}

/// What is in a result file: small, or on disk.
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// In an unnamed file, gone with this.
    File(File),
}

/// It may know patients.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(..)")
    }
}

impl Content {
    /// Reads it from its beginning.
    ///
    /// # Errors
    /// The disk fails.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::File(file) => {
                let mut file = file;
                file.rewind()?;
                Ok(Box::new(file))
            }
        }
    }
}

/// Why partials cannot be merged, stored, read or delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The run was submitted with settings that this version does not know.
    #[error("{0}: use the agent that belongs to the coordinator which submitted the run")]
    Settings(StudySettingsError),
    /// The bytes are not a partial this version wrote.
    #[error("read partial: {0}: run the unit again with this version of the agent")]
    Damaged(&'static str),
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
    /// The partial holds other objects than the run says it analysed.
    #[error("deliver results: object {object} is {problem}: report this fault")]
    FactsDiffer {
        /// The object's name.
        object: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No room to let patients wait on the encrypted volume: a lack of the
    /// worker, which another may not have.
    #[error(
        "the volume has no room for what waits there: start workers with a larger volume and retry"
    )]
    NoScratch,
    /// Sums beyond what the integers hold.
    #[error("merge partials: more values than exact sums can hold: split the run")]
    TooManyValues,
    /// A failure inside the table engine. Its own text may quote data, so
    /// only its kind is kept.
    #[error("{step}: the table engine reports {kind}: report this fault")]
    Engine {
        /// What was being done.
        step: &'static str,
        /// The engine's name for the kind of failure.
        kind: &'static str,
    },
}

impl StudyError {
    /// Can it succeed elsewhere, or later?
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::NoScratch => Class::Transient,
            _ => Class::Permanent,
        }
    }
}
