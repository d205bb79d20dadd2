//! Why an object is quarantined.
//!
//! Used by every reader. The texts go to logs, the ledger and the report: they must never hold
//! cell text, patient ids or dates.

use thiserror::Error;

/// A permanent fault in an object's content: the whole object is quarantined. Rows are counted
/// from 1, without the header.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// No bytes, or blank lines only.
    #[error("the object is empty: put a file with a header and rows")]
    Empty,
    /// The beginning matches none of the formats.
    #[error(
        "the beginning of the object matches none of the known formats (wide, omop, fhir, \
         synthea): set its format, or put a file in one of them"
    )]
    UnknownFormat,
    /// Compressed with something other than gzip or zstd.
    #[error(
        "the object is compressed with zip, bzip2 or xz: decompress it, or use gzip or zstd, put \
         it again and retry"
    )]
    OtherPacking,
    /// The header of a known format with other separators.
    #[error(
        "the fields are not separated by commas: write the file with commas, put it again and retry"
    )]
    OtherSeparator,
    /// A gzip or zstd stream that is damaged or truncated.
    #[error(
        "the object cannot be decompressed completely: compress the file again, put it again and \
         retry"
    )]
    BadPacking,
    /// A gzip or zstd stream that decompresses to more than any file of measurements does.
    #[error(
        "the object decompresses to more than {times} times its size: check that it is not \
         corrupt, or upload it uncompressed"
    )]
    UnpacksTooFar {
        /// The accepted multiple of its size.
        times: u64,
    },
    /// JSON that ends within an object.
    #[error("the JSON ends before its last bracket: put the complete file and retry")]
    UnclosedJson,
    /// Parquet that is damaged, or whose columns have unexpected types.
    #[error(
        "the Parquet file cannot be read (it is damaged, or has columns of unexpected types or \
         row groups over 1 GiB): write it again, put it again and retry"
    )]
    BadParquet,
    /// No space on the encrypted volume for the object's temporary files: a fault of the worker,
    /// not of the object, which another worker may read.
    #[error(
        "the volume has no space left for the object's temporary files: start workers with a \
         larger volume and retry"
    )]
    NoScratch,
    /// A table of people among the objects.
    #[error(
        "the object is a table of people, not of measurements: name it with --people, and leave \
         it out of the objects"
    )]
    IsPeople,
    /// A side input that is not a table of people.
    #[error(
        "it is not a table of people: put CSV with the columns patient, birth and death (or those \
         of Synthea's patients, of OMOP PERSON or DEATH), or FHIR Patients"
    )]
    NotPeople,
    /// Two rows, or two tables, that contradict each other about a person.
    #[error(
        "row {row} contradicts an earlier row or table about the same person: correct the table, \
         put it again and retry"
    )]
    Contradicted {
        /// The row.
        row: u64,
    },
    /// More people than are accepted.
    #[error("the tables have more than {limit} people: remove those who are not in the study")]
    TooManyPeople {
        /// The limit.
        limit: usize,
    },
    /// No row that can be used.
    #[error(
        "none of the readings can be used ({no_patient} without a patient, {no_time} without a \
         time, {malformed} rows malformed): correct the file, put it again and retry"
    )]
    NothingReadable {
        /// Rows without a patient.
        no_patient: u64,
        /// Rows without a time.
        no_time: u64,
        /// Rows that are malformed.
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
    /// Required columns that the header lacks.
    #[error("the header lacks {}: correct the file, put it again and retry", .columns.join(", "))]
    MissingColumns {
        /// The names as the format defines them.
        columns: Vec<&'static str>,
    },
    /// A required column that occurs more than once in the header.
    #[error("the header has {column} more than once: correct the file, put it again and retry")]
    RepeatedColumn {
        /// The name as the format defines it.
        column: &'static str,
    },
    /// More columns than any real file has.
    #[error("the header has more than {limit} columns: put a file in the expected format")]
    TooManyColumns {
        /// The limit.
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
    #[error("{} is not UTF-8: save the file as UTF-8, put it again and retry", row_or_header(*.row))]
    NotUtf8 {
        /// The row; 0 is the header.
        row: u64,
    },
    /// A required field that cannot be read.
    #[error("row {row}: {column} cannot be read: correct the file, put it again and retry")]
    Unreadable {
        /// The row.
        row: u64,
        /// The name of the column as the format defines it.
        column: &'static str,
    },
    /// A quoted field that is not closed before the end of the object.
    #[error("{} has a quote that is never closed: correct the file, put it again and retry", row_or_header(*.row))]
    UnclosedQuote {
        /// The row in which it opens; 0 is the header.
        row: u64,
    },
    /// A record beyond the limit, usually an unclosed quote or a binary file.
    #[error(
        "{} is longer than {limit_bytes} bytes: look for an unclosed quote, correct the file, put \
         it again and retry",
        row_or_header(*.row)
    )]
    RecordTooLong {
        /// The row; 0 is the header.
        row: u64,
        /// The limit.
        limit_bytes: usize,
    },
    /// More rows or patients than exact sums are proven to hold.
    #[error("the object has more than {limit} rows: split it, put the parts and retry")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
}

fn row_or_header(row: u64) -> String {
    if row == 0 { "the header".to_owned() } else { format!("row {row}") }
}

impl Defect {
    /// Returns the stable code of the defect.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnknownFormat => "unknown_format",
            Self::OtherPacking => "other_packing",
            Self::OtherSeparator => "other_separator",
            Self::BadPacking => "bad_packing",
            Self::UnpacksTooFar { .. } => "unpacks_too_far",
            Self::UnclosedJson => "unclosed_json",
            Self::BadParquet => "bad_parquet",
            Self::NoScratch => "no_scratch",
            Self::IsPeople => "is_people",
            Self::NotPeople => "not_people",
            Self::Contradicted { .. } => "contradicted",
            Self::TooManyPeople { .. } => "too_many_people",
            Self::NothingReadable { .. } => "nothing_readable",
            Self::NoObservations => "no_observations",
            Self::NoRows => "no_rows",
            Self::MissingColumns { .. } => "missing_columns",
            Self::RepeatedColumn { .. } => "repeated_column",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::Ragged { .. } => "ragged",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::Unreadable { .. } => "unreadable",
            Self::UnclosedQuote { .. } => "unclosed_quote",
            Self::RecordTooLong { .. } => "record_too_long",
            Self::TooManyRows { .. } => "too_many_rows",
        }
    }
}

impl From<Defect> for sce_study::Defect {
    fn from(defect: Defect) -> Self {
        match defect {
            // The only fault of the worker: another one may read the object.
            Defect::NoScratch => Self::transient(defect.code(), defect),
            _ => Self::permanent(defect.code(), defect),
        }
    }
}
