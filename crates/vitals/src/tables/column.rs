//! Columns of the tables of a partial.
//!
//! Used by every module that builds a table.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::rules::news2::BandCounts;
use crate::rules::vital::Vital;

/// Names of the NEWS2 counts, in the order of every output.
pub const BAND_COUNTS: [&str; 5] = ["complete", "low", "low_medium", "medium", "high"];

/// Wraps a failure of the table engine without its text, which may quote data.
pub fn engine(step: &'static str) -> impl Fn(PolarsError) -> AnalysisError {
    move |error| {
        let kind = match error {
            PolarsError::ColumnNotFound(_) => "a missing column",
            PolarsError::ComputeError(_) => "a computation error",
            PolarsError::SchemaMismatch(_) => "a schema mismatch",
            PolarsError::ShapeMismatch(_) => "a shape mismatch",
            PolarsError::InvalidOperation(_) => "an invalid operation",
            PolarsError::IO { .. } => "an input or output error",
            _ => "an error",
        };
        AnalysisError::Internal { step, kind }
    }
}

pub fn texts<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Column {
    StringChunked::from_iter_values(name.into(), values).into_column()
}

pub fn counts(name: &str, values: impl Iterator<Item = u64>) -> Column {
    UInt64Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub fn codes(name: &str, values: impl Iterator<Item = Vital>) -> Column {
    UInt8Chunked::from_vec(name.into(), values.map(Vital::code).collect()).into_column()
}

/// Numbers below 256.
#[allow(clippy::cast_possible_truncation)]
pub fn small_numbers(name: &str, values: impl Iterator<Item = usize>) -> Column {
    UInt8Chunked::from_vec(name.into(), values.map(|value| value as u8).collect()).into_column()
}

pub fn sums(name: &str, values: impl Iterator<Item = i128>) -> Column {
    Int128Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub fn whole_numbers(name: &str, values: impl Iterator<Item = i64>) -> Column {
    Int64Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub fn numbers(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Float64Chunked::from_iter_options(name.into(), values).into_column()
}

pub fn times(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Int64Chunked::from_iter_options(name.into(), values).into_column()
}

/// Columns of one height, each made from the same rows.
pub fn table(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).expect("columns of the same rows have the same height")
}

/// Columns as [`BAND_COUNTS`].
pub fn band_columns<'a, I: Iterator<Item = &'a BandCounts>>(rows: impl Fn() -> I) -> Vec<Column> {
    let of: [fn(&BandCounts) -> u64; BAND_COUNTS.len()] =
        [|b| b.complete, |b| b.low, |b| b.low_medium, |b| b.medium, |b| b.high];
    let columns = BAND_COUNTS.into_iter().zip(of);
    columns.map(|(name, of)| counts(name, rows().map(of))).collect()
}
