//! Text of the CSV files of results.
//!
//! Used by the modules that write one.

use sce_study::AnalysisError;

/// Formats a number in the fewest digits that parse to the same number; empty if undefined.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Returns the failure of a CSV writer into memory.
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
