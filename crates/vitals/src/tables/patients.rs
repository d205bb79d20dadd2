//! The tables of a partial about patients.
//!
//! Rows of `bins`, `moments` and `pieces` refer to a row of `cells` by its number.

use polars::prelude::*;
use rustc_hash::FxHashSet;
use sce_study::AnalysisError;

use crate::rules::cell::Cell;
use crate::rules::moments::Sums;
use crate::rules::news2::BandCounts;
use crate::rules::series::Moment;
use crate::rules::statistics::{ObjectStatistics, PatientCells};
use crate::rules::trend::{Days, TimeSums};
use crate::rules::vital::Vital;
use crate::tables::column::Value;
use crate::tables::derived::{DerivedRow, derived_of};
use crate::tables::effects::{self, FitRow, PairRow};
use crate::tables::rows::{Row, rows};
use crate::tables::timelines::{MomentRow, PieceRow, object_number, timeline_rows};

rows! {
    /// The sums of a patient and vital.
    struct CellRow['t] in "cells" {
        patient: &'t str = Key,
        vital: Vital = Key,
        n: u64 = Sum,
        missing: u64 = Sum,
        implausible: u64 = Sum,
        sum: i128 = Sum,
        sum_squares: i128 = Sum,
        time_sum: i128 = Sum,
        time_sum_squares: i128 = Sum,
        time_sum_products: i128 = Sum,
        first_day: Option<i64> = Least,
        last_day: Option<i64> = Most,
        between_day: Option<i64> = LeastBetween("first_day", "last_day"),
        min: Option<f64> = Least,
        max: Option<f64> = Most,
        first_time: Option<i64> = Least,
        first_sum: i128 = SumAtLeast("first_time"),
        first_count: u64 = SumAtLeast("first_time"),
        last_time: Option<i64> = Most,
        last_sum: i128 = SumAtMost("last_time"),
        last_count: u64 = SumAtMost("last_time"),
    }
}

rows! {
    /// The number of values of a cell in a bin ([`place`]).
    struct BinRow[] in "bins" {
        place: u64 = Key,
        count: u64 = Sum,
    }
}

rows! {
    /// The NEWS2 scores of a patient; every patient has this row.
    struct ScoreRow['t] in "scores" {
        patient: &'t str = Key,
        bands: BandCounts = Sum,
        max: u64 = Most,
        last_time: Option<i64> = Most,
        last: u64 = MostAtMost("last_time"),
        age_unknown: u64 = Sum,
        under_16: u64 = Sum,
        adult_from: Option<i64> = Most,
    }
}

/// The offset of stored bins, so that a place is one ordered number.
const BIN_OFFSET: i64 = 1 << 31;

/// Returns the number that identifies a bin of a row of `cells`.
pub fn place(cell: u32, bin: i32) -> u64 {
    u64::from(cell) << 32 | (i64::from(bin) + BIN_OFFSET).unsigned_abs()
}

/// The inverse of [`place`].
#[allow(clippy::cast_possible_truncation)] // the two halves of 64 bits
pub fn cell_and_bin(place: u64) -> (u32, i32) {
    ((place >> 32) as u32, (i64::from(place as u32) - BIN_OFFSET) as i32)
}

impl<'t> CellRow<'t> {
    fn of(patient: &'t str, vital: Vital, cell: &Cell) -> Self {
        // Without values, the extremes are infinite, and are not stored.
        let some = cell.sums.n > 0;
        Self {
            patient,
            vital,
            n: cell.sums.n,
            missing: cell.missing,
            implausible: cell.implausible,
            sum: cell.sums.sum,
            sum_squares: cell.sums.sum_squares,
            time_sum: cell.times.sum,
            time_sum_squares: cell.times.sum_squares,
            time_sum_products: cell.times.sum_products,
            first_day: cell.days.first,
            last_day: cell.days.last,
            between_day: cell.days.between,
            min: some.then_some(cell.min),
            max: some.then_some(cell.max),
            first_time: some.then_some(cell.first.time),
            first_sum: cell.first.sum,
            first_count: cell.first.count,
            last_time: some.then_some(cell.last.time),
            last_sum: cell.last.sum,
            last_count: cell.last.count,
        }
    }

    /// Returns count, sum and sum of squares of the values.
    pub const fn sums(&self) -> Sums {
        Sums { n: self.n, sum: self.sum, sum_squares: self.sum_squares }
    }

    /// Returns the sums of their times.
    pub const fn times(&self) -> TimeSums {
        TimeSums {
            sum: self.time_sum,
            sum_squares: self.time_sum_squares,
            sum_products: self.time_sum_products,
        }
    }

    /// Returns the days on which they were measured.
    pub const fn days(&self) -> Days {
        Days { first: self.first_day, last: self.last_day, between: self.between_day }
    }

    /// Returns the earliest moment.
    pub fn first(&self) -> Option<Moment> {
        self.first_time.map(|time| Moment { time, sum: self.first_sum, count: self.first_count })
    }

    /// Returns the latest moment.
    pub fn last(&self) -> Option<Moment> {
        self.last_time.map(|time| Moment { time, sum: self.last_sum, count: self.last_count })
    }
}

impl<'t> ScoreRow<'t> {
    fn of(patient: &'t str, kept: &PatientCells) -> Self {
        let course = &kept.news2;
        Self {
            patient,
            bands: course.bands,
            max: course.max.into(),
            last_time: course.last_time,
            last: course.last.into(),
            age_unknown: course.age_unknown,
            under_16: course.under_age,
            adult_from: kept.adult_from,
        }
    }
}

/// The tables about patients.
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

impl PatientTables {
    /// The number of tables.
    pub const COUNT: usize = 8;

    /// Returns the tables of no patient.
    pub fn empty() -> Self {
        Self {
            cells: CellRow::empty(),
            bins: BinRow::empty(),
            moments: MomentRow::empty(),
            pieces: PieceRow::empty(),
            scores: ScoreRow::empty(),
            derived: DerivedRow::empty(),
            pairs: PairRow::empty(),
            fits: FitRow::empty(),
        }
    }

    /// Returns the tables of the patients in `statistics`, which are of an object.
    pub fn of(object: &str, statistics: &ObjectStatistics) -> Self {
        let cells: Vec<(&str, Vital, &Cell)> = statistics
            .patients()
            .flat_map(|(patient, kept)| {
                Vital::ALL.map(|vital| (patient, vital, &kept.cells[vital.index()]))
            })
            // A vital without a column and without a reading gets no row.
            .filter(|(_, vital, cell)| statistics.measures(*vital) || !cell.is_untouched())
            .collect();
        let rows: Vec<CellRow<'_>> =
            cells.iter().map(|(patient, vital, cell)| CellRow::of(patient, *vital, cell)).collect();
        let bins = (0_u32..).zip(&cells).flat_map(|(row, (_, _, cell))| {
            let sorted = cell.bins.sorted().into_iter();
            sorted.map(move |(bin, count)| BinRow { place: place(row, bin), count })
        });
        let timelines = cells.iter().map(|(_, vital, cell)| (*vital, &cell.timeline));
        let (moments, pieces) = timeline_rows(object_number(object), timelines);
        let scores: Vec<ScoreRow<'_>> =
            statistics.patients().map(|(patient, kept)| ScoreRow::of(patient, kept)).collect();
        let (pairs, fits) = effects::of_patients(statistics);
        Self {
            cells: CellRow::write(&rows),
            bins: BinRow::write(&bins.collect::<Vec<_>>()),
            moments: MomentRow::write(&moments),
            pieces: PieceRow::write(&pieces),
            scores: ScoreRow::write(&scores),
            derived: DerivedRow::write(&derived_of(statistics)),
            pairs: PairRow::write(&pairs),
            fits: FitRow::write(&fits),
        }
    }

    /// Returns the number of patients.
    pub fn patients(&self) -> usize {
        self.scores.height()
    }

    /// Returns their ids.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`] if one is missing.
    pub fn names(&self) -> Result<Vec<&str>, AnalysisError> {
        column(&self.scores, "scores", "patient")
    }

    /// Returns the tables, in the order in which they are stored.
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

    /// Returns the tables, in that order.
    pub fn into_all(self) -> [DataFrame; Self::COUNT] {
        let Self { cells, bins, moments, pieces, scores, derived, pairs, fits } = self;
        [cells, bins, moments, pieces, scores, derived, pairs, fits]
    }

    /// Creates the tables, from that order.
    pub fn from_all(tables: [DataFrame; Self::COUNT]) -> Self {
        let [cells, bins, moments, pieces, scores, derived, pairs, fits] = tables;
        Self { cells, bins, moments, pieces, scores, derived, pairs, fits }
    }

    /// Returns the tables with other numbers for the rows of `cells`, wherever a row refers to
    /// one: `renamed` has the new number of each.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`] if a row refers to no row of `cells`.
    pub fn renumbered(&self, renamed: &[u32]) -> Result<Self, AnalysisError> {
        let places = column::<u64>(&self.bins, "bins", "place")?.into_iter().map(|old| {
            let (cell, bin) = cell_and_bin(old);
            Some(place(*renamed.get(cell as usize)?, bin))
        });
        let places: Option<Vec<u64>> = places.collect();
        let places = places.ok_or_else(|| no_cell("bins"))?;
        let rows = |table: &DataFrame, of: &'static str| -> Result<DataFrame, AnalysisError> {
            let cells = column::<u64>(table, of, "cell")?.into_iter();
            let new = |cell| renamed.get(usize::try_from(cell).ok()?).map(|new| u64::from(*new));
            let cells: Option<Vec<u64>> = cells.map(new).collect();
            let cells = cells.ok_or_else(|| no_cell(of))?;
            replace_column(table, "cell", cells)
        };
        Ok(Self {
            bins: replace_column(&self.bins, "place", places)?,
            moments: rows(&self.moments, "moments")?,
            pieces: rows(&self.pieces, "pieces")?,
            ..self.clone()
        })
    }

    /// Refuses tables that [`PatientTables::of`] and merges could not have
    /// made.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`], naming table and column.
    pub fn check(&self) -> Result<(), AnalysisError> {
        CellRow::check_columns(&self.cells)?;
        BinRow::check_columns(&self.bins)?;
        MomentRow::check_columns(&self.moments)?;
        PieceRow::check_columns(&self.pieces)?;
        ScoreRow::check_columns(&self.scores)?;
        DerivedRow::check_columns(&self.derived)?;
        PairRow::check_columns(&self.pairs)?;
        FitRow::check_columns(&self.fits)?;
        self.check_patients()?;
        self.check_values()
    }

    /// Checks that each patient is once in `scores`, and that other tables have no others.
    fn check_patients(&self) -> Result<(), AnalysisError> {
        let mut known = FxHashSet::default();
        // `insert` returns false for a patient that is known already.
        let once = ScoreRow::read(&self.scores)?.iter().all(|row| known.insert(row.patient));
        let others = [
            (&self.cells, "cells"),
            (&self.derived, "derived"),
            (&self.pairs, "pairs"),
            (&self.fits, "fits"),
        ];
        let mut scored = once;
        for (table, of) in others {
            let names: Vec<&str> = column(table, of, "patient")?;
            scored &= names.iter().all(|name| known.contains(name));
        }
        if scored {
            Ok(())
        } else {
            Err(AnalysisError::damaged("its tables have different patients"))
        }
    }

    fn check_values(&self) -> Result<(), AnalysisError> {
        let possible = |is: bool, of: &str| {
            if is {
                Ok(())
            } else {
                Err(AnalysisError::damaged(format!("table {of}: a value is impossible")))
            }
        };
        // Values that are too large would overflow a later sum.
        let cells = CellRow::read(&self.cells)?;
        let height = cells.len() as u64;
        let is_cell =
            |row: &CellRow<'_>| row.sums().is_possible() && row.times().is_possible(row.n);
        possible(cells.iter().all(is_cell), "cells")?;
        let bins = BinRow::read(&self.bins)?;
        possible(bins.iter().all(|row| u64::from(cell_and_bin(row.place).0) < height), "bins")?;
        let moments = MomentRow::read(&self.moments)?;
        possible(moments.iter().all(|row| row.is_possible(height)), "moments")?;
        let pieces = PieceRow::read(&self.pieces)?;
        possible(pieces.iter().all(|row| row.is_possible(height)), "pieces")?;
        let derived = DerivedRow::read(&self.derived)?;
        possible(derived.iter().all(|row| row.kept().is_possible()), "derived")?;
        let pairs = PairRow::read(&self.pairs)?;
        possible(pairs.iter().all(|row| row.cross.is_possible()), "pairs")?;
        let fits = FitRow::read(&self.fits)?;
        possible(fits.iter().all(|row| row.cross.is_possible()), "fits")
    }
}

/// Reads one column of a table.
///
/// # Errors
/// [`AnalysisError::Damaged`], naming table and column.
pub fn column<'t, V: Value<'t>>(
    table: &'t DataFrame,
    of: &'static str,
    name: &str,
) -> Result<Vec<V>, AnalysisError> {
    crate::tables::column::Field::read(table, of, name)
}

fn no_cell(of: &str) -> AnalysisError {
    AnalysisError::damaged(format!("table {of}: a row refers to no row of cells"))
}

fn replace_column(
    table: &DataFrame,
    name: &str,
    values: Vec<u64>,
) -> Result<DataFrame, AnalysisError> {
    let mut table = table.clone();
    let column = u64::write_column(name, values);
    table.with_column(column).map_err(crate::tables::column::engine("number cells"))?;
    Ok(table)
}
