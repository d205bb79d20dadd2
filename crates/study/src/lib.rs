//! The contract between the work loop and an analysis.
//!
//! The work loop (crate `sce-agent`) knows an analysis only by [`Analysis`]: it
//! is chosen at run time by name, reads plaintext bytes, and returns bytes. An
//! analysis implements [`TypedAnalysis`], whose partials have a type of its own;
//! [`erase`] adapts it. Nothing here may know what is computed, and no text of an
//! error or defect may hold cell text, patient ids or dates: they go to logs and to
//! the ledger.
//!
//! An analysis that counts bytes:
//!
//! ```
//! use sce_study::{
//!     AnalysisEntry, AnalysisError, Content, Defect, Deliverable, Release, RunFacts,
//!     TypedAnalysis, TypedObject, erase,
//! };
//!
//! #[derive(Clone)]
//! struct Count;
//! struct CountObject(u64);
//!
//! impl TypedObject for CountObject {
//!     type Partial = u64;
//!     type Defect = Defect;
//!     fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
//!         self.0 += plaintext.len() as u64;
//!         Ok(())
//!     }
//!     fn finish(self) -> Result<(u64, u64), Defect> {
//!         Ok((self.0, 1))
//!     }
//! }
//!
//! impl TypedAnalysis for Count {
//!     type Object = CountObject;
//!     type Partial = u64;
//!     fn begin(&self, _object: &str) -> CountObject {
//!         CountObject(0)
//!     }
//!     fn merge(&self, parts: Vec<u64>) -> Result<u64, AnalysisError> {
//!         Ok(parts.into_iter().sum())
//!     }
//!     fn encode(&self, partial: &u64) -> Result<Vec<u8>, AnalysisError> {
//!         Ok(partial.to_le_bytes().to_vec())
//!     }
//!     fn decode(&self, bytes: &[u8]) -> Result<u64, AnalysisError> {
//!         let bytes = bytes.try_into().map_err(|_| AnalysisError::damaged("it is not a count"))?;
//!         Ok(u64::from_le_bytes(bytes))
//!     }
//!     fn deliver(&self, _: &RunFacts, merged: u64) -> Result<Vec<Deliverable>, AnalysisError> {
//!         let content = Content::Bytes(merged.to_string().into_bytes());
//!         let name = "count.txt".to_owned();
//!         Ok(vec![Deliverable { name, release: Release::Stays, content }])
//!     }
//! }
//!
//! const COUNT: AnalysisEntry = AnalysisEntry::new("count/1", |_, _| Ok(erase(Count)));
//!
//! let analysis = COUNT.start(&Default::default(), "/tmp".as_ref())?;
//! let mut object = analysis.begin("a.txt");
//! object.push(b"seven b").unwrap();
//! let mut fold = analysis.fold(sce_study::FoldLimits::default());
//! fold.add(object.finish().unwrap())?;
//! assert_eq!(fold.encode()?, 7_u64.to_le_bytes());
//! # Ok::<(), AnalysisError>(())
//! ```

mod analysis;
mod defect;
mod deliverable;
mod error;
mod typed;

/// Longest partial that is written or read, in bytes (1 GiB).
pub const PARTIAL_BYTES_MAX: usize = 1 << 30;

pub use analysis::{
    Analysis, AnalysisEntry, Fold, FoldLimits, ObjectAnalysis, ObjectPart, find_analysis,
};
pub use defect::Defect;
pub use deliverable::{Content, Deliverable, InputFact, InputOutcome, Release, RunFacts};
pub use error::AnalysisError;
pub use typed::{TypedAnalysis, TypedObject, erase};
