//! `summary.json`: the run in numbers, for programs.
//!
//! Used by delivery. Fields are only ever added; a change of meaning needs a
//! new schema version.

use crate::results::cohort::{CohortRow, Results};
use crate::results::inputs::RunInput;
use crate::rules::news2::{BandCounts, Course};
use crate::rules::quality::LeftOut;
use crate::rules::quality::QualityCounts;
use crate::rules::range::PlausibleRanges;
use sce_core::calendar;
use sce_study::AnalysisError;
use serde::ser::{Serialize, SerializeMap, Serializer};

const SCHEMA_VERSION: u32 = 1;

/// Returns what a reader of the NEWS2 counts must know.
pub fn news2_note(results: &Results) -> String {
    let [age_unknown, under_16] = results.counts.ages;
    let ages = if results.people.is_empty() {
        "not for under 16s or in pregnancy; age unknown".to_owned()
    } else {
        format!(
            "{under_16} sets of under 16s not scored, {age_unknown} scored at an unknown age (the \
             birth of {} of {} patients is known); not for use in pregnancy",
            results.counts.births_known, results.counts.patients
        )
    };
    format!(
        "news2_partial: NEWS2 of complete sets of five vitals, breathing air and alert assumed; {ages}"
    )
}

/// What a reader of the quartiles must know.
pub const RESOLUTION_NOTE: &str = "quartiles are read off bins of 0.01 of the unit: within 0.005";

#[derive(serde::Serialize)]
struct Summary<'a> {
    schema_version: u32,
    run: &'a str,
    range_profile: String,
    /// Hex SHA-256 of each table of people.
    people: &'a [String],
    births_known: u64,
    patients: u64,
    inputs: Vec<Input<'a>>,
    vitals: Named<CohortSummary>,
    news2: Named<u64>,
    quality: Named<Option<u64>>,
    notes: [String; 2],
}

#[derive(serde::Serialize)]
struct Input<'a> {
    object: &'a str,
    digest: Option<&'a str>,
    format: Option<&'a str>,
    rows: Option<u64>,
    left_out: Option<Named<u64>>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct CohortSummary {
    unit: &'static str,
    plausible: String,
    patients: u64,
    n: u64,
    missing: u64,
    implausible: u64,
    mean: Option<f64>,
    sd: Option<f64>,
    min: Option<f64>,
    q1: Option<f64>,
    median: Option<f64>,
    q3: Option<f64>,
    max: Option<f64>,
    first_time: Option<String>,
    first_value: Option<f64>,
    last_time: Option<String>,
    last_value: Option<f64>,
}

/// An object whose fields keep their order.
struct Named<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A map of the standard library would not keep the order.
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> From<&'a RunInput> for Input<'a> {
    fn from(row: &'a RunInput) -> Self {
        let content = row.content.as_ref();
        Self {
            object: &row.object,
            digest: content.map(|content| content.digest.as_str()),
            format: content.map(|content| content.format.as_str()),
            rows: content.map(|content| content.rows),
            left_out: content.map(|content| {
                Named(LeftOut::ALL.map(LeftOut::name).into_iter().zip(content.left_out).collect())
            }),
            outcome: row.outcome.name(),
            reason: row.reason.as_deref(),
        }
    }
}

impl CohortSummary {
    fn of(row: &CohortRow, ranges: &PlausibleRanges) -> Self {
        let m = &row.measures;
        let [q1, median, q3] = m.quartiles;
        Self {
            unit: row.vital.unit(),
            plausible: ranges.range(row.vital).to_string(),
            patients: row.patients,
            n: m.n,
            missing: m.missing,
            implausible: m.implausible,
            mean: m.mean,
            sd: m.sd,
            min: m.min,
            q1,
            median,
            q3,
            max: m.max,
            first_time: m.first.map(|(time, _)| calendar::format(time)),
            first_value: m.first.map(|(_, value)| value),
            last_time: m.last.map(|(time, _)| calendar::format(time)),
            last_value: m.last.map(|(_, value)| value),
        }
    }
}

/// Returns the document.
pub fn json(results: &Results, ranges: &PlausibleRanges) -> Result<Vec<u8>, AnalysisError> {
    let vital = |row: &CohortRow| (row.vital.name(), CohortSummary::of(row, ranges));
    let vitals = results.cohort.iter().map(vital);
    let ages = Course::AGE_NAMES.into_iter().zip(results.counts.ages);
    let news2 = BandCounts::NAMES.into_iter().zip(results.counts.bands).chain(ages);
    // A check that was not made is null, not 0.
    let quality = QualityCounts::NAMES
        .into_iter()
        .zip(results.quality_totals())
        .map(|(check, count)| (check, results.is_checked(check).then_some(count)));
    let summary = Summary {
        schema_version: SCHEMA_VERSION,
        run: &results.run,
        range_profile: ranges.profile(),
        people: &results.people,
        births_known: results.counts.births_known,
        patients: results.counts.patients,
        inputs: results.inputs.iter().map(Input::from).collect(),
        vitals: Named(vitals.collect()),
        news2: Named(news2.collect()),
        quality: Named(quality.collect()),
        notes: [news2_note(results), RESOLUTION_NOTE.to_owned()],
    };
    let mut bytes = serde_json::to_vec_pretty(&summary)
        .map_err(|_| AnalysisError::Internal { step: "write summary", kind: "a JSON error" })?;
    bytes.push(b'\n');
    Ok(bytes)
}
