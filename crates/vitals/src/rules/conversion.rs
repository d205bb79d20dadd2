//! Converts numbers to the canonical units of measurement.
//!
//! Used by format decoders, which know the unit of a column or record. A unit without a
//! conversion must be refused by the decoder, never guessed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::rules::vital::Vital;

/// The arithmetic from some unit of measurement to the vital's canonical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The value is in the canonical unit already.
    None,
    /// Degrees Fahrenheit to Celsius: `(f - 32) / 1.8`.
    FahrenheitToCelsius,
    /// Avoirdupois pounds to kilograms: `lb * 0.45359237` (exact by the
    /// international agreement of 1959).
    PoundsToKilograms,
    /// International inches to centimeters: `in * 2.54` (same agreement).
    InchesToCentimetres,
}

impl Conversion {
    /// Converts a number, by plain `f64` arithmetic in the order written above, so that an
    /// independent calculation gets the same bits.
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

/// Returns the conversion from a unit by its UCUM code, or by a common alias; `None` if this
/// vital does not have the unit. In UCUM, text in braces is an annotation without meaning:
/// `{beats}/min` is `/min`.
#[must_use]
fn by_ucum(vital: Vital, unit: &str) -> Option<Conversion> {
    let plain = without_annotations(unit);
    let conversion = match (vital, plain.as_ref()) {
        (Vital::SystolicBp | Vital::DiastolicBp, "mm[Hg]" | "mmHg")
        | (Vital::HeartRate | Vital::RespiratoryRate, "/min")
        | (Vital::Spo2, "%")
        | (Vital::Temperature, "Cel")
        | (Vital::Weight, "kg")
        | (Vital::Height, "cm")
        | (Vital::Bmi, "kg/m2") => Conversion::None,
        (Vital::Temperature, "[degF]") => Conversion::FahrenheitToCelsius,
        (Vital::Weight, "[lb_av]" | "[lb_us]") => Conversion::PoundsToKilograms,
        (Vital::Height, "[in_i]" | "[in_us]") => Conversion::InchesToCentimetres,
        _ => return None,
    };
    Some(conversion)
}

/// True if some vital has the unit.
#[must_use]
pub fn unit_is_known(unit: &str) -> bool {
    Vital::ALL.into_iter().any(|vital| by_ucum(vital, unit).is_some())
}

/// Units of measurement by name: UCUM's, and a site's own.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use sce_vitals::rules::conversion::{Conversion, UnitMap};
/// use sce_vitals::rules::vital::Vital;
///
/// let units = UnitMap::new(BTreeMap::from([("bpm".to_owned(), "/min".to_owned())]));
/// assert_eq!(units.by_name(Vital::HeartRate, "bpm"), Some(Conversion::None));
/// assert_eq!(units.by_name(Vital::Weight, "bpm"), None);
/// let pounds = units.by_name(Vital::Weight, "[lb_av]").unwrap();
/// assert_eq!(pounds.apply(100.0), 45.359_237);
/// ```
#[derive(Debug, Clone, Default)]
pub struct UnitMap {
    local: BTreeMap<String, String>,
}

impl UnitMap {
    /// Creates a map with a site's own names, and the UCUM unit that each means.
    #[must_use]
    pub const fn new(local: BTreeMap<String, String>) -> Self {
        Self { local }
    }

    /// Returns the conversion from a unit by its name; `None` if this vital does not have the
    /// unit.
    #[must_use]
    pub fn by_name(&self, vital: Vital, unit: &str) -> Option<Conversion> {
        by_ucum(vital, self.local.get(unit).map_or(unit, String::as_str))
    }

    /// As [`UnitMap::by_name`], for the site's own names only.
    #[must_use]
    pub fn by_local(&self, vital: Vital, unit: &str) -> Option<Conversion> {
        by_ucum(vital, self.local.get(unit)?)
    }
}

fn without_annotations(unit: &str) -> Cow<'_, str> {
    // Most units have no annotation, and need no copy.
    if !unit.contains('{') {
        return Cow::Borrowed(unit);
    }
    let mut plain = String::with_capacity(unit.len());
    let mut rest = unit;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        // An unclosed brace is not an annotation, and no unit has one.
        let Some((_, after)) = after.split_once('}') else { return Cow::Borrowed(unit) };
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Returns the conversion from a unit by its concept in the OMOP vocabulary.
#[must_use]
pub fn by_unit_concept(vital: Vital, concept: i64) -> Option<Conversion> {
    let ucum = match concept {
        8876 => "mm[Hg]",
        8541 => "/min",
        // Counts per minute, which are beats per minute only for a pulse.
        8483 if vital == Vital::HeartRate => "/min",
        8554 => "%",
        586_323 => "Cel",
        9289 => "[degF]",
        9529 => "kg",
        8739 => "[lb_us]",
        8582 => "cm",
        9330 => "[in_us]",
        9531 => "kg/m2",
        _ => return None,
    };
    by_ucum(vital, ucum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_known_for_its_vital_only() {
        for vital in Vital::ALL {
            assert_eq!(by_ucum(vital, vital.unit()), Some(Conversion::None));
            for unknown in ["", "mm", "Fahrenheit", "MMHG", "{score}", "1"] {
                assert_eq!(by_ucum(vital, unknown), None, "{unknown}");
            }
        }
        for beats in ["{beats}/min", "/min{beats}", "{Beats}/min{total}"] {
            assert_eq!(by_ucum(Vital::HeartRate, beats), Some(Conversion::None));
        }
        assert_eq!(by_ucum(Vital::HeartRate, "{beats/min"), None);
        assert_eq!(by_ucum(Vital::Height, "[in_i]"), Some(Conversion::InchesToCentimetres));
        assert_eq!(by_ucum(Vital::Weight, "cm"), None);
        assert_eq!(by_unit_concept(Vital::HeartRate, 8483), Some(Conversion::None));
        assert_eq!(by_unit_concept(Vital::RespiratoryRate, 8483), None);
        assert_eq!(
            by_unit_concept(Vital::Temperature, 9289),
            Some(Conversion::FahrenheitToCelsius)
        );
        assert_eq!(by_unit_concept(Vital::Temperature, 0), None);
    }

    #[test]
    fn a_site_has_its_own_unit_names() {
        let units = UnitMap::new(BTreeMap::from([("bpm".to_owned(), "/min".to_owned())]));
        assert_eq!(units.by_name(Vital::HeartRate, "bpm"), Some(Conversion::None));
        assert_eq!(units.by_name(Vital::Weight, "bpm"), None);
        assert_eq!(units.by_name(Vital::Weight, "kg"), Some(Conversion::None));
        assert!(unit_is_known("[degF]") && !unit_is_known("bpm"));
    }

    #[test]
    fn known_conversions() {
        assert_eq!(Conversion::None.apply(97.3), 97.3);
        assert_eq!(Conversion::FahrenheitToCelsius.apply(212.0), 100.0);
        assert_eq!(Conversion::FahrenheitToCelsius.apply(98.6), (98.6 - 32.0) / 1.8);
        assert_eq!(Conversion::PoundsToKilograms.apply(100.0), 45.359_237);
        assert_eq!(Conversion::InchesToCentimetres.apply(10.0), 25.4);
    }
}
