//! Count, sum and sum of squares as integers; mean and SD from them.
//!
//! Used per patient and vital while reading, and per cohort when results are delivered. Must
//! never round before the last step.

use crate::rules::fixed::{Fixed, STEPS_PER_UNIT, mean_units};

/// The most values one sum may hold: with magnitudes up to 1000 units (1e14 steps), the squares
/// of 2^33 values stay below 2^127; those of 2^34 do not.
pub const MAX_COUNT: u64 = 1 << 33;

/// Exact count, Σx and Σx² (in steps and squared steps of [`Fixed`]).
///
/// ```
/// use sce_vitals::rules::fixed::Fixed;
/// use sce_vitals::rules::moments::Sums;
///
/// let mut sums = Sums::default();
/// for value in [1.0, 2.0, 3.0] {
///     sums.add(Fixed::from_units(value).unwrap());
/// }
/// assert_eq!((sums.n, sums.mean(), sums.sd()), (3, Some(2.0), Some(1.0)));
/// assert_eq!(sums.merged(sums).map(|both| both.n), Some(6));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// The number of values.
    pub n: u64,
    /// Σx in steps.
    pub sum: i128,
    /// Σx² in squared steps.
    pub sum_squares: i128,
}

impl Sums {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: Fixed) {
        let steps = i128::from(value.steps());
        self.n += 1;
        self.sum += steps;
        self.sum_squares += steps * steps;
    }

    /// Merges two sums; `None` beyond [`MAX_COUNT`].
    #[must_use]
    pub fn merged(self, other: Self) -> Option<Self> {
        let merged = Self {
            n: self.n.checked_add(other.n)?,
            sum: self.sum.checked_add(other.sum)?,
            sum_squares: self.sum_squares.checked_add(other.sum_squares)?,
        };
        merged.is_possible().then_some(merged)
    }

    /// True if values within the limits could have these sums: the check that stored sums pass
    /// before they are used.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let (n, limit) = (i128::from(self.n), i128::from(Fixed::LIMIT_STEPS));
        self.n <= MAX_COUNT
            && self.sum.unsigned_abs() <= (n * limit).unsigned_abs()
            && (0..=n * limit * limit).contains(&self.sum_squares)
    }

    /// Returns the arithmetic mean in canonical units.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| mean_units(self.sum, self.n))
    }

    /// Returns the sample standard deviation (ddof 1) in canonical units; `None` below two
    /// values.
    ///
    /// The sum of squared deviations from the whole-step pivot nearest below the mean is an exact
    /// integer, so nothing cancels.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        if self.n < 2 {
            return None;
        }
        let n = i128::from(self.n);
        let pivot = self.sum.div_euclid(n);
        let rest = self.sum.rem_euclid(n);
        // Σ(x−p)² = Σx² − pΣx − p(Σx − np): every term fits while n ≤ MAX_COUNT.
        let squares = self.sum_squares - pivot * self.sum - pivot * rest;
        // Corrects for the pivot being below the mean; rounding may make the result negative.
        let exact = squares as f64 - (rest as f64) * (rest as f64) / n as f64;
        let variance = exact.max(0.0) / (n - 1) as f64;
        Some(variance.sqrt() / STEPS_PER_UNIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums(values: &[f64]) -> Sums {
        let mut sums = Sums::default();
        for value in values {
            sums.add(Fixed::from_units(*value).expect("within the limit"));
        }
        sums
    }

    /// The textbook two passes in `f64`, with compensated sums.
    fn two_pass(values: &[f64]) -> (f64, f64) {
        let kahan = |terms: &mut dyn Iterator<Item = f64>| {
            let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
            for term in terms {
                let next = sum + (term - lost);
                lost = (next - sum) - (term - lost);
                sum = next;
            }
            sum
        };
        let n = values.len() as f64;
        let mean = kahan(&mut values.iter().copied()) / n;
        let squares = kahan(&mut values.iter().map(|x| (x - mean) * (x - mean)));
        (mean, (squares / (n - 1.0)).sqrt())
    }

    fn close(left: f64, right: f64, relative: f64) -> bool {
        (left - right).abs() <= relative * right.abs().max(1e-300)
    }

    #[test]
    fn small_cases() {
        assert_eq!(sums(&[]).mean(), None);
        assert_eq!(sums(&[5.0]).mean(), Some(5.0));
        assert_eq!(sums(&[5.0]).sd(), None);
        assert_eq!(sums(&[24.39; 7]).sd(), Some(0.0));
        assert_eq!(sums(&[24.39; 7]).mean(), Some(24.39));
        assert_eq!(sums(&[1.0, 2.0, 3.0]).sd(), Some(1.0));
        assert_eq!(sums(&[-2.0, 0.0, 2.0]).sd(), Some(2.0));
    }

    #[test]
    fn a_narrow_series_keeps_nine_digits() {
        // Temperatures from two-decimal Fahrenheit, SD about 0.03 °C: the case
        // that fixed the resolution at 1e-11.
        let values: Vec<f64> =
            (0..97).map(|i| (98.0 + f64::from(i * 37 % 19) * 0.01 - 32.0) / 1.8).collect();
        let (mean, sd) = two_pass(&values);
        let sums = sums(&values);
        assert!(close(sums.mean().expect("values"), mean, 1e-14));
        assert!(close(sums.sd().expect("values"), sd, 1e-10));
    }

    #[test]
    fn the_largest_sums_fit_and_one_more_does_not() {
        let limit = i128::from(Fixed::LIMIT_STEPS);
        let n = i128::from(MAX_COUNT);
        let full = Sums { n: MAX_COUNT, sum: n * limit, sum_squares: n * limit * limit };
        assert!(full.is_possible());
        assert_eq!(full.sd(), Some(0.0));
        let one = Sums { n: 1, sum: limit, sum_squares: limit * limit };
        assert_eq!(full.merged(one), None);
        assert!(!Sums { n: 1, sum: limit + 1, sum_squares: 0 }.is_possible());
        assert!(!Sums { n: 1, sum: 0, sum_squares: -1 }.is_possible());
    }

    proptest! {
        #[test]
        fn equals_the_two_pass_calculation(
            values in proptest::collection::vec((2000_i32..68000).prop_map(|c| f64::from(c) / 100.0), 2..200)
        ) {
            let (mean, sd) = two_pass(&values);
            let sums = sums(&values);
            prop_assert!(close(sums.mean().expect("values"), mean, 1e-13));
            prop_assert!((sums.sd().expect("values") - sd).abs() <= 1e-9 * sd + 1e-12);
        }

        #[test]
        fn merging_is_the_same_as_adding(
            left in proptest::collection::vec(-999.0_f64..999.0, 0..50),
            right in proptest::collection::vec(-999.0_f64..999.0, 0..50),
        ) {
            let all: Vec<f64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(sums(&left).merged(sums(&right)), Some(sums(&all)));
        }
    }
}
