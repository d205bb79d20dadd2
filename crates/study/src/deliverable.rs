//! The results of a run, and the facts with which they are delivered.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};

/// Facts about the run that its results state.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// The run's id.
    pub run: String,
    /// Every input of the run, sorted by object.
    pub inputs: Vec<InputFact>,
}

/// One input and its outcome.
#[derive(Debug, Clone)]
pub struct InputFact {
    /// The object's name, as given to [`crate::Analysis::begin`].
    pub object: String,
    /// Its outcome.
    pub outcome: InputOutcome,
    /// One line, ids only, if it was not analyzed.
    pub reason: Option<String>,
}

/// The outcome of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputOutcome {
    /// It is in the results.
    Analyzed,
    /// It can never succeed as it is.
    Quarantined,
    /// Its unit used up its attempts.
    Failed,
}

impl InputOutcome {
    /// Returns the word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            // The spelling of released outputs.
            Self::Analyzed => "analyzed",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
        }
    }
}

/// Whether a result may leave the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It may hold health data: it stays inside.
    Stays,
    /// Small numbers of patients are suppressed in it: it may leave.
    MayLeave,
}

/// A result file.
#[derive(Debug)]
pub struct Deliverable {
    /// Its file name.
    pub name: String,
    /// Whether it may leave.
    pub release: Release,
    /// Its content.
    pub content: Content,
}

impl Deliverable {
    /// Creates a small result that stays inside.
    #[must_use]
    pub fn stays(name: &str, bytes: Vec<u8>) -> Self {
        let content = Content::Bytes(bytes);
        Self { name: name.to_owned(), release: Release::Stays, content }
    }
}

/// The content of a result file.
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// In an unnamed file, which is removed with this value.
    File(File),
}

/// Without the content, which may hold health data.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(..)")
    }
}

impl Content {
    /// Opens the content at its beginning.
    ///
    /// # Errors
    /// The disk fails.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::File(file) => {
                // `&File` implements `Read` and `Seek`, but needs a mutable binding.
                let mut file = file;
                file.rewind()?;
                Ok(Box::new(file))
            }
        }
    }
}
