//! Maps codes to vitals: LOINC codes, OMOP concept ids, and a site's own codes.
//!
//! Used by the decoders of coded formats. A code that is not in the map must never be read as a
//! vital: a code counts as LOINC only if its format or its coding system says so.

use rustc_hash::FxHashMap;

use crate::rules::vital::Vital;

/// LOINC codes of the vitals.
const LOINC: [(&str, Vital); 12] = [
    ("8480-6", Vital::SystolicBp),
    ("8462-4", Vital::DiastolicBp),
    ("8867-4", Vital::HeartRate),
    ("9279-1", Vital::RespiratoryRate),
    ("59408-5", Vital::Spo2),
    ("2708-6", Vital::Spo2),
    ("8310-5", Vital::Temperature),
    ("8331-1", Vital::Temperature),
    ("29463-7", Vital::Weight),
    ("3141-9", Vital::Weight),
    ("8302-2", Vital::Height),
    ("39156-5", Vital::Bmi),
];

/// The names of LOINC as a coding system (HL7 terminology).
const LOINC_SYSTEMS: [&str; 2] = ["http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"];

/// Standard concepts of the vitals in the OMOP vocabulary.
const OMOP: [(i64, Vital); 12] = [
    (3_004_249, Vital::SystolicBp),
    (3_012_888, Vital::DiastolicBp),
    (3_027_018, Vital::HeartRate),
    (3_024_171, Vital::RespiratoryRate),
    (40_762_499, Vital::Spo2),
    (3_016_502, Vital::Spo2),
    (3_020_891, Vital::Temperature),
    (3_006_322, Vital::Temperature),
    (3_025_315, Vital::Weight),
    (3_013_762, Vital::Weight),
    (3_036_277, Vital::Height),
    (3_038_553, Vital::Bmi),
];

/// The codes that are read, and the vital of each.
///
/// ```
/// use sce_vitals::rules::codes::CodeMap;
/// use sce_vitals::rules::vital::Vital;
///
/// let mut codes = CodeMap::default();
/// assert_eq!(codes.by_loinc("8867-4"), Some(Vital::HeartRate));
/// assert_eq!(codes.by_loinc("PULSE"), None);
/// codes.add("PULSE", Vital::HeartRate);
/// assert_eq!(codes.by_loinc("PULSE"), Some(Vital::HeartRate));
/// ```
#[derive(Debug, Clone)]
pub struct CodeMap {
    loinc: FxHashMap<Box<str>, Vital>,
    omop: FxHashMap<i64, Vital>,
    /// A site's own codes, with or without their coding system (`system|code`).
    local: FxHashMap<Box<str>, Vital>,
}

impl Default for CodeMap {
    fn default() -> Self {
        Self {
            loinc: LOINC.into_iter().map(|(code, vital)| (code.into(), vital)).collect(),
            omop: OMOP.into_iter().collect(),
            local: FxHashMap::default(),
        }
    }
}

impl CodeMap {
    /// Adds a site's own code, `code` (of any system) or `system|code`; a whole number is also an
    /// OMOP concept.
    pub fn add(&mut self, code: &str, vital: Vital) {
        self.local.insert(code.into(), vital);
        if let Ok(concept) = code.parse() {
            self.omop.insert(concept, vital);
        }
    }

    /// Returns the vital of a LOINC code, or of a site's own code.
    #[must_use]
    pub fn by_loinc(&self, code: &str) -> Option<Vital> {
        self.loinc.get(code).copied().or_else(|| self.by_local(code))
    }

    /// Returns the vital of a code of some coding system.
    #[must_use]
    pub fn by_coding(&self, system: &str, code: &str) -> Option<Vital> {
        if LOINC_SYSTEMS.contains(&system) {
            return self.by_loinc(code);
        }
        // Most sites add no codes: spare them the text below.
        if self.local.is_empty() {
            return None;
        }
        // A code with its system is more specific than the code alone.
        self.by_local(&format!("{system}|{code}")).or_else(|| self.by_local(code))
    }

    /// Returns the vital of a site's own code.
    #[must_use]
    pub fn by_local(&self, code: &str) -> Option<Vital> {
        self.local.get(code).copied()
    }

    /// Returns the vital of an OMOP concept.
    #[must_use]
    pub fn by_concept(&self, concept: i64) -> Option<Vital> {
        self.omop.get(&concept).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_code_means_its_vital_and_no_other_does() {
        let map = CodeMap::default();
        for vital in Vital::ALL {
            assert!(LOINC.iter().any(|(_, of)| *of == vital), "{}", vital.name());
            assert!(OMOP.iter().any(|(_, of)| *of == vital), "{}", vital.name());
        }
        assert_eq!(map.by_loinc("8462-4"), Some(Vital::DiastolicBp));
        assert_eq!(map.by_concept(40_762_499), Some(Vital::Spo2));
        // Mean pressure, a panel, look-alikes, nothing.
        for code in ["8478-0", "85354-9", "8480-6 ", "08480-6", "8480-6-LOCAL", ""] {
            assert_eq!(map.by_loinc(code), None, "{code}");
        }
        assert_eq!(map.by_local("8462-4"), None);
        // A local code is not a LOINC code, even if it looks like one.
        assert_eq!(map.by_coding("http://loinc.org", "8462-4"), Some(Vital::DiastolicBp));
        for system in ["", "http://site.example", "loinc"] {
            assert_eq!(map.by_coding(system, "8462-4"), None);
        }
        assert_eq!(map.by_concept(0), None);
    }

    #[test]
    fn a_site_adds_its_own_codes() {
        let mut map = CodeMap::default();
        map.add("HR-LOCAL", Vital::HeartRate);
        map.add("2000000001", Vital::Weight);
        map.add("http://site.example|9279-1", Vital::RespiratoryRate);
        assert_eq!(map.by_coding("http://site.example", "HR-LOCAL"), Some(Vital::HeartRate));
        assert_eq!(map.by_coding("http://site.example", "9279-1"), Some(Vital::RespiratoryRate));
        assert_eq!(map.by_coding("http://other.example", "9279-1"), None);
        map.add("9279-1", Vital::Bmi);
        assert_eq!(map.by_coding("http://site.example", "9279-1"), Some(Vital::RespiratoryRate));
        assert_eq!(map.by_coding("http://other.example", "9279-1"), Some(Vital::Bmi));
        assert_eq!(map.by_local("HR-LOCAL"), Some(Vital::HeartRate));
        assert_eq!(map.by_loinc("HR-LOCAL"), Some(Vital::HeartRate));
        assert_eq!(map.by_concept(2_000_000_001), Some(Vital::Weight));
    }
}
