//! The sums of one patient and vital.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`]; its fields become one row of a
//! partial. Every field must merge exactly: counts and sums add, extremes compare, and the first
//! and last moments are sums too.

use crate::rules::fixed::Fixed;
use crate::rules::histogram::Bins;
use crate::rules::moments::Sums;
use crate::rules::range::ReferenceRange;
use crate::rules::series::Moment;
use crate::rules::timeline::Timeline;
use crate::rules::trend::{Days, TimeSums};

/// The time of a value relative to those before it in the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    Later,
    Duplicate,
    Earlier,
}

/// Counts, exact sums, extremes, first, last and histogram of the plausible values, and the
/// counts of values left out.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Count, sum and sum of squares of the plausible values.
    pub sums: Sums,
    /// Sums of their times, for the trend.
    pub times: TimeSums,
    /// The days on which they were measured, for the trend.
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
    pub first: Moment,
    /// Latest moment with a plausible value; meaningless without values.
    pub last: Moment,
    /// Histogram of the plausible values.
    pub bins: Bins,
    /// The plausible values in order of time.
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
            first: Moment { time: i64::MAX, sum: 0, count: 0 },
            last: Moment { time: i64::MIN, sum: 0, count: 0 },
            bins: Bins::default(),
            timeline: Timeline::default(),
        }
    }
}

impl Cell {
    /// Adds a plausible value; `units` is the same value unrounded. Returns its position in time.
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
        // Plain comparisons: `units` is never NaN, which `f64::min` would check.
        if units < self.min {
            self.min = units;
        }
        if units > self.max {
            self.max = units;
        }
        self.bins.add(units);
        // A sum, because other values, also of other objects, may have the same time.
        if time < self.first.time {
            self.first = Moment::new(time, value.steps());
        } else if time == self.first.time {
            self.first.add(Moment::new(time, value.steps()));
        }
        if time > self.last.time {
            self.last = Moment::new(time, value.steps());
            Sequence::Later
        } else if time == self.last.time {
            self.last.add(Moment::new(time, value.steps()));
            Sequence::Duplicate
        } else {
            Sequence::Earlier
        }
    }

    /// True if no reading was counted.
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
    fn first_and_last_average_the_values_of_one_moment() {
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
