//! The settings of `vitals/1`: format, plausible ranges, a site's codes and names of units of
//! measurement.
//!
//! Used by the analysis and by the coordinator, which checks them before it submits a run.
//! Nothing here computes.

use std::collections::BTreeMap;

use sce_core::study::{AnalysisSettings, StudySettingsError};
use serde::{Deserialize, Serialize};

use crate::rules::codes::CodeMap;
use crate::rules::conversion::{UnitMap, unit_is_known};
use crate::rules::fixed::UNIT_LIMIT;
use crate::rules::range::{PlausibleRanges, RangeProfile};
use crate::rules::vital::Vital;

/// The name of the analysis in the settings of a study.
pub const NAME: &str = "vitals/1";

/// The section `[study]` of a settings file, with every default explained.
pub const TEMPLATE: &str = include_str!("study.toml");

/// The most codes and unit names that settings may add: they are stored with every run.
const ADDED_MAX: usize = 1000;
/// The longest code or unit name, in bytes.
const TEXT_MAX: usize = 200;

/// The settings under `[study]` of a study whose analysis is [`NAME`].
///
/// ```
/// use sce_vitals::settings::{Format, VitalsSettings};
///
/// let settings = serde_json::json!({ "format": "wide", "range": { "weight": [2, 300] } });
/// let settings = VitalsSettings::parse(settings.as_object().unwrap())?;
/// assert_eq!(settings.format, Format::Wide);
/// # Ok::<(), sce_core::study::StudySettingsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VitalsSettings {
    /// Format of the opened objects.
    pub format: Format,
    /// The profile of plausible ranges.
    pub ranges: RangeProfile,
    /// Inclusive plausible ranges that differ from the profile's, in the
    /// canonical unit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub range: BTreeMap<Vital, [f64; 2]>,
    /// A site's own codes per vital: `code`, `system|code`, or an OMOP concept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<Vital, Vec<String>>,
    /// A site's own names of units of measurement, and the UCUM unit that each means.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
}

/// Bounds are finite (see [`VitalsSettings::check`]), so equality is total.
impl Eq for VitalsSettings {}

/// Format of the opened objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Detected from each object's content.
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

    /// Returns the name in settings, flags and outputs.
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

/// A format name that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such format: write detect, wide, omop, fhir or synthea")]
pub struct UnknownFormat;

impl VitalsSettings {
    /// Reads and checks settings.
    ///
    /// # Errors
    /// The first invalid setting, by its path under `[study]`.
    pub fn parse(settings: &AnalysisSettings) -> Result<Self, StudySettingsError> {
        for (name, value) in settings {
            // One by one, so that an error names the setting.
            let one = AnalysisSettings::from_iter([(name.clone(), value.clone())]);
            serde_json::from_value::<Self>(one.into()).map_err(|e| {
                let known = KNOWN.contains(&name.as_str());
                let problem = e.to_string();
                match known {
                    true => StudySettingsError::Setting { setting: name.clone(), problem },
                    false => StudySettingsError::Form(problem),
                }
            })?;
        }
        let parsed: Self = serde_json::from_value(settings.clone().into())
            .map_err(|e| StudySettingsError::Form(e.to_string()))?;
        parsed.check()?;
        Ok(parsed)
    }

    /// Returns the settings with every default written out. Settings of the same meaning have the
    /// same text, so that they identify the same run.
    ///
    /// # Errors
    /// As [`VitalsSettings::parse`].
    pub fn canonical(settings: &AnalysisSettings) -> Result<AnalysisSettings, StudySettingsError> {
        let form = |e: serde_json::Error| StudySettingsError::Form(e.to_string());
        // Through the struct, which adds the defaults.
        match serde_json::to_value(Self::parse(settings)?).map_err(form)? {
            serde_json::Value::Object(canonical) => Ok(canonical),
            _ => Err(StudySettingsError::Form("must be a table of settings".to_owned())),
        }
    }

    fn check(&self) -> Result<(), StudySettingsError> {
        let wrong = |setting: String, problem: String| {
            Err(StudySettingsError::Setting { setting, problem })
        };
        for (vital, [low, high]) in &self.range {
            let ascend = *low >= 0.0 && low < high && *high <= UNIT_LIMIT;
            if !ascend {
                let bounds =
                    format!("the bounds must ascend, from 0 at least to {UNIT_LIMIT} at most");
                return wrong(format!("range.{}", vital.name()), bounds);
            }
        }
        let mut codes: Vec<&String> = self.codes.values().flatten().collect();
        // An empty code would match rows without a code.
        let fits = |text: &String| (1..=TEXT_MAX).contains(&text.len());
        if codes.len() + self.units.len() > ADDED_MAX
            || !codes.iter().copied().chain(self.units.keys()).all(fits)
        {
            return Err(StudySettingsError::Form(format!(
                "at most {ADDED_MAX} codes and units, each of 1 to {TEXT_MAX} bytes"
            )));
        }
        // Sorted, so that a repeated code is next to itself.
        codes.sort();
        if let Some(pair) = codes.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong(
                "codes".to_owned(),
                format!("{} names two vitals: write it once", pair[0]),
            );
        }
        match self.units.iter().find(|(_, means)| !unit_is_known(means)) {
            Some((name, _)) => wrong(
                format!("units.{name}"),
                "no vital has this unit: write one as in the documentation, such as \"/min\""
                    .to_owned(),
            ),
            None => Ok(()),
        }
    }

    /// Returns the plausible ranges.
    #[must_use]
    pub fn plausible_ranges(&self) -> PlausibleRanges {
        let mut ranges = PlausibleRanges::of(self.ranges);
        for (vital, [low, high]) in &self.range {
            ranges.adjust(*vital, *low, *high);
        }
        ranges
    }

    /// Returns the codes that are read as vitals.
    #[must_use]
    pub fn code_map(&self) -> CodeMap {
        let mut map = CodeMap::default();
        for (vital, codes) in &self.codes {
            codes.iter().for_each(|code| map.add(code, *vital));
        }
        map
    }

    /// Returns the names of units of measurement that are read.
    #[must_use]
    pub fn unit_map(&self) -> UnitMap {
        UnitMap::new(self.units.clone())
    }
}

/// The names of all settings.
const KNOWN: [&str; 5] = ["format", "ranges", "range", "codes", "units"];

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: serde_json::Value) -> String {
        let serde_json::Value::Object(settings) = settings else { panic!("a table") };
        VitalsSettings::parse(&settings).map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn invalid_settings_are_refused_by_name() {
        use serde_json::json;
        assert_eq!(refusal(json!({})), "");
        for bad in [[5.0, 5.0], [9.0, 5.0], [-1.0, 5.0], [1.0, 1001.0]] {
            let refused = refusal(json!({ "range": { "weight": bad } }));
            assert!(refused.starts_with("study.range.weight: the bounds must ascend"), "{refused}");
        }
        let many: Vec<String> = (0..=ADDED_MAX).map(|i| i.to_string()).collect();
        for (settings, expected) in [
            (json!({ "format": 7 }), "study.format: "),
            (json!({ "format": "csv" }), "study.format: unknown variant `csv`"),
            (json!({ "formt": "wide" }), "study: unknown field `formt`"),
            (json!({ "range": { "weight": [1.0, null] } }), "study.range: "),
            (json!({ "units": { "bpm": "beats" } }), "study.units.bpm: no vital has this unit"),
            (json!({ "codes": { "weight": ["W", "X"], "height": ["W"] } }), "study.codes: W names"),
            (json!({ "codes": { "weight": many } }), "study: at most 1000 codes"),
            (json!({ "codes": { "weight": [""] } }), "study: at most 1000 codes"),
        ] {
            let refused = refusal(settings);
            assert!(refused.starts_with(expected), "{refused}");
        }
    }

    #[test]
    fn known_settings_are_those_of_the_struct() {
        let all = VitalsSettings {
            range: BTreeMap::from([(Vital::Weight, [1.0, 2.0])]),
            codes: BTreeMap::from([(Vital::Weight, Vec::new())]),
            units: BTreeMap::from([(String::new(), String::new())]),
            ..VitalsSettings::default()
        };
        let written = serde_json::to_value(all).expect("settings");
        let mut names: Vec<&String> = written.as_object().expect("a table").keys().collect();
        let mut known = KNOWN;
        known.sort_unstable();
        names.sort();
        assert_eq!(names, known);
    }

    #[test]
    fn settings_of_the_same_meaning_have_one_text() {
        let one = serde_json::json!({ "format": "detect" });
        let canonical = |value: &serde_json::Value| {
            VitalsSettings::canonical(value.as_object().expect("a table"))
        };
        assert_eq!(canonical(&one), canonical(&serde_json::json!({})));
        let written = serde_json::to_string(&canonical(&one).expect("settings")).expect("JSON");
        assert_eq!(written, r#"{"format":"detect","ranges":"default"}"#);
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
