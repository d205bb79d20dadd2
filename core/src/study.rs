//! What a run computes: format, plausible ranges, a site's codes and units.
//!
//! Used by `sce.toml`, by the run's row and by the agent. It is part of a
//! run's identity, so two runs with other settings are two runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;
use crate::vitals::{
    CodeMap, PlausibleRanges, RangeProfile, UNIT_LIMIT, UnitMap, Vital, unit_is_known,
};

/// Most codes and units that settings may add: they travel with every run.
const ADDED_MAX: usize = 1000;
/// Most tables of people.
const PEOPLE_TABLES_MAX: usize = 10;
/// Longest code or unit, in bytes.
const TEXT_MAX: usize = 200;

/// What a run computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudySettings {
    /// Name and version of the analysis.
    pub analysis: String,
    /// Format of the opened objects.
    pub format: Format,
    /// Which plausible ranges.
    pub ranges: RangeProfile,
    /// Inclusive plausible ranges that differ from the profile's, in the
    /// canonical unit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub range: BTreeMap<Vital, [f64; 2]>,
    /// A site's own codes per vital: `code`, `system|code`, or an OMOP concept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<Vital, Vec<String>>,
    /// A site's own names of units, and the UCUM unit that each means.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    /// The tables of people that a run was submitted with; not for a settings
    /// file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<ObjectRef>,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            analysis: ANALYSIS.to_owned(),
            format: Format::default(),
            ranges: RangeProfile::default(),
            range: BTreeMap::new(),
            codes: BTreeMap::new(),
            units: BTreeMap::new(),
            people: Vec::new(),
        }
    }
}

/// Bounds are finite (see [`StudySettings::check`]), so equality is total.
impl Eq for StudySettings {}

/// The one analysis there is.
const ANALYSIS: &str = "vitals/1";

/// Format of the opened objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Found out from each object's content.
    #[default]
    Detect,
    /// The pseudo-data's wide CSV: a row per visit, a column per vital.
    Wide,
    /// OMOP CDM MEASUREMENT, CSV or Parquet.
    Omop,
    /// FHIR R4 Observations, ndjson or Bundles.
    Fhir,
    /// Synthea's `observations.csv`.
    Synthea,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Detect, Self::Wide, Self::Omop, Self::Fhir, Self::Synthea];

    /// The name in settings, flags and outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Wide => "wide",
            Self::Omop => "omop",
            Self::Fhir => "fhir",
            Self::Synthea => "synthea",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

/// A name that no format has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such format: write detect, wide, omop, fhir or synthea")]
pub struct UnknownFormat;

/// Why study settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudySettingsError {
    /// Another analysis.
    #[error("study.analysis is not one that this version computes: write {ANALYSIS:?}")]
    Analysis,
    /// Bounds that are no range.
    #[error(
        "study.range.{}: the bounds must ascend, from 0 at least to {UNIT_LIMIT} at most",
        .0.name()
    )]
    Range(Vital),
    /// A unit that is none.
    #[error(
        "study.units.{0}: this is no unit of any vital: write one as in the documentation, such as \"/min\""
    )]
    Unit(String),
    /// The same code for two vitals.
    #[error("study.codes: {0} stands for two vitals: write it once")]
    CodeTwice(String),
    /// More tables of people than a run takes.
    #[error("study: at most {PEOPLE_TABLES_MAX} tables of people: join them")]
    People,
    /// More than travels with a run.
    #[error("study: at most {ADDED_MAX} codes and units, each of 1 to {TEXT_MAX} bytes")]
    TooMuch,
}

impl StudySettings {
    /// Refuses settings that cannot be meant.
    ///
    /// # Errors
    /// The first setting that is wrong, by its place in `sce.toml`.
    pub fn check(&self) -> Result<(), StudySettingsError> {
        if self.analysis != ANALYSIS {
            return Err(StudySettingsError::Analysis);
        }
        for (vital, [low, high]) in &self.range {
            let ascend = *low >= 0.0 && low < high && *high <= UNIT_LIMIT;
            if !ascend {
                return Err(StudySettingsError::Range(*vital));
            }
        }
        let mut codes: Vec<&String> = self.codes.values().flatten().collect();
        let fits = |text: &String| (1..=TEXT_MAX).contains(&text.len());
        if codes.len() + self.units.len() > ADDED_MAX
            || !codes.iter().copied().chain(self.units.keys()).all(fits)
        {
            return Err(StudySettingsError::TooMuch);
        }
        codes.sort();
        if let Some(pair) = codes.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(StudySettingsError::CodeTwice(pair[0].clone()));
        }
        if self.people.len() > PEOPLE_TABLES_MAX {
            return Err(StudySettingsError::People);
        }
        match self.units.iter().find(|(_, means)| !unit_is_known(means)) {
            Some((name, _)) => Err(StudySettingsError::Unit(name.clone())),
            None => Ok(()),
        }
    }

    /// The plausible ranges.
    #[must_use]
    pub fn plausible_ranges(&self) -> PlausibleRanges {
        let mut ranges = PlausibleRanges::of(self.ranges);
        for (vital, [low, high]) in &self.range {
            ranges.adjust(*vital, *low, *high);
        }
        ranges
    }

    /// The codes that are read.
    #[must_use]
    pub fn code_map(&self) -> CodeMap {
        let mut map = CodeMap::default();
        for (vital, codes) in &self.codes {
            codes.iter().for_each(|code| map.add(code, *vital));
        }
        map
    }

    /// The units that are read.
    #[must_use]
    pub fn unit_map(&self) -> UnitMap {
        UnitMap::new(self.units.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut StudySettings)) -> Result<(), StudySettingsError> {
        let mut settings = StudySettings::default();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        use StudySettingsError as E;
        assert_eq!(settings(|_| {}), Ok(()));
        assert_eq!(settings(|s| s.analysis = "vitals/9".into()), Err(E::Analysis));
        for bad in [[5.0, 5.0], [9.0, 5.0], [-1.0, 5.0], [1.0, 1001.0], [f64::NAN, 5.0]] {
            let refused = settings(|s| {
                s.range.insert(Vital::Weight, bad);
            });
            assert_eq!(refused, Err(E::Range(Vital::Weight)));
        }
        let units = |s: &mut StudySettings| drop(s.units.insert("bpm".into(), "beats".into()));
        assert_eq!(settings(units), Err(E::Unit("bpm".into())));
        let codes = |s: &mut StudySettings| {
            s.codes.insert(Vital::Weight, vec!["W".into(), "X".into()]);
            s.codes.insert(Vital::Height, vec!["W".into()]);
        };
        assert_eq!(settings(codes), Err(E::CodeTwice("W".into())));
        let many = |s: &mut StudySettings| {
            s.codes.insert(Vital::Weight, (0..=ADDED_MAX).map(|i| i.to_string()).collect());
        };
        assert_eq!(settings(many), Err(E::TooMuch));
        let empty =
            |s: &mut StudySettings| drop(s.codes.insert(Vital::Weight, vec![String::new()]));
        assert_eq!(settings(empty), Err(E::TooMuch));
    }

    #[test]
    fn a_row_written_before_there_were_ranges_and_codes_is_read() {
        let old = r#"{"analysis":"vitals/1","format":"wide"}"#;
        let read: StudySettings = serde_json::from_str(old).expect("an older row");
        assert_eq!(read, StudySettings { format: Format::Wide, ..StudySettings::default() });
    }

    #[test]
    fn format_names_are_what_settings_say() {
        for format in Format::ALL {
            let text = serde_json::to_string(&format).expect("a name");
            assert_eq!(text, format!("\"{}\"", format.name()));
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert_eq!("csv".parse::<Format>(), Err(UnknownFormat));
    }
}
