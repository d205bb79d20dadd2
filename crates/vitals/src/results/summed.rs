//! Cells with their bins and moments, and the measures computed from them.
//!
//! Used by [`crate::results::cohort`]. Here sums become means and bins become quantiles, once.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use sce_study::AnalysisError;

use crate::rules::histogram::quantile;
use crate::rules::moments::Sums;
use crate::rules::range::ReferenceRange;
use crate::rules::series::{Moment, Piece};
use crate::rules::timeline::{Overlapping, whole};
use crate::rules::trend::{Fit, fit};
use crate::tables::natural::natural;
use crate::tables::patients::{BinRow, CellRow, PatientTables, cell_and_bin};
use crate::tables::rows::Row;
use crate::tables::timelines::{MomentRow, PieceRow};

/// The measures of one vital, of a patient or of all; `None` is undefined.
#[derive(Debug, Clone)]
pub struct Measures {
    pub n: u64,
    pub missing: u64,
    pub implausible: u64,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub min: Option<f64>,
    pub quartiles: [Option<f64>; 3],
    pub max: Option<f64>,
    /// The time, and the mean of the values at that time.
    pub first: Option<(i64, f64)>,
    pub last: Option<(i64, f64)>,
    /// 100 · SD / mean.
    pub cv: Option<f64>,
    /// The line fitted to the values; of a patient only.
    pub trend: Option<Fit>,
    /// The values in order of time, if that is known; of a patient only.
    pub course: Result<Option<Piece>, Overlapping>,
}

/// A cell with its bins and moments.
pub struct SummedCell<'t> {
    pub row: CellRow<'t>,
    bins: Vec<(i32, u64)>,
    moments: Vec<Moment>,
    pieces: Vec<Piece>,
}

/// The sums that all measures are computed from.
struct CellTotals<'a> {
    sums: Sums,
    missing: u64,
    implausible: u64,
    min: Option<f64>,
    max: Option<f64>,
    first: Option<Moment>,
    last: Option<Moment>,
    bins: &'a [(i32, u64)],
}

/// The sums of one vital of all patients, who are added one by one.
#[derive(Default)]
pub struct VitalTotal {
    /// The number of patients with a value.
    pub patients: u64,
    sums: Sums,
    missing: u64,
    implausible: u64,
    min: Option<f64>,
    max: Option<f64>,
    first: Option<Moment>,
    last: Option<Moment>,
    bins: FxHashMap<i32, u64>,
}

impl VitalTotal {
    /// Adds a patient's cell.
    ///
    /// # Errors
    /// There are more values than exact sums hold.
    pub fn add(&mut self, cell: &SummedCell<'_>) -> Result<(), AnalysisError> {
        let row = &cell.row;
        self.patients += u64::from(row.n > 0);
        self.sums = self.sums.merged(row.sums()).ok_or(AnalysisError::TooManyValues)?;
        self.missing += row.missing;
        self.implausible += row.implausible;
        // `Option`'s own order would make a missing value the least.
        self.min = self.min.into_iter().chain(row.min).reduce(f64::min);
        self.max = self.max.into_iter().chain(row.max).reduce(f64::max);
        let either = |a: Option<Moment>, b: Option<Moment>, wanted| {
            a.into_iter().chain(b).reduce(|a, b| extreme(a, b, wanted))
        };
        self.first = either(self.first, row.first(), Ordering::Less);
        self.last = either(self.last, row.last(), Ordering::Greater);
        for (bin, count) in &cell.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
        Ok(())
    }

    /// Returns the measures of all patients' values, without a trend and a course; and the number
    /// of values in each bin.
    pub fn measures(self) -> (Measures, Vec<(i32, u64)>) {
        let mut bins: Vec<(i32, u64)> = self.bins.into_iter().collect();
        bins.sort_unstable();
        let totals = CellTotals {
            sums: self.sums,
            missing: self.missing,
            implausible: self.implausible,
            min: self.min,
            max: self.max,
            first: self.first,
            last: self.last,
            bins: &bins,
        };
        (totals.measures(None, Ok(None)), bins)
    }
}

impl SummedCell<'_> {
    /// Fits a line to the values.
    pub fn trend(&self) -> Option<Fit> {
        fit(&self.row.sums(), &self.row.times(), &self.row.days())
    }

    /// Returns the measures of the cell.
    pub fn measures(&self) -> Measures {
        let row = &self.row;
        let totals = CellTotals {
            sums: row.sums(),
            missing: row.missing,
            implausible: row.implausible,
            min: row.min,
            max: row.max,
            first: row.first(),
            last: row.last(),
            bins: &self.bins,
        };
        let reference = ReferenceRange::usual(row.vital);
        totals.measures(self.trend(), whole(self.moments.clone(), &self.pieces, &reference))
    }
}

impl CellTotals<'_> {
    fn measures(self, trend: Option<Fit>, course: Result<Option<Piece>, Overlapping>) -> Measures {
        // The extremes are unrounded. A mean or a quartile that rounding to a step or a bin puts
        // outside of them must be limited to them.
        let within = |x: f64| x.max(self.min.unwrap_or(x)).min(self.max.unwrap_or(x));
        let moment = |of: Option<Moment>| of.map(|of| (of.time, within(of.mean())));
        let (mean, sd) = (self.sums.mean().map(within), self.sums.sd());
        let cv = sd.zip(mean).filter(|(_, mean)| *mean != 0.0).map(|(sd, mean)| 100.0 * sd / mean);
        Measures {
            n: self.sums.n,
            missing: self.missing,
            implausible: self.implausible,
            mean,
            sd,
            min: self.min,
            quartiles: [1, 2, 3].map(|quarter| quantile(self.bins, quarter).map(within)),
            max: self.max,
            first: moment(self.first),
            last: moment(self.last),
            cv,
            trend,
            course,
        }
    }
}

/// Returns the moment on the wanted side; of two at the same time, both together.
fn extreme(mut a: Moment, b: Moment, wanted: Ordering) -> Moment {
    match a.time.cmp(&b.time) {
        Ordering::Equal => {
            a.add(b);
            a
        }
        order if order == wanted => a,
        _ => b,
    }
}

/// Returns the cells of some tables: patients in natural order, vitals in their own.
///
/// # Errors
/// A table is damaged.
pub fn summed_cells(tables: &PatientTables) -> Result<Vec<SummedCell<'_>>, AnalysisError> {
    let rows = CellRow::read(&tables.cells)?.into_iter();
    let mut cells: Vec<SummedCell<'_>> = rows
        .map(|row| SummedCell { row, bins: Vec::new(), moments: Vec::new(), pieces: Vec::new() })
        .collect();
    let no_cell = |of| AnalysisError::damaged(format!("table {of}: a row names no row of cells"));
    // Beyond any table, so that a number that is too large finds no cell.
    let at = |cell: u64| usize::try_from(cell).unwrap_or(usize::MAX);
    for BinRow { place, count } in BinRow::read(&tables.bins)? {
        let (cell, bin) = cell_and_bin(place);
        let cell = cells.get_mut(cell as usize).ok_or_else(|| no_cell("bins"))?;
        cell.bins.push((bin, count));
    }
    for row in MomentRow::read(&tables.moments)? {
        let cell = cells.get_mut(at(row.cell)).ok_or_else(|| no_cell("moments"))?;
        cell.moments.push(row.moment());
    }
    for row in PieceRow::read(&tables.pieces)? {
        let cell = cells.get_mut(at(row.cell)).ok_or_else(|| no_cell("pieces"))?;
        cell.pieces.push(row.piece());
    }
    cells.sort_by(|a, b| natural(a.row.patient, b.row.patient).then(a.row.vital.cmp(&b.row.vital)));
    Ok(cells)
}
