//! The rules of the vitals analysis: what is measured, in which unit, what is
//! plausible, and how statistics add up exactly.
//!
//! Used by the agent's format decoders (which feed [`ObjectAccumulator`]) and
//! by its merge and delivery steps (which call [`Sums`] and [`quantile`]).
//! Everything here is exact integer bookkeeping, so a result never depends on
//! how rows were split into objects or in which order partials were merged.
//! Nothing here may read a file, know a file format, or sum in floating point.

mod accumulator;
mod category;
mod cell;
pub mod civil;
mod codes;
mod cross;
mod derived;
mod effects;
mod fixed;
mod gather;
mod histogram;
mod moments;
pub mod news2;
mod overflow;
mod people;
mod quality;
mod range;
mod reading;
mod regression;
mod series;
mod statistics;
mod timeline;
mod trend;
mod unit;
mod vital;

pub use accumulator::{ObjectAccumulator, PATIENTS_KEPT_MAX, PatientIndex};
pub use category::{BloodPressure, BodyMass};
pub use cell::{Cell, Instant};
pub use codes::CodeMap;
pub use cross::Cross;
pub use derived::{Derived, DerivedSums};
pub use effects::{
    ClassExtremes, Effect, EffectValues, ObjectEffects, Pairs, PatientEffects, RULES, Rule,
    RuleCounts, Separation, Term, odds_ratio,
};
pub use fixed::{Fixed, UNIT_LIMIT, mean_units};
pub use gather::Gather;
pub use histogram::{BINS_PER_UNIT, Bins, bin_of, bin_units, quantile};
pub use moments::{MAX_COUNT, Sums};
pub use overflow::{OVERFLOW_PARTS, Overflow};
pub use people::{
    ADULT_AGE, NEWS2_AGE, NotAdded, PEOPLE_MAX, PartialDate, People, Person, UnderAge, of_adult,
};
pub use quality::{BMI_TOLERANCE, EQUAL_MIN, LeftOut, LeftOutCounts, QualityCounts};
pub use range::{PlausibleRange, PlausibleRanges, RangeProfile, ReferenceRange};
pub use reading::{Reading, Readings};
pub use regression::{Fitting, NotComputed, Regression, Sureness, Totals};
pub use series::{Piece, RUN_MIN, Run, Series, join};
pub use statistics::{ObjectStatistics, PatientCells};
pub use timeline::{MOMENTS_MAX, Moment, Overlapping, Timeline, moments_of, piece_of, whole};
pub use trend::{Days, Fit, TimeSums, YEAR_DAYS, false_discovery, fit};
pub use unit::{Conversion, UnitMap, by_unit_concept, unit_is_known};
pub use vital::Vital;
