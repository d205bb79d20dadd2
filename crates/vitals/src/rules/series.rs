//! A vital's values in the order of time: how far they go from one to the
//! next, and runs outside the reference range.
//!
//! Used per (patient, vital, object) while reading, and joined when
//! delivering. Pieces of a series join exactly if they do not overlap in
//! time; where they do, there is no answer, never a wrong one.

use crate::rules::fixed::STEPS_PER_UNIT;
use crate::rules::range::ReferenceRange;

/// The values of one time: civil seconds, Σ in steps, how many.
pub type Moment = (i64, i128, u64);

/// How many values in a row outside the reference range are a run.
pub const RUN_MIN: u64 = 3;

/// Values outside the reference range, one after another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// When the first of them was, in civil seconds.
    pub start: i64,
    /// How many; 0 is no run, and the rest means nothing.
    pub length: u64,
    /// By how many steps the worst is outside: above (positive) or below.
    pub worst: i64,
}

impl Run {
    const fn is_one(&self) -> bool {
        self.length >= RUN_MIN
    }

    /// This run and the one that goes on from it.
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

    /// The longer one; of equals the earlier.
    fn longer(self, other: Self) -> Self {
        let key = |run: &Self| (run.length, std::cmp::Reverse(run.start));
        if key(&other) > key(&self) { other } else { self }
    }
}

/// Whichever is further outside; of equals the one above.
fn worse(a: i64, b: i64) -> i64 {
    if (b.unsigned_abs(), b) > (a.unsigned_abs(), a) { b } else { a }
}

/// A stretch of time of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The earliest and the latest time, in civil seconds.
    pub times: (i64, i64),
    /// The values there, in steps; several at one time are their mean.
    pub values: (i64, i64),
    /// How many distinct times.
    pub count: u64,
    /// Σ of the differences between neighbours, in steps.
    pub path: i128,
    /// The run that it begins with.
    pub head: Run,
    /// The run that it ends with; the same as `head` if it is one run.
    pub tail: Run,
    /// Runs of [`RUN_MIN`] at least that touch neither end.
    pub inner: u64,
    /// The longest of those.
    pub longest: Run,
}

impl Piece {
    /// A piece of one time.
    #[must_use]
    pub fn new(time: i64, steps: i64, reference: &ReferenceRange) -> Self {
        let run = match reference.excess(steps) {
            0 => Run::default(),
            worst => Run { start: time, length: 1, worst },
        };
        Self {
            times: (time, time),
            values: (steps, steps),
            count: 1,
            path: 0,
            head: run,
            tail: run,
            inner: 0,
            longest: Run::default(),
        }
    }

    /// A piece of one moment: its mean, rounded once, whatever the order.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a mean is within its values
    pub fn of((time, sum, count): Moment, reference: &ReferenceRange) -> Self {
        let count = i128::from(count.max(1));
        Self::new(time, (sum + count / 2).div_euclid(count) as i64, reference)
    }

    const fn is_one_run(&self) -> bool {
        self.head.length == self.count
    }

    /// This piece and a later one; `None` if they overlap.
    #[must_use]
    pub fn joined(self, next: Self) -> Option<Self> {
        if next.times.0 <= self.times.1 {
            return None;
        }
        let between = self.tail.followed_by(next.head);
        let (mut inner, mut longest) = (self.inner + next.inner, self.longest.longer(next.longest));
        let mut settle = |run: Run| {
            if run.is_one() {
                inner += 1;
                longest = longest.longer(run);
            }
        };
        let (head, tail) = match (self.is_one_run(), next.is_one_run()) {
            (true, true) => (between, between),
            (true, false) => (between, next.tail),
            (false, true) => (self.head, between),
            (false, false) => {
                settle(between);
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

    /// Mean difference between neighbours (average real variability), in
    /// canonical units; `None` below two times.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn arv(&self) -> Option<f64> {
        (self.count > 1).then(|| self.path as f64 / (self.count - 1) as f64 / STEPS_PER_UNIT)
    }

    /// How many runs there are, and the longest.
    #[must_use]
    pub fn runs(&self) -> (u64, Option<Run>) {
        let ends = if self.is_one_run() { vec![self.head] } else { vec![self.head, self.tail] };
        let ends: Vec<Run> = ends.into_iter().filter(Run::is_one).collect();
        let longest = ends.iter().fold(self.longest, |longest, run| longest.longer(*run));
        (self.inner + ends.len() as u64, longest.is_one().then_some(longest))
    }
}

/// All pieces of a series as one; `None` if two overlap, or if there is none.
#[must_use]
pub fn join(mut pieces: Vec<Piece>) -> Option<Piece> {
    pieces.sort_unstable_by_key(|piece| piece.times);
    let mut pieces = pieces.into_iter();
    let first = pieces.next()?;
    pieces.try_fold(first, Piece::joined)
}

/// Pieces in the making, of values that mostly come in order.
#[derive(Debug, Clone, Default)]
pub struct Series {
    done: Vec<Piece>,
    current: Option<Piece>,
    /// The latest time, Σ of its values in steps, and how many.
    pending: Option<Moment>,
    /// There were more pieces than are kept.
    is_lost: bool,
}

/// Most pieces kept of one object: beyond them it is in no order.
const PIECES_MAX: usize = 64;

/// Overlaps with everything.
const EVER: (i64, i64) = (i64::MIN, i64::MAX);

impl Series {
    /// Takes a value in. One that is earlier than the latest begins a new
    /// piece.
    pub fn add(&mut self, time: i64, steps: i64, reference: &ReferenceRange) {
        let steps = i128::from(steps);
        match &mut self.pending {
            Some((at, sum, count)) if *at == time => {
                *sum += steps;
                *count += 1;
            }
            pending => {
                let is_earlier = pending.is_some_and(|(at, ..)| time < at);
                self.settle(reference);
                if is_earlier {
                    self.put_by();
                }
                self.pending = Some((time, steps, 1));
            }
        }
    }

    /// Appends the pending time to the current piece.
    fn settle(&mut self, reference: &ReferenceRange) {
        let Some(moment) = self.pending.take() else { return };
        let piece = Piece::of(moment, reference);
        let joined = self.current.map_or(Some(piece), |current| current.joined(piece));
        if joined.is_none() {
            self.put_by();
        }
        self.current = joined.or(Some(piece));
    }

    fn put_by(&mut self) {
        if self.done.len() < PIECES_MAX {
            self.done.extend(self.current.take());
        } else {
            (self.is_lost, self.current) = (true, None);
        }
    }

    /// The pieces.
    #[must_use]
    pub fn finish(mut self, reference: &ReferenceRange) -> Vec<Piece> {
        self.settle(reference);
        self.done.extend(self.current);
        if self.is_lost
            && let Some(any) = self.done.first().copied()
        {
            self.done = vec![Piece { times: EVER, ..any }; 2];
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

    /// Runs by looking at every value: how many, the longest's start, length.
    fn by_looking(values: &[f64]) -> (u64, Option<(i64, u64)>) {
        let mut runs: Vec<(i64, u64)> = Vec::new();
        let mut open: Option<(i64, u64)> = None;
        for (time, value) in (0..).zip(values) {
            if (60.0..=100.0).contains(value) {
                runs.extend(open.take());
            } else {
                let (start, length) = open.unwrap_or((time, 0));
                open = Some((start, length + 1));
            }
        }
        runs.extend(open);
        runs.retain(|(_, length)| *length >= RUN_MIN);
        let longest = runs.iter().max_by_key(|(start, length)| (*length, -start)).copied();
        (runs.len() as u64, longest)
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
    fn a_run_knows_its_start_length_and_worst() {
        let (count, longest) = whole(&[70.0, 101.0, 130.0, 55.0, 70.0, 59.0]).runs();
        let longest = longest.expect("three in a row");
        assert_eq!((count, longest.start, longest.length), (1, 1, 3));
        assert_eq!(longest.worst, 3_000_000_000_000);
        assert_eq!(whole(&[101.0, 102.0]).runs(), (0, None));
        assert_eq!(whole(&[101.0, 102.0, 103.0]).runs().0, 1);
    }

    #[test]
    fn pieces_that_overlap_have_no_answer() {
        let pieces = series(&[(1, 70.0), (5, 80.0), (3, 90.0)]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(join(pieces), None);
        let apart = series(&[(5, 70.0), (6, 80.0), (1, 90.0), (2, 60.0)]);
        assert_eq!(
            join(apart).map(|piece| (piece.count, piece.path)),
            Some((4, 5_000_000_000_000))
        );
        // The same time twice, in two pieces, is an overlap.
        let touching = [series(&[(1, 70.0), (2, 80.0)]), series(&[(2, 80.0), (3, 70.0)])].concat();
        assert_eq!(join(touching), None);
        // Backwards: more pieces than are kept, so no answer though none overlap.
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
            let joined = join(pieces).expect("apart");
            prop_assert_eq!(joined, whole(&values));
            let (count, longest) = joined.runs();
            prop_assert_eq!((count, longest.map(|run| (run.start, run.length))), by_looking(&values));
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
