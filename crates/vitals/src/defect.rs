//! Why an object is quarantined.
//!
//! Used by every reader; the texts go to logs, the ledger and the report: they
//! never hold cell text, patient ids or dates.

use thiserror::Error;

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

impl Defect {
    /// A stable name of the kind of fault.
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
            Defect::NoScratch => Self::transient(defect.code(), defect),
            _ => Self::permanent(defect.code(), defect),
        }
    }
}
