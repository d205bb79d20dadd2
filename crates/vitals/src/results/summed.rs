//! Rows of merged tables, and the measures they amount to.
//!
//! Used by [`crate::results::cohort`]. Here sums become means and bins become
//! quantiles, once.

use std::cmp::Ordering;

use crate::rules::fixed::mean_units;
use crate::rules::histogram::quantile;
use crate::rules::moments::Sums;
use crate::rules::range::ReferenceRange;
use crate::rules::series::Moment;
use crate::rules::series::Piece;
use crate::rules::timeline::{Overlapping, whole};
use crate::rules::trend::{Days, Fit, TimeSums, fit};
use crate::rules::vital::Vital;
use polars::prelude::*;
use rustc_hash::FxHashMap;

use crate::tables::natural::natural;
use crate::tables::patients::{DAYS, PatientTables, cell_and_bin};
use crate::tables::timelines;
use sce_study::AnalysisError;

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
    /// Time, and mean of the values at that time.
    pub first: Option<(i64, f64)>,
    pub last: Option<(i64, f64)>,
    /// 100 · SD / mean.
    pub cv: Option<f64>,
    /// The line through the values; of a patient only.
    pub trend: Option<Fit>,
    /// The values in the order of time, if that is known; of a patient only.
    pub course: Result<Option<Piece>, Overlapping>,
}

/// A row of `cells` with its bins: a sum that is not yet a measure.
pub struct Summed {
    pub patient: String,
    pub vital: Vital,
    pub sums: Sums,
    times: TimeSums,
    days: Days,
    missing: u64,
    implausible: u64,
    min: Option<f64>,
    max: Option<f64>,
    first: Option<Moment>,
    last: Option<Moment>,
    pub bins: Vec<(i32, u64)>,
    moments: Vec<Moment>,
    pieces: Vec<Piece>,
}

/// One vital of all patients, who are taken in one by one.
#[derive(Default)]
pub struct VitalTotal {
    /// How many patients have a value.
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
    /// Takes a patient's cell in.
    pub fn take(&mut self, cell: &Summed) -> Result<(), AnalysisError> {
        self.patients += u64::from(cell.sums.n > 0);
        self.sums = self.sums.merged(cell.sums).ok_or(AnalysisError::TooManyValues)?;
        self.missing += cell.missing;
        self.implausible += cell.implausible;
        self.min = self.min.into_iter().chain(cell.min).reduce(f64::min);
        self.max = self.max.into_iter().chain(cell.max).reduce(f64::max);
        let either = |a: Option<Moment>, b: Option<Moment>, wanted| {
            a.into_iter().chain(b).reduce(|a, b| extreme(a, b, wanted))
        };
        self.first = either(self.first, cell.first, Ordering::Less);
        self.last = either(self.last, cell.last, Ordering::Greater);
        for (bin, count) in &cell.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
        Ok(())
    }

    /// All patients' values as one cell, without a trend.
    pub fn cell(self, vital: Vital) -> Summed {
        let mut bins: Vec<(i32, u64)> = self.bins.into_iter().collect();
        bins.sort_unstable();
        Summed {
            patient: String::new(),
            vital,
            sums: self.sums,
            times: TimeSums::default(),
            days: Days::default(),
            missing: self.missing,
            implausible: self.implausible,
            min: self.min,
            max: self.max,
            first: self.first,
            last: self.last,
            bins,
            moments: Vec::new(),
            pieces: Vec::new(),
        }
    }
}

impl Summed {
    /// The line through the values.
    pub fn trend(&self) -> Option<Fit> {
        fit(&self.sums, &self.times, &self.days)
    }

    /// What the sums amount to.
    pub fn measures(&self) -> Measures {
        // The extremes are unrounded, so a mean or a quartile that a step or a
        // bin puts outside them belongs on them.
        let within = |x: f64| x.max(self.min.unwrap_or(x)).min(self.max.unwrap_or(x));
        let moment =
            |m: Option<Moment>| m.map(|(time, sum, count)| (time, within(mean_units(sum, count))));
        let (mean, sd) = (self.sums.mean().map(within), self.sums.sd());
        let cv = sd.zip(mean).filter(|(_, mean)| *mean != 0.0).map(|(sd, mean)| 100.0 * sd / mean);
        Measures {
            n: self.sums.n,
            missing: self.missing,
            implausible: self.implausible,
            mean,
            sd,
            min: self.min,
            quartiles: [1, 2, 3].map(|quarter| quantile(&self.bins, quarter).map(within)),
            max: self.max,
            first: moment(self.first),
            last: moment(self.last),
            cv,
            trend: self.trend(),
            course: whole(self.moments.clone(), &self.pieces, &ReferenceRange::usual(self.vital)),
        }
    }
}

/// Whichever moment is on the wanted side; both together if they are the same.
fn extreme(a: Moment, b: Moment, wanted: Ordering) -> Moment {
    match a.0.cmp(&b.0) {
        Ordering::Equal => (a.0, a.1 + b.1, a.2 + b.2),
        order if order == wanted => a,
        _ => b,
    }
}

/// The rows, each with its bins: patients in natural order, vitals in theirs.
pub fn cells(tables: &PatientTables) -> PolarsResult<Vec<Summed>> {
    let t = &tables.cells;
    let count = |name: &str| t.column(name)?.u64();
    let sum = |name: &str| t.column(name)?.i128();
    let (n, total, squares) = (count("n")?, sum("sum")?, sum("sum_squares")?);
    let times = (sum("time_sum")?, sum("time_sum_squares")?, sum("time_sum_products")?);
    let day = |name: &str| t.column(name)?.i64();
    let days = (day(DAYS[0])?, day(DAYS[1])?, day(DAYS[2])?);
    let (missing, implausible) = (count("missing")?, count("implausible")?);
    let (min, max) = (t.column("min")?.f64()?, t.column("max")?.f64()?);
    let moment = |time: &str, sums: &str, counts: &str| -> PolarsResult<Vec<Option<Moment>>> {
        let (time, sums, counts) = (t.column(time)?.i64()?, sum(sums)?, count(counts)?);
        let values = time.iter().zip(sums.iter()).zip(counts.iter());
        Ok(values.map(|((time, sum), count)| Some((time?, sum?, count?))).collect())
    };
    let first = moment("first_time", "first_sum", "first_count")?;
    let last = moment("last_time", "last_sum", "last_count")?;
    let keys = t.column("patient")?.str()?.iter().zip(t.column("vital")?.u8()?.iter());
    let mut cells = Vec::with_capacity(t.height());
    for (row, (patient, vital)) in keys.enumerate() {
        let Some((patient, vital)) = patient.zip(vital.and_then(Vital::from_code)) else {
            continue;
        };
        let get = |values: &UInt64Chunked| values.get(row).unwrap_or(0);
        let get_sum = |values: &Int128Chunked| values.get(row).unwrap_or(0);
        cells.push(Summed {
            patient: patient.to_owned(),
            vital,
            sums: Sums { n: get(n), sum: get_sum(total), sum_squares: get_sum(squares) },
            times: TimeSums {
                sum: get_sum(times.0),
                sum_squares: get_sum(times.1),
                sum_products: get_sum(times.2),
            },
            days: Days { first: days.0.get(row), last: days.1.get(row), between: days.2.get(row) },
            missing: get(missing),
            implausible: get(implausible),
            min: min.get(row),
            max: max.get(row),
            first: first[row],
            last: last[row],
            bins: Vec::new(),
            moments: Vec::new(),
            pieces: Vec::new(),
        });
    }
    let height = cells.len();
    let (places, amounts) = (tables.bins.column("place")?.u64()?, tables.bins.column("count")?);
    for (place, count) in places.iter().flatten().zip(amounts.u64()?.iter().flatten()) {
        let (cell, bin) = cell_and_bin(place);
        if let Some(cell) = cells.get_mut(cell as usize) {
            cell.bins.push((bin, count));
        }
    }
    let at = |cell: u64| usize::try_from(cell).ok().filter(|at| *at < height);
    for (cell, moment) in timelines::moments(&tables.moments)? {
        if let Some(at) = at(cell) {
            cells[at].moments.push(moment);
        }
    }
    for (cell, piece) in timelines::pieces(&tables.pieces)? {
        if let Some(at) = at(cell) {
            cells[at].pieces.push(piece);
        }
    }
    cells.sort_by(|a, b| natural(&a.patient, &b.patient).then(a.vital.cmp(&b.vital)));
    Ok(cells)
}
