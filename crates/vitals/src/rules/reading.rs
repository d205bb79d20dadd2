//! The readings of one patient at one moment.
//!
//! Passed from format decoders to [`crate::rules::accumulator::ObjectAccumulator`]. Packed into
//! one number per vital, because millions of them are in memory.

use crate::rules::vital::Vital;

/// One cell of the input, as the decoder read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Nothing (empty, `NA`, `NaN`).
    Missing,
    /// Something that is not a number.
    Unparsable,
    /// A number in a unit of measurement that is not known for this vital.
    UnknownUnit,
    /// A number in the vital's canonical unit.
    Value(f64),
}

/// Values are finite, so infinities and NaN encode the other readings.
const MISSING: f64 = f64::NEG_INFINITY;
const UNPARSABLE: f64 = f64::INFINITY;
const NOT_OBSERVED: f64 = f64::NAN;
/// A NaN with other bits than [`NOT_OBSERVED`].
const UNKNOWN_UNIT: f64 = f64::from_bits(f64::NAN.to_bits() | 1);

/// The readings of one moment; a vital that was not set was not observed.
#[derive(Debug, Clone, Copy)]
pub struct Readings([f64; Vital::COUNT]);

impl Default for Readings {
    fn default() -> Self {
        Self([NOT_OBSERVED; Vital::COUNT])
    }
}

impl Readings {
    /// Sets the reading of one vital. A value that is not finite counts as unparsable.
    #[inline]
    pub const fn set(&mut self, vital: Vital, reading: Reading) {
        self.0[vital.index()] = match reading {
            Reading::Value(units) if units.is_finite() => units,
            Reading::Missing => MISSING,
            Reading::Value(_) | Reading::Unparsable => UNPARSABLE,
            Reading::UnknownUnit => UNKNOWN_UNIT,
        };
    }

    /// Returns the readings as they are stored.
    pub(super) const fn packed(&self) -> &[f64; Vital::COUNT] {
        &self.0
    }

    /// Creates readings from [`Readings::packed`].
    pub(super) const fn from_packed(packed: [f64; Vital::COUNT]) -> Self {
        Self(packed)
    }

    /// Returns the reading of one vital; `None` if it was not observed.
    #[must_use]
    #[inline]
    pub fn get(&self, vital: Vital) -> Option<Reading> {
        let packed = self.0[vital.index()];
        if packed.is_finite() {
            Some(Reading::Value(packed))
        } else if packed == MISSING {
            Some(Reading::Missing)
        } else if packed == UNPARSABLE {
            Some(Reading::Unparsable)
        // NaN never equals itself, so its bits are compared.
        } else if packed.to_bits() == UNKNOWN_UNIT.to_bits() {
            Some(Reading::UnknownUnit)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_was_set_comes_back() {
        let mut readings = Readings::default();
        assert_eq!(readings.get(Vital::Bmi), None);
        for reading in [
            Reading::Missing,
            Reading::Unparsable,
            Reading::UnknownUnit,
            Reading::Value(0.0),
            Reading::Value(-7.5),
            Reading::Value(f64::MAX),
        ] {
            readings.set(Vital::Bmi, reading);
            assert_eq!(readings.get(Vital::Bmi), Some(reading));
        }
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            readings.set(Vital::Bmi, Reading::Value(wrong));
            assert_eq!(readings.get(Vital::Bmi), Some(Reading::Unparsable));
        }
        assert_eq!(readings.get(Vital::Weight), None);
    }
}
