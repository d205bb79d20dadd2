//! What a decoder read of one patient at one moment.
//!
//! Used between format decoders and [`crate::rules::accumulator::ObjectAccumulator`]. Packed into
//! one number per vital, because millions of them wait in memory.

use crate::rules::vital::Vital;

/// One cell of the input, as the decoder read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Nothing there (empty, `NA`, `NaN`).
    Missing,
    /// Something there that is not a number.
    Unparsable,
    /// A number in a unit that is not known for this vital.
    UnknownUnit,
    /// A number in the vital's canonical unit.
    Value(f64),
}

/// No value is infinite and none is NaN, so these are free to mean the rest.
const MISSING: f64 = f64::NEG_INFINITY;
const UNPARSABLE: f64 = f64::INFINITY;
const NOT_THERE: f64 = f64::NAN;
/// Another NaN than [`NOT_THERE`].
const UNKNOWN_UNIT: f64 = f64::from_bits(f64::NAN.to_bits() | 1);

/// The readings of one moment; a vital that was not set was not observed.
#[derive(Debug, Clone, Copy)]
pub struct Readings([f64; Vital::COUNT]);

impl Default for Readings {
    fn default() -> Self {
        Self([NOT_THERE; Vital::COUNT])
    }
}

impl Readings {
    /// Notes what was read of one vital. A value that is not finite counts as
    /// unparsable.
    #[inline]
    pub const fn set(&mut self, vital: Vital, reading: Reading) {
        self.0[vital.index()] = match reading {
            Reading::Value(units) if units.is_finite() => units,
            Reading::Missing => MISSING,
            Reading::Value(_) | Reading::Unparsable => UNPARSABLE,
            Reading::UnknownUnit => UNKNOWN_UNIT,
        };
    }

    /// The readings as they are kept.
    pub(super) const fn packed(&self) -> &[f64; Vital::COUNT] {
        &self.0
    }

    /// The inverse of [`Readings::packed`].
    pub(super) const fn from_packed(packed: [f64; Vital::COUNT]) -> Self {
        Self(packed)
    }

    /// What was read of one vital, if it was observed at all.
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
    fn what_is_set_comes_back() {
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
