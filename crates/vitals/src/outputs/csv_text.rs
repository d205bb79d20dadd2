//! How the CSV files of results are written.
//!
//! Used by the modules that write one.

use sce_study::AnalysisError;

/// A number in as few digits as bring back the same number; empty if undefined.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A failure of a CSV writer into memory.
pub fn csv_failed(step: &'static str) -> AnalysisError {
    AnalysisError::Internal { step, kind: "a CSV writer error" }
}

/// Finishes a CSV document.
pub fn csv_bytes(
    writer: csv::Writer<Vec<u8>>,
    step: &'static str,
) -> Result<Vec<u8>, AnalysisError> {
    writer.into_inner().map_err(|_| csv_failed(step))
}
