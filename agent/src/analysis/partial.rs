//! A partial: what some objects amount to, as small tables.
//!
//! Made from one object's statistics, merged by [`super::merge`], stored by
//! [`super::codec`] and read by [`super::results`]. Everything in it is a
//! count, an exact sum or an extreme. It holds patient ids and values: it
//! stays inside, and is sealed before it is stored. What it keeps of objects
//! is in [`super::object_tables`], of patients in [`super::patient_tables`].

use std::fmt;

use super::chunk::Chunk;
use super::object_tables::ObjectTables;
use crate::study::StudyError;
use polars::prelude::*;
use sce_core::vitals::Vital;
use sce_core::vitals::news2::BandCounts;

/// The mergeable result of any number of objects.
#[derive(Clone)]
pub struct VitalsPartial {
    pub(super) objects: ObjectTables,
    /// The patients; of many, the same one may be in several.
    pub(super) patients: Vec<Chunk>,
}

/// It knows patients.
impl fmt::Debug for VitalsPartial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VitalsPartial(..)")
    }
}

impl VitalsPartial {
    /// The partial of no object.
    pub fn empty() -> Self {
        Self { objects: ObjectTables::empty(), patients: Vec::new() }
    }

    /// Rows of the objects in it.
    pub fn rows(&self) -> u64 {
        let rows = self.objects.inputs.column("rows").ok().and_then(|rows| rows.u64().ok());
        rows.map_or(0, |rows| rows.iter().flatten().sum())
    }
}

/// Names of the NEWS2 counts, in the order of every output.
pub(super) const BAND_COUNTS: [&str; 5] = ["complete", "low", "low_medium", "medium", "high"];

/// Wraps a failure of the table engine without its text, which may quote data.
pub(super) fn engine(step: &'static str) -> impl Fn(PolarsError) -> StudyError {
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
        StudyError::Engine { step, kind }
    }
}

pub(super) fn texts<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Column {
    StringChunked::from_iter_values(name.into(), values).into_column()
}

pub(super) fn counts(name: &str, values: impl Iterator<Item = u64>) -> Column {
    UInt64Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub(super) fn codes(name: &str, values: impl Iterator<Item = Vital>) -> Column {
    UInt8Chunked::from_vec(name.into(), values.map(Vital::code).collect()).into_column()
}

/// Numbers below 256.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn small_numbers(name: &str, values: impl Iterator<Item = usize>) -> Column {
    UInt8Chunked::from_vec(name.into(), values.map(|value| value as u8).collect()).into_column()
}

pub(super) fn sums(name: &str, values: impl Iterator<Item = i128>) -> Column {
    Int128Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub(super) fn whole_numbers(name: &str, values: impl Iterator<Item = i64>) -> Column {
    Int64Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub(super) fn numbers(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Float64Chunked::from_iter_options(name.into(), values).into_column()
}

pub(super) fn times(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Int64Chunked::from_iter_options(name.into(), values).into_column()
}

/// Columns of one height, each made from the same rows.
pub(super) fn table(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).expect("columns of the same rows have the same height")
}

/// Columns as [`BAND_COUNTS`].
pub(super) fn band_columns<'a, I: Iterator<Item = &'a BandCounts>>(
    rows: impl Fn() -> I,
) -> Vec<Column> {
    let of: [fn(&BandCounts) -> u64; BAND_COUNTS.len()] =
        [|b| b.complete, |b| b.low, |b| b.low_medium, |b| b.medium, |b| b.high];
    let columns = BAND_COUNTS.into_iter().zip(of);
    columns.map(|(name, of)| counts(name, rows().map(of))).collect()
}
