//! The change of a vital over time: a line by ordinary least squares.
//!
//! Used per patient and vital: [`TimeSums`] while reading and merging, [`fit`] and
//! [`false_discovery`] when results are delivered. Like all sums, these must stay integers until
//! the last step.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::rules::fixed::{Fixed, STEPS_PER_UNIT};
use crate::rules::moments::Sums;
use sce_core::calendar::DAY_SECONDS;

/// The length of the year in slopes, in days.
pub const YEAR_DAYS: f64 = 365.25;

/// Σt, Σt² and Σxt over the values of [`Sums`]: t in civil seconds, x in steps. With years up to
/// 9999 (|t| < 2^38) and 2^33 values, all of them fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSums {
    /// Σt.
    pub sum: i128,
    /// Σt².
    pub sum_squares: i128,
    /// Σxt.
    pub sum_products: i128,
}

impl TimeSums {
    /// Adds one value.
    #[inline]
    pub(super) fn add(&mut self, time: i64, value: Fixed) {
        let (time, steps) = (i128::from(time), i128::from(value.steps()));
        self.sum += time;
        self.sum_squares += time * time;
        self.sum_products += time * steps;
    }

    /// True if `n` values at times within the calendar could have these sums.
    #[must_use]
    pub fn is_possible(&self, n: u64) -> bool {
        let (n, time) = (i128::from(n), 1_i128 << 38);
        let steps = i128::from(Fixed::LIMIT_STEPS);
        self.sum.abs() <= n * time
            && (0..=n * time * time).contains(&self.sum_squares)
            && self.sum_products.abs() <= n * time * steps
    }
}

/// The days on which values were measured, as far as a trend needs them: it needs three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The earliest.
    pub first: Option<i64>,
    /// The latest.
    pub last: Option<i64>,
    /// The earliest of the days strictly between them.
    pub between: Option<i64>,
}

impl Days {
    /// Adds a time.
    #[inline]
    pub(super) fn add(&mut self, time: i64) {
        let day = time.div_euclid(DAY_SECONDS);
        match (self.last, self.between) {
            // Most files are sorted by date, and most days change nothing but the last.
            (Some(last), Some(_)) if day >= last => self.last = Some(day),
            _ => *self = self.merged(Self { first: Some(day), last: Some(day), between: None }),
        }
    }

    /// Merges the days; the result depends on the set of days alone.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let all = [self.first, self.last, self.between, other.first, other.last, other.between];
        let days = || all.into_iter().flatten();
        let (first, last) = (days().min(), days().max());
        let between = days().filter(|day| Some(*day) > first && Some(*day) < last).min();
        Self { first, last, between }
    }
}

/// A line fitted to the values of a patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Change of the value in a year of [`YEAR_DAYS`], in canonical units.
    pub slope_per_year: f64,
    /// The standard error of the slope.
    pub standard_error: f64,
    /// The probability of a slope at least as steep if there is none (two-sided, Student's t with
    /// n − 2 degrees of freedom).
    pub p: f64,
}

/// Fits the line; `None` with fewer than three days.
#[must_use]
pub fn fit(values: &Sums, times: &TimeSums, days: &Days) -> Option<Fit> {
    days.between?;
    let n = i128::from(values.n);
    // Sums about integer pivots just below the means are exact; the small remainders of the
    // pivots are corrected in floating point.
    let (pivot_t, rest_t) = (times.sum.div_euclid(n), times.sum.rem_euclid(n));
    let (pivot_x, rest_x) = (values.sum.div_euclid(n), values.sum.rem_euclid(n));
    let about = |whole: i128, a: i128, b: i128| whole as f64 - a as f64 * b as f64 / n as f64;
    let tt = times.sum_squares - pivot_t * times.sum - pivot_t * rest_t;
    let xx = values.sum_squares - pivot_x * values.sum - pivot_x * rest_x;
    let xt = times.sum_products - pivot_t * values.sum - pivot_x * rest_t;
    let (tt, xx) = (about(tt, rest_t, rest_t), about(xx, rest_x, rest_x));
    let xt = about(xt, rest_x, rest_t);
    let slope = xt / tt;
    let freedom = (n - 2) as f64;
    // Rounding can make the residual of a perfect line negative.
    let residual = (xx - slope * xt).max(0.0);
    let standard_error = (residual / freedom / tt).sqrt();
    let scale = YEAR_DAYS * DAY_SECONDS as f64 / STEPS_PER_UNIT;
    // A constant series has error 0: 0 / 0 would be NaN.
    let p = if slope == 0.0 {
        1.0
    } else {
        let t = (slope / standard_error).abs();
        StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |student| 2.0 * student.sf(t))
    };
    Some(Fit { slope_per_year: slope * scale, standard_error: standard_error * scale, p })
}

/// Returns the p-values adjusted by Benjamini and Hochberg (1995), in the order given: the
/// expected share of false discoveries if all up to each are accepted.
#[must_use]
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
    let mut q = vec![0.0; p.len()];
    // From the largest down: a smaller p never gets a larger q.
    let mut least = 1.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        let rank = p.len() - place;
        least = least.min(p[index] * p.len() as f64 / rank as f64);
        q[index] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit_points(points: &[(i64, f64)]) -> Option<Fit> {
        let (mut sums, mut times, mut days) = Default::default();
        for (time, value) in points {
            let fixed = Fixed::from_units(*value).expect("within the limit");
            Sums::add(&mut sums, fixed);
            TimeSums::add(&mut times, *time, fixed);
            Days::add(&mut days, *time);
        }
        fit(&sums, &times, &days)
    }

    /// The textbook formulas about the means, in days.
    fn by_hand(points: &[(i64, f64)]) -> (f64, f64) {
        let n = points.len() as f64;
        let points: Vec<(f64, f64)> =
            points.iter().map(|(t, x)| (*t as f64 / DAY_SECONDS as f64, *x)).collect();
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (mt, mx) = (mean(|p| p.0), mean(|p| p.1));
        let tt: f64 = points.iter().map(|(t, _)| (t - mt) * (t - mt)).sum();
        let slope = points.iter().map(|(t, x)| (t - mt) * (x - mx)).sum::<f64>() / tt;
        let residual: f64 = points.iter().map(|(t, x)| (x - mx - slope * (t - mt)).powi(2)).sum();
        (slope * YEAR_DAYS, (residual / (n - 2.0) / tt).sqrt() * YEAR_DAYS)
    }

    #[test]
    fn a_known_line() {
        // scipy.stats.linregress([0, 1, 2, 3, 4], [1, 3, 2, 5, 4]):
        // slope 0.8, stderr 0.34641016151377546, p 0.10408803866182788.
        let points: Vec<(i64, f64)> = [1.0, 3.0, 2.0, 5.0, 4.0]
            .into_iter()
            .enumerate()
            .map(|(day, x)| (day as i64 * DAY_SECONDS, x))
            .collect();
        let fit = fit_points(&points).expect("five days");
        assert!((fit.slope_per_year - 0.8 * YEAR_DAYS).abs() < 1e-9);
        assert!((fit.standard_error - 0.346_410_161_513_775_46 * YEAR_DAYS).abs() < 1e-9);
        assert!((fit.p - 0.104_088_038_661_827_88).abs() < 1e-12);
    }

    #[test]
    fn a_perfect_line_is_certain_and_a_flat_one_is_none() {
        let line =
            |slope: f64| (0..9).map(move |day| (day * DAY_SECONDS, 100.0 + slope * day as f64));
        let steep = fit_points(&line(1.0).collect::<Vec<_>>()).expect("nine days");
        assert!(steep.p < 1e-12 && (steep.slope_per_year - 365.25).abs() < 1e-9);
        let flat = fit_points(&line(0.0).collect::<Vec<_>>()).expect("nine days");
        assert_eq!((flat.slope_per_year, flat.standard_error, flat.p), (0.0, 0.0, 1.0));
    }

    #[test]
    fn three_days_are_needed() {
        let hours = |hours: &[i64]| hours.iter().map(|h| (h * 3600, *h as f64)).collect::<Vec<_>>();
        assert_eq!(fit_points(&hours(&[1, 2, 3, 23])), None);
        assert_eq!(fit_points(&hours(&[1, 30, 31, 2])), None);
        assert!(fit_points(&hours(&[1, 30, -1])).is_some());
    }

    #[test]
    fn the_largest_sums_fit() {
        let times = TimeSums {
            sum: i128::from(crate::rules::moments::MAX_COUNT) << 38,
            sum_squares: i128::from(crate::rules::moments::MAX_COUNT) << 76,
            sum_products: (i128::from(crate::rules::moments::MAX_COUNT) << 38)
                * i128::from(Fixed::LIMIT_STEPS),
        };
        assert!(times.is_possible(crate::rules::moments::MAX_COUNT));
        assert!(!times.is_possible(crate::rules::moments::MAX_COUNT - 1));
    }

    #[test]
    fn discoveries_are_adjusted_as_published() {
        // R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05, 0.9), "BH").
        let q = false_discovery(&[0.9, 0.01, 0.03, 0.02, 0.05, 0.04]);
        let expected = [0.9, 0.06, 0.06, 0.06, 0.06, 0.06];
        assert!(q.iter().zip(expected).all(|(q, e)| (q - e).abs() < 1e-12), "{q:?}");
        assert!(false_discovery(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn equals_the_textbook(
            points in proptest::collection::vec((-60_000_000_000_i64..250_000_000_000, 25.0_f64..300.0), 4..60)
        ) {
            let Some(fit) = fit_points(&points) else { return Ok(()) };
            let (slope, error) = by_hand(&points);
            prop_assert!((fit.slope_per_year - slope).abs() <= 1e-6 * error.max(slope.abs()));
            prop_assert!((fit.standard_error - error).abs() <= 1e-6 * error);
            prop_assert!((0.0..=1.0).contains(&fit.p));
        }

        #[test]
        fn days_do_not_depend_on_order_or_split(
            days in proptest::collection::vec(0_i64..6, 1..12), cut in 0_usize..12
        ) {
            let kept = |days: &[i64]| days.iter().fold(Days::default(), |mut kept, day| {
                kept.add(day * DAY_SECONDS + 7);
                kept
            });
            let mut sorted = days.clone();
            sorted.sort_unstable();
            let whole = kept(&sorted);
            let (left, right) = days.split_at(cut.min(days.len()));
            prop_assert_eq!(kept(left).merged(kept(right)), whole);
            sorted.dedup();
            prop_assert_eq!(whole.between.is_some(), sorted.len() >= 3);
            prop_assert_eq!((whole.first, whole.last), (sorted.first().copied(), sorted.last().copied()));
        }
    }
}
