//! How objects are read: the settings of a run, ready for the decoders.
//!
//! Made once per run by [`crate::analysis`], shared by all its objects.

use std::path::PathBuf;
use std::sync::Arc;

use crate::formats::long::Codes;
use crate::rules::people::People;
use crate::rules::range::PlausibleRanges;
use crate::settings::Format;

/// How objects are read.
#[derive(Debug, Clone)]
pub struct ReadRules {
    pub format: Format,
    pub ranges: PlausibleRanges,
    pub codes: Arc<Codes>,
    pub people: Arc<People>,
    /// The directory for data that does not fit in memory.
    pub scratch: PathBuf,
}
