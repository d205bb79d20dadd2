//! What a run computes, as the work loop sees it.
//!
//! The work loop feeds plaintext to an [`ObjectReader`], merges and encodes
//! partials, and asks for the deliverables at the end; it must know no more
//! of an analysis than this. Texts of these errors go to logs and the ledger:
//! they never hold cell text, patient ids or dates.

use std::sync::Arc;

use sce_core::study::{StudySettings, StudySettingsError};
use sce_core::vitals::People;
use thiserror::Error;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliverable {
    /// Its file name.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A permanent fault in an object's content: the whole object is set aside.
/// Rows are counted from 1, the header not among them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// No bytes, or blank lines only.
    #[error("the object is empty: put a file with a header and rows")]
    Empty,
    /// It begins like none of the formats.
    #[error(
        "the object begins like none of the known formats (wide, omop, fhir, synthea): name its \
         format, or put a file in one of them"
    )]
    UnknownFormat,
    /// Packed by something else than gzip or zstd.
    #[error("it is packed by zip, bzip2 or xz: unpack it, or pack it by gzip or zstd, then retry")]
    OtherPacking,
    /// The header of a known format, but for its separators.
    #[error(
        "its fields are not separated by commas: write the file with commas, put it again and retry"
    )]
    OtherSeparator,
    /// A gzip or zstd stream that is damaged or cut short.
    #[error("the object cannot be unpacked to its end: pack the file anew, put it again and retry")]
    BadPacking,
    /// A gzip or zstd stream that unpacks to more than any measurements do.
    #[error(
        "the object unpacks to more than {times} times its size: look what it is, or put it unpacked"
    )]
    UnpacksTooFar {
        /// How many times its size is accepted.
        times: u64,
    },
    /// JSON that ends within an object.
    #[error("the JSON ends before its last bracket: put the whole file and retry")]
    UnclosedJson,
    /// Parquet that is damaged, or of types that no such column has.
    #[error(
        "the Parquet file cannot be read (damaged, of types that its columns should not have, or \
         with row groups over 1 GiB): write it anew, put it again and retry"
    )]
    BadParquet,
    /// No room to let the object wait on the encrypted volume: a lack of the
    /// worker, not of the object, which another may read.
    #[error(
        "the object cannot be kept on the volume while it is read: start workers with a larger volume and retry"
    )]
    NoScratch,
    /// A table of people among the objects.
    #[error(
        "the object is a table of people, not of measurements: name it with --people, and leave \
         it out of the objects"
    )]
    IsPeople,
    /// A table of people that is none.
    #[error(
        "it is no table of people: put CSV with the columns patient, birth and death (or those of \
         Synthea's patients, of OMOP PERSON or DEATH), or FHIR Patients"
    )]
    NotPeople,
    /// Two rows, or two tables, that cannot both be true of a person.
    #[error(
        "row {row} contradicts what is said before of the same person: correct the table, put it \
         again and retry"
    )]
    Contradicted {
        /// The row.
        row: u64,
    },
    /// More people than are held.
    #[error("the tables have more than {limit} people: leave out who is not in the study")]
    TooManyPeople {
        /// The most people accepted.
        limit: usize,
    },
    /// Not a single row that could be read.
    #[error(
        "none of its readings can be used ({no_patient} without a patient, {no_time} without a \
         time, {malformed} rows malformed): correct the file, put it again and retry"
    )]
    NothingReadable {
        /// Rows that do not say whose they are.
        no_patient: u64,
        /// Rows that do not say when.
        no_time: u64,
        /// Rows that have not the form of one.
        malformed: u64,
    },
    /// FHIR resources, none of them an Observation.
    #[error(
        "the object has no Observations, only other resources: leave it out of the run, or put the \
         file that has them"
    )]
    NoObservations,
    /// A header and nothing after it.
    #[error("the object has a header but no rows: put a file with rows")]
    NoRows,
    /// Needed columns (our names for them) that the header lacks.
    #[error("the header lacks {}: correct the file, put it again and retry", .columns.join(", "))]
    MissingColumns {
        /// The names as the format defines them.
        columns: Vec<&'static str>,
    },
    /// A needed column that the header has more than once.
    #[error("the header has {column} more than once: correct the file, put it again and retry")]
    RepeatedColumn {
        /// The name as the format defines it.
        column: &'static str,
    },
    /// More columns than any real file has.
    #[error("the header has more than {limit} columns: put a file in the expected format")]
    TooManyColumns {
        /// The most columns accepted.
        limit: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error(
        "row {row} has {found} fields where the header has {expected}: correct the file, put it again and retry"
    )]
    Ragged {
        /// The row.
        row: u64,
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("{} is not UTF-8: save the file as UTF-8, put it again and retry", place(*.row))]
    NotUtf8 {
        /// The row; 0 is the header.
        row: u64,
    },
    /// A field without which the row means nothing.
    #[error("row {row}: {column} cannot be read: correct the file, put it again and retry")]
    Unreadable {
        /// The row.
        row: u64,
        /// The name of the column as the format defines it.
        column: &'static str,
    },
    /// A quoted field that the object ends in.
    #[error("{} has a quote that is never closed: correct the file, put it again and retry", place(*.row))]
    UnclosedQuote {
        /// The row in which it opens; 0 is the header.
        row: u64,
    },
    /// A record beyond the limit, usually an unclosed quote or a binary file.
    #[error(
        "{} is longer than {limit_bytes} bytes: look for an unclosed quote, put the file again and retry",
        place(*.row)
    )]
    RecordTooLong {
        /// The row; 0 is the header.
        row: u64,
        /// The most bytes a record may have.
        limit_bytes: usize,
    },
    /// More rows or patients than the exact sums are proved for.
    #[error("the object has more than {limit} rows: split it, put the parts and retry")]
    TooManyRows {
        /// The most rows accepted.
        limit: u64,
    },
}

fn place(row: u64) -> String {
    if row == 0 { "the header".to_owned() } else { format!("row {row}") }
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
