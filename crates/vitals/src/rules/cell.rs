//! What is kept of one vital of one patient.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`]; its fields become one row of a
//! partial. Every field merges exactly: counts and sums add, extremes
//! compare, and the first and last instants hold sums too.

use crate::rules::fixed::Fixed;
use crate::rules::fixed::mean_units;
use crate::rules::histogram::Bins;
use crate::rules::moments::Sums;
use crate::rules::range::ReferenceRange;
use crate::rules::timeline::Timeline;
use crate::rules::trend::{Days, TimeSums};

/// The values measured at one moment, as a sum, so that same-moment
/// duplicates from several objects still give their exact mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Civil seconds (see [`sce_core::calendar`]).
    pub time: i64,
    /// Σ of the values at that time, in steps.
    pub sum: i128,
    /// How many values at that time.
    pub count: u64,
}

impl Instant {
    const fn new(time: i64, value: Fixed) -> Self {
        Self { time, sum: value.steps() as i128, count: 1 }
    }

    fn add(&mut self, value: Fixed) {
        self.sum += i128::from(value.steps());
        self.count += 1;
    }

    /// Mean of the values at that time, in canonical units.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean_units(self.sum, self.count)
    }
}

/// How a value's time relates to those before it in the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    Later,
    Duplicate,
    Earlier,
}

/// Counts, exact sums, extremes, first, last and histogram of the plausible
/// values, and the counts of what was left out.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Count, sum and sum of squares of the plausible values.
    pub sums: Sums,
    /// Their times, for the trend.
    pub times: TimeSums,
    /// The days they were measured on, likewise.
    pub days: Days,
    /// Empty cells (or `NA`, `NaN`).
    pub missing: u64,
    /// Values outside the plausible range.
    pub implausible: u64,
    /// Smallest plausible value, unrounded; +∞ without values.
    pub min: f64,
    /// Largest plausible value, unrounded; −∞ without values.
    pub max: f64,
    /// Earliest moment with a plausible value; meaningless without values.
    pub first: Instant,
    /// Latest moment with a plausible value; meaningless without values.
    pub last: Instant,
    /// Histogram of the plausible values.
    pub bins: Bins,
    /// The plausible values in the order of time.
    pub timeline: Timeline,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            sums: Sums::default(),
            times: TimeSums::default(),
            days: Days::default(),
            missing: 0,
            implausible: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first: Instant { time: i64::MAX, sum: 0, count: 0 },
            last: Instant { time: i64::MIN, sum: 0, count: 0 },
            bins: Bins::default(),
            timeline: Timeline::default(),
        }
    }
}

impl Cell {
    /// Takes a plausible value in; `units` is the same value unrounded.
    #[inline]
    pub(super) fn add(
        &mut self,
        time: i64,
        units: f64,
        value: Fixed,
        reference: &ReferenceRange,
    ) -> Sequence {
        self.timeline.add(time, value, reference);
        self.sums.add(value);
        self.times.add(time, value);
        self.days.add(time);
        // Plain comparisons: `units` is no NaN, and `f64::min` minds them.
        if units < self.min {
            self.min = units;
        }
        if units > self.max {
            self.max = units;
        }
        self.bins.add(units);
        if time < self.first.time {
            self.first = Instant::new(time, value);
        } else if time == self.first.time {
            self.first.add(value);
        }
        if time > self.last.time {
            self.last = Instant::new(time, value);
            Sequence::Later
        } else if time == self.last.time {
            self.last.add(value);
            Sequence::Duplicate
        } else {
            Sequence::Earlier
        }
    }

    /// True if no observation of any kind was seen.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.sums.n == 0 && self.missing == 0 && self.implausible == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(cell: &mut Cell, time: i64, value: f64) -> Sequence {
        let reference = ReferenceRange::new(None, None);
        cell.add(time, value, Fixed::from_units(value).expect("within the limit"), &reference)
    }

    #[test]
    fn first_and_last_average_what_was_measured_at_the_same_moment() {
        let mut cell = Cell::default();
        assert_eq!(add(&mut cell, 10, 5.0), Sequence::Later);
        assert_eq!(add(&mut cell, 10, 7.0), Sequence::Duplicate);
        assert_eq!((cell.first.mean(), cell.last.mean()), (6.0, 6.0));
        assert_eq!(add(&mut cell, 30, 1.0), Sequence::Later);
        assert_eq!(add(&mut cell, 20, 2.0), Sequence::Earlier);
        assert_eq!(add(&mut cell, 10, 9.0), Sequence::Earlier);
        assert_eq!(add(&mut cell, 0, 4.0), Sequence::Earlier);
        assert_eq!((cell.first.time, cell.first.mean()), (0, 4.0));
        assert_eq!((cell.last.time, cell.last.mean()), (30, 1.0));
        assert_eq!((cell.min, cell.max, cell.sums.n), (1.0, 9.0, 6));
    }
}
