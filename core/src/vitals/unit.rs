//! Conversions into the canonical units.
//!
//! Used by format decoders, which know the unit a column or record is in. A
//! unit without an entry here must be refused by the decoder, never guessed.

/// How a number in some unit becomes one in the vital's canonical unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The value is in the canonical unit already.
    None,
    /// Degrees Fahrenheit to Celsius: `(f - 32) / 1.8`.
    FahrenheitToCelsius,
    /// Avoirdupois pounds to kilograms: `lb * 0.45359237` (exact by the
    /// international agreement of 1959).
    PoundsToKilograms,
    /// International inches to centimetres: `in * 2.54` (same agreement).
    InchesToCentimetres,
}

impl Conversion {
    /// The converted number, by plain `f64` arithmetic in the order written
    /// above, so that an independent calculation gets the same bits.
    #[must_use]
    #[inline]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::FahrenheitToCelsius => (value - 32.0) / 1.8,
            Self::PoundsToKilograms => value * 0.453_592_37,
            Self::InchesToCentimetres => value * 2.54,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_conversions() {
        assert_eq!(Conversion::None.apply(97.3), 97.3);
        assert_eq!(Conversion::FahrenheitToCelsius.apply(212.0), 100.0);
        assert_eq!(Conversion::FahrenheitToCelsius.apply(98.6), (98.6 - 32.0) / 1.8);
        assert_eq!(Conversion::PoundsToKilograms.apply(100.0), 45.359_237);
        assert_eq!(Conversion::InchesToCentimetres.apply(10.0), 25.4);
    }
}
