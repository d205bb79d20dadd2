//! A partial: what some objects amount to, as five small tables.
//!
//! Made from one object's statistics, merged by [`super::merge`], stored by
//! [`super::codec`] and read by [`super::results`]. Everything in it is a
//! count, an exact sum or an extreme. It holds patient ids and values: it
//! stays inside, and is sealed before it is stored.
//!
//! | table | one row per | columns besides the key |
//! |---|---|---|
//! | `cells` | patient, vital | counts, sums, extremes, first and last moment |
//! | `bins` | place: row of `cells`, bin | count |
//! | `scores` | patient | NEWS2 sets per band |
//! | `quality` | object, vital | data-quality counts |
//! | `inputs` | object | rows, SHA-256 of the plaintext |

use crate::study::StudyError;
use polars::prelude::*;
use sce_core::vitals::{Cell, ObjectStatistics, Vital};

/// The mergeable result of any number of objects.
#[derive(Debug, Clone)]
pub struct VitalsPartial {
    pub(super) cells: DataFrame,
    pub(super) bins: DataFrame,
    pub(super) scores: DataFrame,
    pub(super) quality: DataFrame,
    pub(super) inputs: DataFrame,
}

/// Names of the quality counts, in the order of every output.
pub(super) const QUALITY_CHECKS: [&str; 7] = [
    "values",
    "missing",
    "implausible",
    "unparsable",
    "duplicates",
    "out_of_order",
    "dbp_not_below_sbp",
];

/// Names of the NEWS2 counts, in the order of every output.
pub(super) const BAND_COUNTS: [&str; 5] = ["complete", "low", "low_medium", "medium", "high"];

/// Bins are stored shifted by this, so that a place is one ordered number.
const BIN_OFFSET: i64 = 1 << 31;

/// The number that stands for a bin of a row of `cells`.
pub(super) fn place(cell: u32, bin: i32) -> u64 {
    u64::from(cell) << 32 | (i64::from(bin) + BIN_OFFSET).unsigned_abs()
}

/// The inverse of [`place`].
#[allow(clippy::cast_possible_truncation)] // the two halves of 64 bits
pub(super) fn cell_and_bin(place: u64) -> (u32, i32) {
    ((place >> 32) as u32, (i64::from(place as u32) - BIN_OFFSET) as i32)
}

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

fn codes(name: &str, values: impl Iterator<Item = Vital>) -> Column {
    UInt8Chunked::from_vec(name.into(), values.map(Vital::code).collect()).into_column()
}

fn sums(name: &str, values: impl Iterator<Item = i128>) -> Column {
    Int128Chunked::from_vec(name.into(), values.collect()).into_column()
}

pub(super) fn numbers(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Float64Chunked::from_iter_options(name.into(), values).into_column()
}

pub(super) fn times(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Int64Chunked::from_iter_options(name.into(), values).into_column()
}

impl VitalsPartial {
    /// The partial of no object.
    pub fn empty() -> Self {
        let nothing = || std::iter::empty::<u64>();
        Self {
            cells: cells_table(&[]),
            bins: bins_table(&[]),
            scores: scores_table(&mut std::iter::empty()),
            quality: quality_table("", &[]),
            inputs: table(vec![
                texts("object", std::iter::empty()),
                counts("rows", nothing()),
                texts("digest", std::iter::empty()),
            ]),
        }
    }

    /// The partial of one object; `digest` is the hex SHA-256 of its plaintext.
    pub fn of(object: &str, rows: u64, digest: &str, statistics: &ObjectStatistics) -> Self {
        let measured: Vec<Vital> =
            Vital::ALL.into_iter().filter(|v| statistics.measures(*v)).collect();
        let cells: Vec<Row<'_>> = statistics
            .patients()
            .flat_map(|(patient, kept)| {
                Vital::ALL.map(|vital| (patient, vital, &kept.cells[vital.index()]))
            })
            .filter(|(_, vital, cell)| statistics.measures(*vital) || !cell.is_untouched())
            .collect();
        Self {
            cells: cells_table(&cells),
            bins: bins_table(&cells),
            scores: scores_table(&mut statistics.patients().map(|(name, kept)| (name, kept.bands))),
            quality: quality_table(
                object,
                &measured.iter().map(|v| (*v, statistics.quality(*v))).collect::<Vec<_>>(),
            ),
            inputs: table(vec![
                texts("object", std::iter::once(object)),
                counts("rows", std::iter::once(rows)),
                texts("digest", std::iter::once(digest)),
            ]),
        }
    }
}

impl VitalsPartial {
    /// Rows of the objects in it.
    pub fn rows(&self) -> u64 {
        let rows = self.inputs.column("rows").ok().and_then(|rows| rows.u64().ok());
        rows.map_or(0, |rows| rows.iter().flatten().sum())
    }
}

type Row<'a> = (&'a str, Vital, &'a Cell);

/// Columns of one height, each made from the same rows.
fn table(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).expect("columns of the same rows have the same height")
}

fn cells_table(rows: &[Row<'_>]) -> DataFrame {
    let cells = || rows.iter().map(|(_, _, cell)| *cell);
    let some = |cell: &Cell| cell.sums.n > 0;
    table(vec![
        texts("patient", rows.iter().map(|(patient, _, _)| *patient)),
        codes("vital", rows.iter().map(|(_, vital, _)| *vital)),
        counts("n", cells().map(|c| c.sums.n)),
        counts("missing", cells().map(|c| c.missing)),
        counts("implausible", cells().map(|c| c.implausible)),
        sums("sum", cells().map(|c| c.sums.sum)),
        sums("sum_squares", cells().map(|c| c.sums.sum_squares)),
        numbers("min", cells().map(|c| some(c).then_some(c.min))),
        numbers("max", cells().map(|c| some(c).then_some(c.max))),
        times("first_time", cells().map(|c| some(c).then_some(c.first.time))),
        sums("first_sum", cells().map(|c| c.first.sum)),
        counts("first_count", cells().map(|c| c.first.count)),
        times("last_time", cells().map(|c| some(c).then_some(c.last.time))),
        sums("last_sum", cells().map(|c| c.last.sum)),
        counts("last_count", cells().map(|c| c.last.count)),
    ])
}

fn bins_table(rows: &[Row<'_>]) -> DataFrame {
    let size = rows.iter().map(|(_, _, cell)| cell.bins.len()).sum();
    let (mut places, mut amounts) = (Vec::with_capacity(size), Vec::with_capacity(size));
    for (row, (_, _, cell)) in (0_u32..).zip(rows) {
        for (bin, count) in cell.bins.sorted() {
            places.push(place(row, bin));
            amounts.push(count);
        }
    }
    table(vec![
        UInt64Chunked::from_vec("place".into(), places).into_column(),
        UInt64Chunked::from_vec("count".into(), amounts).into_column(),
    ])
}

fn scores_table(
    rows: &mut dyn Iterator<Item = (&str, sce_core::vitals::news2::BandCounts)>,
) -> DataFrame {
    let (patients, bands): (Vec<&str>, Vec<_>) = rows.unzip();
    let band = |of: fn(&sce_core::vitals::news2::BandCounts) -> u64, name| {
        counts(name, bands.iter().map(of))
    };
    table(vec![
        texts("patient", patients.into_iter()),
        band(|b| b.complete, BAND_COUNTS[0]),
        band(|b| b.low, BAND_COUNTS[1]),
        band(|b| b.low_medium, BAND_COUNTS[2]),
        band(|b| b.medium, BAND_COUNTS[3]),
        band(|b| b.high, BAND_COUNTS[4]),
    ])
}

fn quality_table(object: &str, rows: &[(Vital, sce_core::vitals::QualityCounts)]) -> DataFrame {
    let mut columns = vec![
        texts("object", rows.iter().map(|_| object)),
        codes("vital", rows.iter().map(|(vital, _)| *vital)),
    ];
    for (check, name) in QUALITY_CHECKS.iter().enumerate() {
        columns.push(counts(name, rows.iter().map(|(_, q)| quality_counts(q)[check])));
    }
    table(columns)
}

/// The counts in the order of [`QUALITY_CHECKS`].
const fn quality_counts(q: &sce_core::vitals::QualityCounts) -> [u64; QUALITY_CHECKS.len()] {
    [
        q.values,
        q.missing,
        q.implausible,
        q.unparsable,
        q.duplicates,
        q.out_of_order,
        q.dbp_not_below_sbp,
    ]
}
