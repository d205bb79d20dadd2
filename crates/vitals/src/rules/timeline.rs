//! A vital's values in order of time.
//!
//! Used by [`crate::rules::cell::Cell`] while reading, and when results are delivered. If there
//! are few, every value is kept with its time, so that any split into objects gives the same
//! answer. If an object or a run has more than [`MOMENTS_MAX`] values, only [`Piece`]s are kept,
//! which join if the objects do not overlap in time.

use crate::rules::fixed::Fixed;
use crate::rules::range::ReferenceRange;
use crate::rules::series::{Moment, Piece, Series, join};

/// The most values of an object or of a run that are kept individually: 16 MiB.
pub const MOMENTS_MAX: u64 = 1 << 20;

/// Pieces that overlap in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlapping;

/// The values of one patient and vital in one object.
#[derive(Debug, Clone)]
pub enum Timeline {
    /// Every value (in steps) with its time, in the order read.
    Moments(Vec<(i64, i64)>),
    /// Summaries, because there are too many values.
    Pieces(Box<Series>),
}

impl Default for Timeline {
    fn default() -> Self {
        Self::Moments(Vec::new())
    }
}

impl Timeline {
    /// Adds a value.
    #[inline]
    pub(super) fn add(&mut self, time: i64, value: Fixed, reference: &ReferenceRange) {
        match self {
            Self::Moments(moments) => moments.push((time, value.steps())),
            Self::Pieces(series) => series.add(time, value.steps(), reference),
        }
    }

    /// Keeps pieces from now on.
    pub(super) fn collapse(&mut self, reference: &ReferenceRange) {
        if let Self::Moments(moments) = self {
            let mut series = Series::default();
            // Sorted, they make a single piece, whatever the order they came in.
            moments.sort_unstable();
            for (time, steps) in moments.drain(..) {
                series.add(time, steps, reference);
            }
            *self = Self::Pieces(Box::new(series));
        }
    }
}

/// Returns values as moments, in order of time.
#[must_use]
pub fn moments_of(values: &[(i64, i64)]) -> Vec<Moment> {
    let single = |(time, steps): &(i64, i64)| Moment::new(*time, *steps);
    merged(values.iter().map(single).collect())
}

/// Returns the moments in order of time, each time once.
#[must_use]
pub fn merged(mut moments: Vec<Moment>) -> Vec<Moment> {
    moments.sort_unstable();
    // The order within one time does not matter, because sums commute.
    moments.dedup_by(|next, kept| {
        let is_same = next.time == kept.time;
        if is_same {
            kept.add(*next);
        }
        is_same
    });
    moments
}

/// Returns the moments of one object as one piece; `None` without moments.
#[must_use]
pub fn piece_of(moments: Vec<Moment>, reference: &ReferenceRange) -> Option<Piece> {
    let moments = merged(moments);
    join(moments.into_iter().map(|moment| Piece::of(moment, reference)).collect())
}

/// Returns a whole series as one piece; `None` if it is empty.
///
/// # Errors
/// Pieces overlap in time, so that the order of values is unknown.
pub fn whole(
    moments: Vec<Moment>,
    pieces: &[Piece],
    reference: &ReferenceRange,
) -> Result<Option<Piece>, Overlapping> {
    let singles = merged(moments).into_iter().map(|moment| Piece::of(moment, reference));
    let all: Vec<Piece> = singles.chain(pieces.iter().copied()).collect();
    if all.is_empty() {
        return Ok(None);
    }
    join(all).map(Some).ok_or(Overlapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNIT: i64 = 100_000_000_000;

    fn reference() -> ReferenceRange {
        ReferenceRange::new(Some(60.0), Some(100.0))
    }

    fn timeline(values: &[(i64, i64)], collapse_at: usize) -> Timeline {
        let mut timeline = Timeline::default();
        for (at, (time, value)) in values.iter().enumerate() {
            if at == collapse_at {
                timeline.collapse(&reference());
            }
            let value = Fixed::from_units(*value as f64).expect("within the limit");
            timeline.add(*time, value, &reference());
        }
        timeline
    }

    fn answer(timelines: Vec<Timeline>) -> Result<Option<Piece>, Overlapping> {
        let (mut moments, mut pieces) = (Vec::new(), Vec::new());
        for timeline in timelines {
            match timeline {
                Timeline::Moments(values) => moments.extend(moments_of(&values)),
                Timeline::Pieces(series) => pieces.extend(series.finish(&reference())),
            }
        }
        whole(moments, &pieces, &reference())
    }

    #[test]
    fn values_of_one_time_are_averaged_across_objects() {
        let both = answer(vec![timeline(&[(1, 70), (2, 80)], 9), timeline(&[(2, 90)], 9)]);
        let piece = both.expect("no piece").expect("values");
        assert_eq!((piece.count, piece.path), (2, i128::from(15 * UNIT)));
        assert_eq!(answer(Vec::new()), Ok(None));
    }

    #[test]
    fn collapsed_objects_that_overlap_have_no_answer() {
        let (a, b) = ([(1, 70), (3, 80)], [(2, 75), (4, 90)]);
        assert!(answer(vec![timeline(&a, 9), timeline(&b, 9)]).is_ok());
        assert_eq!(answer(vec![timeline(&a, 1), timeline(&b, 1)]), Err(Overlapping));
        let disjoint = answer(vec![timeline(&a, 1), timeline(&[(4, 90), (5, 90)], 1)]);
        assert_eq!(disjoint.map(|piece| piece.map(|piece| piece.count)), Ok(Some(4)));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_while_all_are_kept(
            values in proptest::collection::vec((0_i64..30, 40_i64..120, 0_usize..4), 1..60)
        ) {
            let of = |object: Option<usize>| {
                let own = values.iter().filter(|(_, _, o)| object.is_none_or(|object| *o == object));
                timeline(&own.map(|(time, value, _)| (*time, *value)).collect::<Vec<_>>(), usize::MAX)
            };
            prop_assert_eq!(answer((0..4).map(|o| of(Some(o))).collect()), answer(vec![of(None)]));
        }

        #[test]
        fn the_point_of_collapse_does_not_matter_in_order(
            values in proptest::collection::vec((0_i64..3, 40_i64..120), 1..60),
            at in 0_usize..60,
        ) {
            let mut time = 0;
            let values: Vec<(i64, i64)> = values
                .into_iter()
                .map(|(step, value)| {
                    time += step;
                    (time, value)
                })
                .collect();
            prop_assert_eq!(answer(vec![timeline(&values, at)]), answer(vec![timeline(&values, usize::MAX)]));
        }
    }
}
