//! `cohort.csv`, `quality.csv` and `objects.csv`.

use crate::outputs::csv_text::{csv_bytes, csv_failed};
use crate::results::cohort::{CohortRow, Results};
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::news2::{BandCounts, Course};
use crate::rules::quality::LeftOut;
use crate::rules::quality::QualityCounts;
use crate::rules::vital::Vital;
use sce_study::AnalysisError;

/// One line of the cohort table.
pub struct CohortLine {
    pub variable: String,
    pub statistic: &'static str,
    pub n: Option<u64>,
    pub missing: Option<u64>,
    pub value: String,
}

/// Formats a number as in a printed table: with two decimals at most.
pub fn rounded(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Formats a share in percent with one decimal; a dash if the whole is 0.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1}", part as f64 * 100.0 / whole as f64) }
}

/// Returns the rows of the cohort table, which the report shows as well.
pub fn cohort_lines(results: &Results) -> Vec<CohortLine> {
    let mut lines = vec![CohortLine {
        variable: "patients".to_owned(),
        statistic: "n",
        n: None,
        missing: None,
        value: results.counts.patients.to_string(),
    }];
    lines.extend(results.cohort.iter().flat_map(vital_lines));
    let counts = &results.counts;
    let mut category = |variable: String, count, of| {
        lines.push(CohortLine {
            variable,
            statistic: "n (%)",
            n: Some(of),
            missing: Some(counts.patients - of),
            value: format!("{count} ({})", percent(count, of)),
        });
    };
    // Percentages are of the patients with a category; the others are missing.
    let all = counts.blood_pressures.iter().sum();
    for (one, count) in BloodPressure::ALL.into_iter().zip(counts.blood_pressures) {
        category(format!("bp_category {}", one.name()), count, all);
    }
    let all = counts.body_masses.iter().sum();
    for (one, count) in BodyMass::ALL.into_iter().zip(counts.body_masses) {
        category(format!("bmi_class {}", one.name()), count, all);
    }
    let complete = counts.bands[0];
    for (band, count) in BandCounts::NAMES.iter().zip(counts.bands).skip(1) {
        lines.push(CohortLine {
            variable: format!("news2_partial {}", band.replace('_', "-")),
            statistic: "n (%)",
            n: Some(complete),
            missing: None,
            value: format!("{count} ({})", percent(count, complete)),
        });
    }
    for (age, count) in Course::AGE_NAMES.iter().zip(counts.ages) {
        lines.push(CohortLine {
            variable: format!("news2_partial {}", age.replace('_', " ")),
            statistic: "n",
            n: None,
            missing: None,
            value: count.to_string(),
        });
    }
    lines
}

fn vital_lines(row: &CohortRow) -> [CohortLine; 2] {
    let m = &row.measures;
    let [q1, median, q3] = m.quartiles.map(rounded);
    let line = |statistic, value| CohortLine {
        variable: format!("{} ({})", row.vital.name(), row.vital.unit()),
        statistic,
        n: Some(m.n),
        missing: Some(m.missing),
        value,
    };
    [
        line("mean (SD)", format!("{} ({})", rounded(m.mean), rounded(m.sd))),
        line("median [Q1,Q3]", format!("{median} [{q1},{q3}]")),
    ]
}

/// Writes `cohort.csv`.
pub fn cohort_csv(results: &Results) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write cohort table";
    let count = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["variable", "statistic", "n", "missing", "value"])
        .map_err(|_| csv_failed(STEP))?;
    for line in cohort_lines(results) {
        let (n, missing) = (count(line.n), count(line.missing));
        writer
            .write_record([&line.variable, line.statistic, &n, &missing, &line.value])
            .map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}

/// Writes `quality.csv`: one row per object and vital. A check that only one vital has is empty
/// for the others; one that needs a table of people is empty without one.
pub fn quality_csv(results: &Results) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write quality table";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["object", "vital"].iter().chain(&QualityCounts::NAMES))
        .map_err(|_| csv_failed(STEP))?;
    for row in &results.quality {
        let mut fields = vec![row.object.clone(), row.vital.name().to_owned()];
        for (check, count) in QualityCounts::NAMES.into_iter().zip(row.counts) {
            // Empty where a check does not apply: 0 would mean that it found nothing.
            let is_of_vital = match check {
                QualityCounts::DBP_CHECK => row.vital == Vital::DiastolicBp,
                QualityCounts::BMI_CHECK => row.vital == Vital::Bmi,
                check => results.is_checked(check),
            };
            fields.push(if is_of_vital { count.to_string() } else { String::new() });
        }
        writer.write_record(&fields).map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}

/// Writes `objects.csv`: the outcome of each object, and of its rows.
pub fn objects_csv(results: &Results) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write objects table";
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["object", "outcome", "format", "rows"]
        .into_iter()
        .chain(LeftOut::ALL.map(LeftOut::name))
        .chain(["digest", "reason"]);
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for input in &results.inputs {
        let mut fields = vec![input.object.clone(), input.outcome.name().to_owned()];
        match &input.content {
            Some(content) => {
                fields.extend([content.format.clone(), content.rows.to_string()]);
                fields.extend(content.left_out.iter().map(ToString::to_string));
                fields.push(content.digest.clone());
            }
            // Format, rows, digest and the counts: not known without an analysis.
            None => fields.extend(std::iter::repeat_n(String::new(), LeftOut::ALL.len() + 3)),
        }
        fields.push(input.reason.clone().unwrap_or_default());
        writer.write_record(&fields).map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}
