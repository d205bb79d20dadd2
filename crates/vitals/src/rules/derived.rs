//! Measures derived from several vitals of one moment, or from a threshold.
//!
//! Used by [`crate::rules::statistics::ObjectStatistics`] per patient. Computed from fixed-point
//! values and rounded once to a step, so that sums stay exact.

use crate::rules::fixed::Fixed;
use crate::rules::moments::Sums;
use crate::rules::vital::Vital;

/// A derived measure; the order is that of every output, and the discriminants are stored in
/// partials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Derived {
    /// (systolic + 2 · diastolic) / 3.
    MeanArterialPressure = 0,
    /// Systolic minus diastolic.
    PulsePressure = 1,
    /// Heart rate divided by systolic pressure; flagged above 0.9.
    ShockIndex = 2,
    /// The temperature itself; flagged as fever from 38.0 Cel.
    Fever = 3,
}

impl Derived {
    /// The number of measures.
    pub const COUNT: usize = 4;
    /// Every measure.
    pub const ALL: [Self; Self::COUNT] =
        [Self::MeanArterialPressure, Self::PulsePressure, Self::ShockIndex, Self::Fever];

    /// Returns the number that partials store.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the measure of a stored number, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Returns the name used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeanArterialPressure => "mean_arterial_pressure",
            Self::PulsePressure => "pulse_pressure",
            Self::ShockIndex => "shock_index",
            Self::Fever => "temperature",
        }
    }

    /// Returns the unit of measurement used in every table.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::MeanArterialPressure | Self::PulsePressure => Vital::SystolicBp.unit(),
            Self::ShockIndex => "/min/mm[Hg]",
            Self::Fever => Vital::Temperature.unit(),
        }
    }

    /// Returns the flagged condition; empty if there is none.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::MeanArterialPressure | Self::PulsePressure => "",
            Self::ShockIndex => "> 0.9",
            Self::Fever => "fever: >= 38.0",
        }
    }

    /// Returns its value at a moment, in steps, and whether it is flagged.
    #[inline]
    fn of(self, values: &[Option<Fixed>; Vital::COUNT]) -> Option<(i64, bool)> {
        let steps = |vital: Vital| values[vital.index()].map(Fixed::steps);
        let (systolic, diastolic) = (steps(Vital::SystolicBp), steps(Vital::DiastolicBp));
        match self {
            Self::MeanArterialPressure => {
                let thrice = systolic? + 2 * diastolic?;
                // A third, rounded half up: `(2x + 3) / 6` is `x / 3 + 1 / 2`.
                Some(((2 * thrice + 3).div_euclid(6), false))
            }
            Self::PulsePressure => Some((systolic? - diastolic?, false)),
            Self::ShockIndex => {
                let (pulse, systolic) = (steps(Vital::HeartRate)?, systolic?);
                // Compared as integers: 0.9 is not exact in `f64`.
                Some((ratio(pulse, systolic)?, 10 * pulse > 9 * systolic))
            }
            Self::Fever => {
                let temperature = steps(Vital::Temperature)?;
                Some((temperature, temperature >= FEVER_STEPS))
            }
        }
    }
}

/// 38.0 Cel.
const FEVER_STEPS: i64 = 38 * STEPS;
/// Steps per canonical unit, as an integer.
const STEPS: i64 = 100_000_000_000;

/// Returns `a / b`, rounded to a step; `None` beyond the largest value. Division of
/// floating-point numbers gives the same result on every machine, and is fast.
// The cast is exact: below 2^53.
fn ratio(a: i64, b: i64) -> Option<i64> {
    Fixed::from_units(a as f64 / b as f64).map(Fixed::steps)
}

/// The sums of a derived measure of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedSums {
    /// Count, sum and sum of squares.
    pub sums: Sums,
    /// Smallest and largest value in steps; meaningless without values.
    pub extremes: (i64, i64),
    /// The number of flagged moments.
    pub flagged: u64,
}

impl Default for DerivedSums {
    fn default() -> Self {
        Self { sums: Sums::default(), extremes: (i64::MAX, i64::MIN), flagged: 0 }
    }
}

impl DerivedSums {
    /// True if values within the limits could have these sums.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let (least, most) = self.extremes;
        let limits = -Fixed::LIMIT_STEPS..=Fixed::LIMIT_STEPS;
        self.sums.n > 0
            && self.sums.is_possible()
            && self.flagged <= self.sums.n
            && least <= most
            && limits.contains(&least)
            && limits.contains(&most)
    }

    /// Adds the values of one moment to each measure that they determine.
    #[inline]
    pub(super) fn add_all(
        all: &mut [Self; Derived::COUNT],
        values: &[Option<Fixed>; Vital::COUNT],
    ) {
        for (measure, into) in Derived::ALL.into_iter().zip(all) {
            if let Some((steps, is_flagged)) = measure.of(values) {
                into.sums.add(Fixed::from_steps(steps));
                into.extremes = (into.extremes.0.min(steps), into.extremes.1.max(steps));
                into.flagged += u64::from(is_flagged);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(measure: Derived, values: &[(Vital, f64)]) -> Option<(f64, bool)> {
        let mut all = [None; Vital::COUNT];
        for (vital, value) in values {
            all[vital.index()] = Fixed::from_units(*value);
        }
        measure.of(&all).map(|(steps, flagged)| (steps as f64 / STEPS as f64, flagged))
    }

    #[test]
    fn pressures_and_index_by_their_formulas() {
        let pressures = [(Vital::SystolicBp, 121.0), (Vital::DiastolicBp, 80.0)];
        let mean = of(Derived::MeanArterialPressure, &pressures);
        assert_eq!(mean, Some((93.666_666_666_67, false)));
        assert_eq!(of(Derived::PulsePressure, &pressures), Some((41.0, false)));
        assert_eq!(of(Derived::ShockIndex, &pressures), None);
        assert_eq!(of(Derived::PulsePressure, &pressures[..1]), None);
        for (pulse, systolic, index, flagged) in [
            (90.0, 100.0, 0.9, false),
            (90.01, 100.0, 0.9001, true),
            (63.0, 70.0, 0.9, false),
            (10.0, 300.0, 0.033_333_333_33, false),
        ] {
            let both = [(Vital::HeartRate, pulse), (Vital::SystolicBp, systolic)];
            assert_eq!(of(Derived::ShockIndex, &both), Some((index, flagged)));
        }
        let none = [(Vital::HeartRate, 60.0), (Vital::SystolicBp, 1e-9)];
        assert_eq!(of(Derived::ShockIndex, &none), None);
    }

    #[test]
    fn fever_begins_at_38() {
        let fever = |value| of(Derived::Fever, &[(Vital::Temperature, value)]).map(|(_, f)| f);
        assert_eq!((fever(37.99), fever(38.0), fever(41.0)), (Some(false), Some(true), Some(true)));
        assert_eq!(fever((100.4 - 32.0) / 1.8), Some(true));
        assert_eq!(fever((100.39 - 32.0) / 1.8), Some(false));
    }
}
