//! What a partial keeps of patients.
//!
//! Used by [`crate::spill::chunk`], [`crate::partial::merge`], [`crate::partial::codec`] and the passes
//! over the patients when delivering.
//!
//! | table | one row per | columns besides the key |
//! |---|---|---|
//! | `cells` | patient, vital | counts, sums, extremes, first and last moment |
//! | `bins` | place: row of `cells`, bin | count |
//! | `moments`, `pieces` | see [`crate::tables::timelines`] | |
//! | `scores` | patient: every one | NEWS2 sets per band, highest and last total, what the age says |
//! | `derived` | see [`crate::tables::derived`] | |
//! | `pairs`, `fits` | see [`crate::tables::effects`] | |

use crate::rules::cell::Cell;
use crate::rules::news2::Course;
use crate::rules::statistics::{ObjectStatistics, PatientCells};
use crate::rules::vital::Vital;
use crate::tables::column::{band_columns, codes, counts, numbers, sums, table, texts, times};
use crate::tables::derived::{derived_of, derived_table};
use crate::tables::effects;
use crate::tables::timelines;
use polars::prelude::*;
use rustc_hash::FxHashSet;

/// The tables.
#[derive(Clone)]
pub struct PatientTables {
    pub cells: DataFrame,
    pub bins: DataFrame,
    pub moments: DataFrame,
    pub pieces: DataFrame,
    pub scores: DataFrame,
    pub derived: DataFrame,
    pub pairs: DataFrame,
    pub fits: DataFrame,
}

/// Names of the days of a cell: first, last and one between.
pub const DAYS: [&str; 3] = ["first_day", "last_day", "between_day"];

/// Names of the complete sets whose age matters: scored though it is not
/// known, and not scored.
pub const AGES: [&str; 2] = ["age_unknown", "under_16"];

/// Bins are stored shifted by this, so that a place is one ordered number.
const BIN_OFFSET: i64 = 1 << 31;

/// The number that stands for a bin of a row of `cells`.
pub fn place(cell: u32, bin: i32) -> u64 {
    u64::from(cell) << 32 | (i64::from(bin) + BIN_OFFSET).unsigned_abs()
}

/// The inverse of [`place`].
#[allow(clippy::cast_possible_truncation)] // the two halves of 64 bits
pub fn cell_and_bin(place: u64) -> (u32, i32) {
    ((place >> 32) as u32, (i64::from(place as u32) - BIN_OFFSET) as i32)
}

impl PatientTables {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// Those of no patient.
    pub fn empty() -> Self {
        let (moments, pieces) = timelines::tables(0, std::iter::empty());
        Self {
            cells: cells_table(&[]),
            bins: bins_table(&[]),
            moments,
            pieces,
            scores: scores_table(&mut std::iter::empty()),
            derived: derived_table(&[]),
            pairs: effects::pairs_table(&[]),
            fits: effects::fits_table(&[]),
        }
    }

    /// Those of the patients of an object who are in `statistics`.
    pub fn of(object: &str, statistics: &ObjectStatistics) -> Self {
        let cells: Vec<Row<'_>> = statistics
            .patients()
            .flat_map(|(patient, kept)| {
                Vital::ALL.map(|vital| (patient, vital, &kept.cells[vital.index()]))
            })
            .filter(|(_, vital, cell)| statistics.measures(*vital) || !cell.is_untouched())
            .collect();
        let timelines = cells.iter().map(|(_, vital, cell)| (*vital, &cell.timeline));
        let (moments, pieces) = timelines::tables(timelines::object_number(object), timelines);
        let (pairs, fits) = effects::of_patients(statistics);
        Self {
            cells: cells_table(&cells),
            bins: bins_table(&cells),
            moments,
            pieces,
            scores: scores_table(&mut statistics.patients()),
            derived: derived_of(statistics),
            pairs,
            fits,
        }
    }

    /// How many patients there are.
    pub fn patients(&self) -> usize {
        self.scores.height()
    }

    /// Is each patient once in `scores`, and who is in another table there too?
    pub fn are_scored_once(&self) -> PolarsResult<bool> {
        let mut known = FxHashSet::default();
        let scored = self.scores.column("patient")?.str()?;
        let once = scored.iter().flatten().all(|name| known.insert(name));
        for table in [&self.cells, &self.derived, &self.pairs, &self.fits] {
            let names = table.column("patient")?.str()?;
            if !names.iter().flatten().all(|name| known.contains(name)) {
                return Ok(false);
            }
        }
        Ok(once)
    }

    /// The tables in the order they are stored in.
    pub const fn all(&self) -> [&DataFrame; Self::COUNT] {
        [
            &self.cells,
            &self.bins,
            &self.moments,
            &self.pieces,
            &self.scores,
            &self.derived,
            &self.pairs,
            &self.fits,
        ]
    }

    /// The tables in that order.
    pub fn into_all(self) -> [DataFrame; Self::COUNT] {
        let Self { cells, bins, moments, pieces, scores, derived, pairs, fits } = self;
        [cells, bins, moments, pieces, scores, derived, pairs, fits]
    }

    /// The tables with other numbers for the rows of `cells`, wherever these
    /// are named: of each the new one.
    pub fn naming(&self, renamed: &[u32]) -> PolarsResult<Self> {
        let new = |cell: u32| renamed.get(cell as usize).copied().unwrap_or_default();
        let places = self.bins.column("place")?.u64()?.iter().flatten().map(|old| {
            let (cell, bin) = cell_and_bin(old);
            place(new(cell), bin)
        });
        let rows = |table: &DataFrame| -> PolarsResult<DataFrame> {
            let cells = table.column("cell")?.u64()?.iter().flatten();
            let cells = cells.map(|cell| new(u32::try_from(cell).unwrap_or(u32::MAX)).into());
            let mut table = table.clone();
            table.with_column(counts("cell", cells))?;
            Ok(table)
        };
        let mut bins = self.bins.clone();
        bins.with_column(counts("place", places))?;
        Ok(Self {
            bins,
            moments: rows(&self.moments)?,
            pieces: rows(&self.pieces)?,
            ..self.clone()
        })
    }

    /// From tables in that order.
    pub fn from_all(tables: [DataFrame; Self::COUNT]) -> Self {
        let [cells, bins, moments, pieces, scores, derived, pairs, fits] = tables;
        Self { cells, bins, moments, pieces, scores, derived, pairs, fits }
    }
}

type Row<'a> = (&'a str, Vital, &'a Cell);

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
