//! The rules of the vitals analysis: what is measured, in which unit, what is
//! plausible, and how statistics add up exactly.
//!
//! Used by the agent's format decoders (which feed [`ObjectAccumulator`]) and
//! by its merge and delivery steps (which call [`Sums`] and [`quantile`]).
//! Everything here is exact integer bookkeeping, so a result never depends on
//! how rows were split into objects or in which order partials were merged.
//! Nothing here may read a file, know a file format, or sum in floating point.

mod accumulator;
mod cell;
pub mod civil;
mod fixed;
mod histogram;
mod moments;
pub mod news2;
mod range;
mod reading;
mod unit;
mod vital;

pub use accumulator::{
    ObjectAccumulator, ObjectStatistics, PatientCells, PatientIndex, QualityCounts,
};
pub use cell::{Cell, Instant};
pub use fixed::{Fixed, UNIT_LIMIT, mean_units};
pub use histogram::{BINS_PER_UNIT, Bins, bin_of, bin_units, quantile};
pub use moments::{MAX_COUNT, Sums};
pub use range::PlausibleRanges;
pub use reading::{Reading, Readings};
pub use unit::Conversion;
pub use vital::Vital;
