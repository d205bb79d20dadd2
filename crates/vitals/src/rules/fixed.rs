//! Fixed-point values, in which measurements are summed.
//!
//! Used by the accumulators. Sums of them are exact, hence independent of order and split;
//! floating point appears only when a result is written.

/// Steps per canonical unit. With 1e-8, the rounding of a narrow series (body temperature, SD
/// 0.05, about 100 values) already changes the SD by more than the promised 1e-9 relative; 1e-11
/// leaves three digits to spare.
pub(super) const STEPS_PER_UNIT: f64 = 1e11;

/// The largest magnitude, in canonical units, that may be summed. It bounds the squares so that
/// 128 bits hold 2^33 of them (see [`crate::rules::moments::MAX_COUNT`]).
pub const UNIT_LIMIT: f64 = 1000.0;

/// A value in steps of 1e-11 of its canonical unit.
///
/// ```
/// use sce_vitals::rules::fixed::Fixed;
///
/// let temperature = Fixed::from_units(36.05).unwrap();
/// assert_eq!(temperature.steps(), 3_605_000_000_000);
/// assert_eq!(temperature.units(), 36.05);
/// assert_eq!(temperature.round_half_up(10), 361);
/// assert_eq!(Fixed::from_units(1000.1), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed(i64);

impl Fixed {
    /// The largest magnitude in steps.
    pub const LIMIT_STEPS: i64 = 100_000_000_000_000;

    /// Rounds to the nearest step; `None` beyond [`UNIT_LIMIT`] or if not a number.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // bounded by the check above it
    pub fn from_units(units: f64) -> Option<Self> {
        // Half away from zero by hand: `f64::round` is a library call on the
        // baseline target, and this runs once per cell.
        (units.abs() <= UNIT_LIMIT)
            .then(|| Self((units * STEPS_PER_UNIT + 0.5_f64.copysign(units)) as i64))
    }

    /// Returns the value in steps.
    #[must_use]
    #[inline]
    pub const fn steps(self) -> i64 {
        self.0
    }

    /// Creates a value of so many steps, which must be within the limit.
    #[must_use]
    #[inline]
    pub(super) const fn from_steps(steps: i64) -> Self {
        Self(steps)
    }

    /// Returns the value in canonical units.
    #[must_use]
    #[inline]
    // The cast is exact: below 2^53.
    pub fn units(self) -> f64 {
        self.0 as f64 / STEPS_PER_UNIT
    }

    /// Returns the value rounded half up, as a multiple of `1 / per_unit` units.
    #[must_use]
    #[inline]
    pub const fn round_half_up(self, per_unit: i64) -> i64 {
        let size = 100_000_000_000 / per_unit;
        (self.0 + size / 2).div_euclid(size)
    }
}

/// Returns the mean, in canonical units, of `count` values whose sum is `sum` steps. A single
/// value or a constant series gives the `f64` nearest to its decimal; `count` must not be 0.
#[must_use]
pub fn mean_units(sum: i128, count: u64) -> f64 {
    // Quotient and remainder separately: a large sum does not fit into an `f64` exactly.
    let count = i128::from(count);
    let rest = sum.rem_euclid(count) as f64 / count as f64;
    (sum.div_euclid(count) as f64 + rest) / STEPS_PER_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_come_back_as_the_same_number() {
        for value in [0.0, 118.0, 24.39, 97.304_125_43, 0.198, 680.4, -12.5, 1000.0] {
            let fixed = Fixed::from_units(value).expect("within the limit");
            assert_eq!(mean_units(i128::from(fixed.steps()) * 7, 7), value);
        }
        assert_eq!(Fixed::from_units(1000.0).map(Fixed::steps), Some(Fixed::LIMIT_STEPS));
    }

    #[test]
    fn values_beyond_the_limit_are_refused() {
        for value in [1000.1, -1000.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Fixed::from_units(value), None);
        }
    }

    #[test]
    fn halves_round_up() {
        let fixed = |value| Fixed::from_units(value).expect("within the limit");
        assert_eq!(fixed(8.5).round_half_up(1), 9);
        assert_eq!(fixed(8.499_999_99).round_half_up(1), 8);
        assert_eq!(fixed(-8.5).round_half_up(1), -8);
        assert_eq!(fixed(36.05).round_half_up(10), 361);
        assert_eq!(fixed(36.049).round_half_up(10), 360);
        // 96.89 °F is 36.05 °C exactly, and slightly below it in binary.
        assert_eq!(fixed((96.89 - 32.0) / 1.8).round_half_up(10), 361);
    }
}
