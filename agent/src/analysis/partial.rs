//! A partial: what some objects amount to, as small tables.
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
//! | `moments`, `pieces` | see [`super::timelines`] | |
//! | `scores` | patient | NEWS2 sets per band, highest and last total, what the age says |
//! | `months` | month | NEWS2 sets per band |
//! | `derived` | see [`super::derived`] | |
//! | `quality` | object, vital | data-quality counts |
//! | `inputs` | object | format, rows, rows left out, SHA-256 of the plaintext and of the tables of people |
//! | four more | see [`super::effects`] | |

use super::derived::{derived_of, derived_table};
use super::effects::EffectTables;
use super::input::Found;
use super::timelines;
use crate::study::StudyError;
use polars::prelude::*;
use sce_core::vitals::news2::{BandCounts, Course};
use sce_core::vitals::{Cell, LeftOut, PatientCells, QualityCounts, Vital};

/// The mergeable result of any number of objects.
#[derive(Debug, Clone)]
pub struct VitalsPartial {
    pub(super) cells: DataFrame,
    pub(super) bins: DataFrame,
    pub(super) moments: DataFrame,
    pub(super) pieces: DataFrame,
    pub(super) scores: DataFrame,
    pub(super) months: DataFrame,
    pub(super) derived: DataFrame,
    pub(super) quality: DataFrame,
    pub(super) inputs: DataFrame,
    pub(super) effects: EffectTables,
}

/// Names of the quality counts, in the order of every output.
pub(super) const QUALITY_CHECKS: [&str; 12] = [
    "values",
    "missing",
    "implausible",
    "unparsable",
    "unknown_unit",
    "duplicates",
    "out_of_order",
    LIFE_CHECKS[0],
    LIFE_CHECKS[1],
    DBP_CHECK,
    "equal_column",
    BMI_CHECK,
];

/// The checks that need a table of people.
pub(super) const LIFE_CHECKS: [&str; 2] = ["before_birth", "after_death"];
/// The check that only the diastolic pressure has.
pub(super) const DBP_CHECK: &str = "dbp_not_below_sbp";
/// The check that only the body mass index has.
pub(super) const BMI_CHECK: &str = "bmi_differs";

/// Names of the NEWS2 counts, in the order of every output.
pub(super) const BAND_COUNTS: [&str; 5] = ["complete", "low", "low_medium", "medium", "high"];

/// Names of the days of a cell: first, last and one between.
pub(super) const DAYS: [&str; 3] = ["first_day", "last_day", "between_day"];

/// Names of the complete sets whose age matters: scored though it is not
/// known, and not scored.
pub(super) const AGES: [&str; 2] = ["age_unknown", "under_16"];

/// What is said of an object beside what was found in it.
pub(super) struct InputFacts<'a> {
    pub object: &'a str,
    /// Hex SHA-256 of its plaintext.
    pub digest: &'a str,
    /// Those of the tables of people, blanks between.
    pub people: &'a str,
}

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

impl VitalsPartial {
    /// The partial of no object.
    pub fn empty() -> Self {
        let (moments, pieces) = timelines::tables("", std::iter::empty());
        Self {
            cells: cells_table(&[]),
            bins: bins_table(&[]),
            moments,
            pieces,
            scores: scores_table(&mut std::iter::empty()),
            months: months_table(&[]),
            derived: derived_table(&[]),
            quality: quality_table("", &[]),
            inputs: inputs_table(None),
            effects: EffectTables::empty(),
        }
    }

    /// The partial of one object.
    pub(super) fn of(input: &InputFacts<'_>, found: &Found) -> Self {
        let object = input.object;
        let statistics = &found.statistics;
        let quality = Vital::ALL.map(|vital| (vital, statistics.quality(vital)));
        let seen = |(vital, counts): &(Vital, QualityCounts)| {
            statistics.measures(*vital) || *counts != QualityCounts::default()
        };
        let quality: Vec<_> = quality.into_iter().filter(seen).collect();
        let cells: Vec<Row<'_>> = statistics
            .patients()
            .flat_map(|(patient, kept)| {
                Vital::ALL.map(|vital| (patient, vital, &kept.cells[vital.index()]))
            })
            .filter(|(_, vital, cell)| statistics.measures(*vital) || !cell.is_untouched())
            .collect();
        let timelines = cells.iter().map(|(_, vital, cell)| (*vital, &cell.timeline));
        let (moments, pieces) = timelines::tables(object, timelines);
        Self {
            cells: cells_table(&cells),
            bins: bins_table(&cells),
            moments,
            pieces,
            scores: scores_table(&mut statistics.patients()),
            months: months_table(&statistics.months()),
            derived: derived_of(statistics),
            quality: quality_table(object, &quality),
            inputs: inputs_table(Some((input, found))),
            effects: EffectTables::of(statistics),
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
pub(super) fn table(columns: Vec<Column>) -> DataFrame {
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
        sums("time_sum", cells().map(|c| c.times.sum)),
        sums("time_sum_squares", cells().map(|c| c.times.sum_squares)),
        sums("time_sum_products", cells().map(|c| c.times.sum_products)),
        times(DAYS[0], cells().map(|c| c.days.first)),
        times(DAYS[1], cells().map(|c| c.days.last)),
        times(DAYS[2], cells().map(|c| c.days.between)),
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

fn scores_table<'a>(rows: &mut dyn Iterator<Item = (&'a str, &'a PatientCells)>) -> DataFrame {
    let (patients, kept): (Vec<&str>, Vec<&PatientCells>) = rows.unzip();
    let courses: Vec<&Course> = kept.iter().map(|kept| &kept.news2).collect();
    let mut columns = vec![texts("patient", patients.into_iter())];
    columns.extend(band_columns(|| courses.iter().map(|course| &course.bands)));
    columns.extend([
        counts("max", courses.iter().map(|course| u64::from(course.max))),
        times("last_time", courses.iter().map(|course| course.last_time)),
        counts("last", courses.iter().map(|course| u64::from(course.last))),
        counts(AGES[0], courses.iter().map(|course| course.age_unknown)),
        counts(AGES[1], courses.iter().map(|course| course.under_age)),
        times("adult_from", kept.iter().map(|kept| kept.adult_from)),
    ]);
    table(columns)
}

fn months_table(rows: &[(i64, BandCounts)]) -> DataFrame {
    let mut columns = vec![whole_numbers("month", rows.iter().map(|(month, _)| *month))];
    columns.extend(band_columns(|| rows.iter().map(|(_, bands)| bands)));
    table(columns)
}

/// Columns as [`BAND_COUNTS`].
fn band_columns<'a, I: Iterator<Item = &'a BandCounts>>(rows: impl Fn() -> I) -> Vec<Column> {
    let of: [fn(&BandCounts) -> u64; BAND_COUNTS.len()] =
        [|b| b.complete, |b| b.low, |b| b.low_medium, |b| b.medium, |b| b.high];
    let columns = BAND_COUNTS.into_iter().zip(of);
    columns.map(|(name, of)| counts(name, rows().map(of))).collect()
}

fn inputs_table(input: Option<(&InputFacts<'_>, &Found)>) -> DataFrame {
    let one = || input.iter();
    let mut columns = vec![
        texts("object", one().map(|(facts, _)| facts.object)),
        texts("digest", one().map(|(facts, _)| facts.digest)),
        texts("people", one().map(|(facts, _)| facts.people)),
        texts("format", one().map(|(.., found)| found.kind.name())),
        counts("rows", one().map(|(.., found)| found.rows)),
    ];
    for reason in LeftOut::ALL {
        let count = one().map(|(.., found)| found.statistics.left_out()[reason as usize]);
        columns.push(counts(reason.name(), count));
    }
    table(columns)
}

fn quality_table(object: &str, rows: &[(Vital, QualityCounts)]) -> DataFrame {
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
const fn quality_counts(q: &QualityCounts) -> [u64; QUALITY_CHECKS.len()] {
    [
        q.values,
        q.missing,
        q.implausible,
        q.unparsable,
        q.unknown_unit,
        q.duplicates,
        q.out_of_order,
        q.before_birth,
        q.after_death,
        q.dbp_not_below_sbp,
        q.equal_column,
        q.bmi_differs,
    ]
}
