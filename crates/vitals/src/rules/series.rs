//! A vital's values in order of time: the differences between neighbors, and streaks outside the
//! reference range.
//!
//! Used per patient, vital and object while reading, and joined when results are delivered.
//! Pieces of a series join exactly if they do not overlap in time; if they do, there must be no
//! answer rather than a wrong one.

use crate::rules::fixed::{STEPS_PER_UNIT, mean_units};
use crate::rules::range::ReferenceRange;

/// The values of one time, as a sum, so that values of the same time from several objects still
/// have an exact mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Civil seconds (see [`sce_core::calendar`]).
    pub time: i64,
    /// Σ of the values at that time, in steps.
    pub sum: i128,
    /// The number of values at that time.
    pub count: u64,
}

impl Moment {
    /// Creates a moment of one value.
    #[must_use]
    pub const fn new(time: i64, steps: i64) -> Self {
        Self { time, sum: steps as i128, count: 1 }
    }

    /// Adds the values of another moment of the same time.
    pub const fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// Returns the mean of the values, in canonical units.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean_units(self.sum, self.count)
    }
}

/// The fewest consecutive values outside the reference range that make a streak.
pub const STREAK_MIN: u64 = 3;

/// Consecutive values outside the reference range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak {
    /// The time of the first value, in civil seconds.
    pub start: i64,
    /// The number of values; at 0 there is no streak, and the other fields are meaningless.
    pub length: u64,
    /// By how many steps the worst value is outside: above (positive) or below.
    pub worst: i64,
}

impl Streak {
    const fn is_long_enough(&self) -> bool {
        self.length >= STREAK_MIN
    }

    /// Joins this streak and the one that continues it.
    fn followed_by(self, next: Self) -> Self {
        match (self.length, next.length) {
            (0, _) => next,
            (_, 0) => self,
            _ => Self {
                start: self.start,
                length: self.length + next.length,
                worst: worse(self.worst, next.worst),
            },
        }
    }

    /// Returns the longer streak; of equals, the earlier.
    fn longer(self, other: Self) -> Self {
        let key = |streak: &Self| (streak.length, std::cmp::Reverse(streak.start));
        if key(&other) > key(&self) { other } else { self }
    }
}

/// Returns the excess that is further outside; of equals, the one above.
fn worse(a: i64, b: i64) -> i64 {
    if (b.unsigned_abs(), b) > (a.unsigned_abs(), a) { b } else { a }
}

/// A part of one series, in a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The earliest and the latest time, in civil seconds.
    pub times: (i64, i64),
    /// The values at these times, in steps; of several at one time, their mean.
    pub values: (i64, i64),
    /// The number of distinct times.
    pub count: u64,
    /// Σ of the absolute differences between neighbors, in steps.
    pub path: i128,
    /// The streak at its start.
    pub head: Streak,
    /// The streak at its end; the same as `head` if the piece is one streak.
    pub tail: Streak,
    /// The number of streaks (of at least [`STREAK_MIN`] values) that touch neither end.
    pub inner: u64,
    /// The longest of those.
    pub longest: Streak,
}

impl Piece {
    /// Creates a piece of one time.
    #[must_use]
    pub fn new(time: i64, steps: i64, reference: &ReferenceRange) -> Self {
        let streak = match reference.excess(steps) {
            0 => Streak::default(),
            worst => Streak { start: time, length: 1, worst },
        };
        Self {
            times: (time, time),
            values: (steps, steps),
            count: 1,
            path: 0,
            head: streak,
            tail: streak,
            inner: 0,
            longest: Streak::default(),
        }
    }

    /// Creates a piece of one moment: its mean, rounded once, so that order does not matter.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a mean is within its values
    pub fn of(moment: Moment, reference: &ReferenceRange) -> Self {
        let count = i128::from(moment.count.max(1));
        let mean = (moment.sum + count / 2).div_euclid(count) as i64;
        Self::new(moment.time, mean, reference)
    }

    const fn is_single_streak(&self) -> bool {
        self.head.length == self.count
    }

    /// Joins this piece and a later one; `None` if they overlap.
    #[must_use]
    pub fn joined(self, next: Self) -> Option<Self> {
        if next.times.0 <= self.times.1 {
            return None;
        }
        let between = self.tail.followed_by(next.head);
        let (mut inner, mut longest) = (self.inner + next.inner, self.longest.longer(next.longest));
        let mut count = |streak: Streak| {
            if streak.is_long_enough() {
                inner += 1;
                longest = longest.longer(streak);
            }
        };
        // A streak at an end may continue in a neighbor: only one between two others is final.
        let (head, tail) = match (self.is_single_streak(), next.is_single_streak()) {
            (true, true) => (between, between),
            (true, false) => (between, next.tail),
            (false, true) => (self.head, between),
            (false, false) => {
                count(between);
                (self.head, next.tail)
            }
        };
        Some(Self {
            times: (self.times.0, next.times.1),
            values: (self.values.0, next.values.1),
            count: self.count + next.count,
            path: self.path + next.path + i128::from(next.values.0.abs_diff(self.values.1)),
            head,
            tail,
            inner,
            longest,
        })
    }

    /// Returns the mean absolute difference between neighbors (average real variability), in
    /// canonical units; `None` below two times.
    #[must_use]
    pub fn arv(&self) -> Option<f64> {
        (self.count > 1).then(|| self.path as f64 / (self.count - 1) as f64 / STEPS_PER_UNIT)
    }

    /// Returns the number of streaks, and the longest.
    #[must_use]
    pub fn streaks(&self) -> (u64, Option<Streak>) {
        // A piece that is one streak has it as head and as tail: it counts once.
        let ends =
            if self.is_single_streak() { vec![self.head] } else { vec![self.head, self.tail] };
        let ends: Vec<Streak> = ends.into_iter().filter(Streak::is_long_enough).collect();
        let longest = ends.iter().fold(self.longest, |longest, streak| longest.longer(*streak));
        (self.inner + ends.len() as u64, longest.is_long_enough().then_some(longest))
    }
}

/// Joins all pieces of a series; `None` if two overlap, or if there are none.
#[must_use]
pub fn join(mut pieces: Vec<Piece>) -> Option<Piece> {
    pieces.sort_unstable_by_key(|piece| piece.times);
    let mut pieces = pieces.into_iter();
    let first = pieces.next()?;
    pieces.try_fold(first, Piece::joined)
}

/// Builds pieces from values that mostly come in order.
///
/// ```
/// use sce_vitals::rules::fixed::Fixed;
/// use sce_vitals::rules::range::ReferenceRange;
/// use sce_vitals::rules::series::{Series, join};
///
/// let reference = ReferenceRange::new(Some(60.0), Some(100.0));
/// let mut series = Series::default();
/// for (time, value) in [(0, 70.0), (10, 110.0), (20, 120.0), (30, 130.0)] {
///     series.add(time, Fixed::from_units(value).unwrap().steps(), &reference);
/// }
/// let whole = join(series.finish(&reference)).unwrap();
/// let (streaks, longest) = whole.streaks();
/// assert_eq!((streaks, longest.unwrap().length), (1, 3));
/// assert_eq!(whole.arv(), Some(20.0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Series {
    done: Vec<Piece>,
    current: Option<Piece>,
    /// The latest moment, to which values may still be added.
    pending: Option<Moment>,
    /// There were more pieces than are kept.
    is_lost: bool,
}

/// The most pieces kept of one object: with more, it is not sorted at all.
const PIECES_MAX: usize = 64;

/// A range of time that overlaps with every other.
const ALL_TIME: (i64, i64) = (i64::MIN, i64::MAX);

impl Series {
    /// Adds a value. One that is earlier than the latest begins a new piece.
    pub fn add(&mut self, time: i64, steps: i64, reference: &ReferenceRange) {
        let moment = Moment::new(time, steps);
        match &mut self.pending {
            Some(pending) if pending.time == time => pending.add(moment),
            pending => {
                let is_earlier = pending.is_some_and(|pending| time < pending.time);
                self.flush_pending(reference);
                if is_earlier {
                    self.close_piece();
                }
                self.pending = Some(moment);
            }
        }
    }

    /// Appends the pending moment to the current piece.
    fn flush_pending(&mut self, reference: &ReferenceRange) {
        let Some(moment) = self.pending.take() else { return };
        let piece = Piece::of(moment, reference);
        let joined = self.current.map_or(Some(piece), |current| current.joined(piece));
        if joined.is_none() {
            self.close_piece();
        }
        self.current = joined.or(Some(piece));
    }

    fn close_piece(&mut self) {
        if self.done.len() < PIECES_MAX {
            self.done.extend(self.current.take());
        } else {
            (self.is_lost, self.current) = (true, None);
        }
    }

    /// Ends the series; returns the pieces.
    #[must_use]
    pub fn finish(mut self, reference: &ReferenceRange) -> Vec<Piece> {
        self.flush_pending(reference);
        self.done.extend(self.current);
        // Two pieces that overlap: joining them gives no answer.
        if self.is_lost
            && let Some(any) = self.done.first().copied()
        {
            self.done = vec![Piece { times: ALL_TIME, ..any }; 2];
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fixed::Fixed;
    use proptest::prelude::*;

    fn reference() -> ReferenceRange {
        ReferenceRange::new(Some(60.0), Some(100.0))
    }

    fn series(values: &[(i64, f64)]) -> Vec<Piece> {
        let mut series = Series::default();
        for (time, value) in values {
            let value = Fixed::from_units(*value).expect("within the limit");
            series.add(*time, value.steps(), &reference());
        }
        series.finish(&reference())
    }

    fn whole(values: &[f64]) -> Piece {
        let timed: Vec<(i64, f64)> = (0..).zip(values.iter().copied()).collect();
        join(series(&timed)).expect("in order")
    }

    /// Finds streaks by looking at every value: their number; start and length of the longest.
    fn streaks_by_scanning(values: &[f64]) -> (u64, Option<(i64, u64)>) {
        let mut streaks: Vec<(i64, u64)> = Vec::new();
        let mut open: Option<(i64, u64)> = None;
        for (time, value) in (0..).zip(values) {
            if (60.0..=100.0).contains(value) {
                streaks.extend(open.take());
            } else {
                let (start, length) = open.unwrap_or((time, 0));
                open = Some((start, length + 1));
            }
        }
        streaks.extend(open);
        streaks.retain(|(_, length)| *length >= STREAK_MIN);
        let longest = streaks.iter().max_by_key(|(start, length)| (*length, -start)).copied();
        (streaks.len() as u64, longest)
    }

    #[test]
    fn variability_is_the_mean_step() {
        assert_eq!(whole(&[70.0]).arv(), None);
        assert_eq!(whole(&[70.0, 80.0, 65.0]).arv(), Some(12.5));
        // Two at one time count as their mean: 70, 85.
        let pieces = series(&[(1, 70.0), (2, 80.0), (2, 90.0)]);
        assert_eq!(join(pieces).and_then(|piece| piece.arv()), Some(15.0));
    }

    #[test]
    fn a_streak_has_its_start_length_and_worst_value() {
        let (count, longest) = whole(&[70.0, 101.0, 130.0, 55.0, 70.0, 59.0]).streaks();
        let longest = longest.expect("three in a row");
        assert_eq!((count, longest.start, longest.length), (1, 1, 3));
        assert_eq!(longest.worst, 3_000_000_000_000);
        assert_eq!(whole(&[101.0, 102.0]).streaks(), (0, None));
        assert_eq!(whole(&[101.0, 102.0, 103.0]).streaks().0, 1);
    }

    #[test]
    fn pieces_that_overlap_have_no_answer() {
        let pieces = series(&[(1, 70.0), (5, 80.0), (3, 90.0)]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(join(pieces), None);
        let disjoint = series(&[(5, 70.0), (6, 80.0), (1, 90.0), (2, 60.0)]);
        assert_eq!(
            join(disjoint).map(|piece| (piece.count, piece.path)),
            Some((4, 5_000_000_000_000))
        );
        // The same time twice, in two pieces, is an overlap.
        let touching = [series(&[(1, 70.0), (2, 80.0)]), series(&[(2, 80.0), (3, 70.0)])].concat();
        assert_eq!(join(touching), None);
        // Backwards: more pieces than are kept, so there is no answer although none overlap.
        let backwards: Vec<(i64, f64)> = (0..200).map(|time| (-time, 70.0)).collect();
        assert_eq!(join(series(&backwards)), None);
        assert_eq!(series(&backwards).len(), 2);
        assert_eq!(join(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_whole_in_any_order(
            values in proptest::collection::vec(50.0_f64..110.0, 1..40),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
            turn in any::<proptest::sample::Index>(),
        ) {
            let timed: Vec<(i64, f64)> = (0..).zip(values.iter().copied()).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(timed.len())).collect();
            cuts.extend([0, timed.len()]);
            cuts.sort_unstable();
            cuts.dedup();
            let mut pieces: Vec<Piece> =
                cuts.windows(2).flat_map(|cut| series(&timed[cut[0]..cut[1]])).collect();
            let at = turn.index(pieces.len());
            pieces.rotate_left(at);
            let joined = join(pieces).expect("disjoint");
            prop_assert_eq!(joined, whole(&values));
            let (count, longest) = joined.streaks();
            prop_assert_eq!((count, longest.map(|streak| (streak.start, streak.length))), streaks_by_scanning(&values));
            let steps: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
            let arv = (values.len() > 1).then(|| steps / (values.len() - 1) as f64);
            let near = match (joined.arv(), arv) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found == expected,
            };
            prop_assert!(near);
        }
    }
}
