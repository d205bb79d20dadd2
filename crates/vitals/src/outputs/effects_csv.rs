//! `effects.csv` and `rules.csv`.
//!
//! Used by delivery.

use sce_study::AnalysisError;

use crate::outputs::csv_text::{csv_bytes, csv_failed, number};
use crate::results::associations::Associations;

/// Writes `effects.csv`.
pub fn effects_csv(associations: &Associations) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write effects table";
    let header =
        ["effect", "measure", "term", "n", "patients", "value", "standard_error", "p", "note"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for line in &associations.lines {
        writer
            .write_record([
                line.effect.name(),
                line.measure,
                line.term,
                &line.n.to_string(),
                &line.patients.to_string(),
                &number(line.value),
                &number(line.sureness.map(|(error, _)| error)),
                &number(line.sureness.map(|(_, p)| p)),
                line.note,
            ])
            .map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}

/// Writes `rules.csv`.
pub fn rules_csv(associations: &Associations) -> Result<Vec<u8>, AnalysisError> {
    const STEP: &str = "write rules table";
    let header = [
        "effect",
        "rule",
        "n",
        "both",
        "rule_only",
        "effect_only",
        "neither",
        "odds_ratio",
        "note",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for line in &associations.rules {
        let n: u64 = line.counts.iter().sum();
        let mut fields = vec![line.effect.name().to_owned(), line.rule.to_owned(), n.to_string()];
        fields.extend(line.counts.iter().map(ToString::to_string));
        fields.push(number(line.odds_ratio.ok()));
        fields.push(line.odds_ratio.err().unwrap_or_default().to_owned());
        writer.write_record(&fields).map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}
