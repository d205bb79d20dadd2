//! The numbers of the outputs, computed once from the merged partial.
//!
//! Used by every deliverable. This is the only place where sums become means
//! and bins become quantiles; the outputs only write what is here.

use super::partial::{BAND_COUNTS, QUALITY_CHECKS, VitalsPartial, cell_and_bin, engine};
use crate::study::{InputOutcome, RunFacts, StudyError};
use polars::prelude::*;
use rustc_hash::FxHashMap;
use sce_core::vitals::{Sums, Vital, mean_units, quantile};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The measures of one vital, of a patient or of all; `None` is undefined.
#[derive(Debug, Clone, Default)]
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
}

/// One row of the patient table.
pub struct PatientRow {
    pub patient: String,
    pub vital: Vital,
    pub measures: Measures,
}

/// One vital over all patients.
pub struct CohortRow {
    pub vital: Vital,
    /// Patients with at least one value.
    pub patients: u64,
    pub measures: Measures,
}

/// One row of the data-quality table, counts as in [`QUALITY_CHECKS`].
pub struct QualityRow {
    pub object: String,
    pub vital: Vital,
    pub counts: [u64; QUALITY_CHECKS.len()],
}

/// One input of the run.
pub struct InputRow {
    pub object: String,
    pub outcome: InputOutcome,
    pub reason: Option<String>,
    /// Rows and hex SHA-256 of the plaintext, if it was analysed.
    pub content: Option<(u64, String)>,
}

/// Everything the outputs say.
pub struct Results {
    pub run: String,
    pub inputs: Vec<InputRow>,
    /// How many patients there are.
    pub patients: u64,
    /// Patients in natural order, vitals in theirs.
    pub rows: Vec<PatientRow>,
    /// Every vital the format has a place for.
    pub cohort: Vec<CohortRow>,
    /// Counts as in [`BAND_COUNTS`].
    pub bands: [u64; BAND_COUNTS.len()],
    /// By object, then vital.
    pub quality: Vec<QualityRow>,
}

impl Results {
    /// The results of a run. `measured` are the vitals to name even if
    /// nothing was analysed.
    pub fn of(
        facts: &RunFacts,
        partial: &VitalsPartial,
        measured: &[Vital],
    ) -> Result<Self, StudyError> {
        let read = engine("read merged partial");
        let contents = contents(partial).map_err(&read)?;
        let cells = cells(partial).map_err(&read)?;
        let mut rows: Vec<PatientRow> = cells.iter().map(Summed::row).collect();
        rows.sort_by(|a, b| natural(&a.patient, &b.patient).then(a.vital.cmp(&b.vital)));
        let cohort = Vital::ALL
            .into_iter()
            .filter(|v| measured.contains(v) || cells.iter().any(|cell| cell.vital == *v))
            .map(|vital| cohort_row(vital, &cells))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            run: facts.run.clone(),
            inputs: inputs(facts, contents)?,
            patients: partial.scores.height() as u64,
            rows,
            cohort,
            bands: totals(&partial.scores, &BAND_COUNTS).map_err(&read)?,
            quality: quality(&partial.quality).map_err(&read)?,
        })
    }

    /// Quality counts over all objects and vitals.
    pub fn quality_totals(&self) -> [u64; QUALITY_CHECKS.len()] {
        let mut totals = [0; QUALITY_CHECKS.len()];
        for row in &self.quality {
            for (total, count) in totals.iter_mut().zip(row.counts) {
                *total += count;
            }
        }
        totals
    }
}

/// A row of `cells` with its bins: a sum that is not yet a measure.
#[derive(Clone)]
struct Summed {
    patient: String,
    vital: Vital,
    sums: Sums,
    missing: u64,
    implausible: u64,
    min: Option<f64>,
    max: Option<f64>,
    first: Option<Moment>,
    last: Option<Moment>,
    bins: Vec<(i32, u64)>,
}

/// Time, Σ of the values at that time, how many.
type Moment = (i64, i128, u64);

impl Summed {
    fn row(&self) -> PatientRow {
        PatientRow { patient: self.patient.clone(), vital: self.vital, measures: self.measures() }
    }

    fn measures(&self) -> Measures {
        // The extremes are unrounded, so a mean or a quartile that a step or a
        // bin puts outside them belongs on them.
        let within = |x: f64| x.max(self.min.unwrap_or(x)).min(self.max.unwrap_or(x));
        let moment =
            |m: Option<Moment>| m.map(|(time, sum, count)| (time, within(mean_units(sum, count))));
        Measures {
            n: self.sums.n,
            missing: self.missing,
            implausible: self.implausible,
            mean: self.sums.mean().map(within),
            sd: self.sums.sd(),
            min: self.min,
            quartiles: [1, 2, 3].map(|quarter| quantile(&self.bins, quarter).map(within)),
            max: self.max,
            first: moment(self.first),
            last: moment(self.last),
        }
    }
}

fn cohort_row(vital: Vital, cells: &[Summed]) -> Result<CohortRow, StudyError> {
    let of_vital = || cells.iter().filter(|cell| cell.vital == vital);
    let mut bins: FxHashMap<i32, u64> = FxHashMap::default();
    let mut sums = Sums::default();
    for cell in of_vital() {
        sums = sums.merged(cell.sums).ok_or(StudyError::TooManyValues)?;
        for (bin, count) in &cell.bins {
            *bins.entry(*bin).or_default() += count;
        }
    }
    let mut bins: Vec<(i32, u64)> = bins.into_iter().collect();
    bins.sort_unstable();
    let all = Summed {
        patient: String::new(),
        vital,
        sums,
        missing: of_vital().map(|c| c.missing).sum(),
        implausible: of_vital().map(|c| c.implausible).sum(),
        min: of_vital().filter_map(|c| c.min).reduce(f64::min),
        max: of_vital().filter_map(|c| c.max).reduce(f64::max),
        first: of_vital().filter_map(|c| c.first).reduce(|a, b| extreme(a, b, Ordering::Less)),
        last: of_vital().filter_map(|c| c.last).reduce(|a, b| extreme(a, b, Ordering::Greater)),
        bins,
    };
    let patients = of_vital().filter(|c| c.sums.n > 0).count() as u64;
    Ok(CohortRow { vital, patients, measures: all.measures() })
}

/// Whichever moment is on the wanted side; both together if they are the same.
fn extreme(a: Moment, b: Moment, wanted: Ordering) -> Moment {
    match a.0.cmp(&b.0) {
        Ordering::Equal => (a.0, a.1 + b.1, a.2 + b.2),
        order if order == wanted => a,
        _ => b,
    }
}

/// Whole numbers first, by value; then everything else, as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(left), Ok(right)) => left.cmp(&right).then_with(|| a.cmp(b)),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

fn cells(partial: &VitalsPartial) -> PolarsResult<Vec<Summed>> {
    let t = &partial.cells;
    let count = |name: &str| t.column(name)?.u64();
    let sum = |name: &str| t.column(name)?.i128();
    let (n, total, squares) = (count("n")?, sum("sum")?, sum("sum_squares")?);
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
            missing: get(missing),
            implausible: get(implausible),
            min: min.get(row),
            max: max.get(row),
            first: first[row],
            last: last[row],
            bins: Vec::new(),
        });
    }
    let (places, amounts) = (partial.bins.column("place")?.u64()?, partial.bins.column("count")?);
    for (place, count) in places.iter().flatten().zip(amounts.u64()?.iter().flatten()) {
        let (cell, bin) = cell_and_bin(place);
        if let Some(cell) = cells.get_mut(cell as usize) {
            cell.bins.push((bin, count));
        }
    }
    Ok(cells)
}

fn totals<const N: usize>(table: &DataFrame, names: &[&str; N]) -> PolarsResult<[u64; N]> {
    let mut totals = [0; N];
    for (total, name) in totals.iter_mut().zip(names) {
        *total = table.column(name)?.u64()?.iter().flatten().sum();
    }
    Ok(totals)
}

fn quality(table: &DataFrame) -> PolarsResult<Vec<QualityRow>> {
    let keys = table.column("object")?.str()?.iter().zip(table.column("vital")?.u8()?.iter());
    let mut rows = Vec::with_capacity(table.height());
    for (row, (object, vital)) in keys.enumerate() {
        let Some((object, vital)) = object.zip(vital.and_then(Vital::from_code)) else {
            continue;
        };
        let mut counts = [0; QUALITY_CHECKS.len()];
        for (count, name) in counts.iter_mut().zip(QUALITY_CHECKS) {
            *count = table.column(name)?.u64()?.get(row).unwrap_or(0);
        }
        rows.push(QualityRow { object: object.to_owned(), vital, counts });
    }
    rows.sort_by(|a, b| a.object.cmp(&b.object).then(a.vital.cmp(&b.vital)));
    Ok(rows)
}

type Contents = BTreeMap<String, (u64, String)>;

fn contents(partial: &VitalsPartial) -> PolarsResult<Contents> {
    let objects = partial.inputs.column("object")?.str()?;
    let rows = partial.inputs.column("rows")?.u64()?;
    let digests = partial.inputs.column("digest")?.str()?;
    let content = rows.iter().flatten().zip(digests.iter().flatten());
    let named = objects.iter().flatten().zip(content);
    Ok(named
        .map(|(object, (rows, digest))| (object.to_owned(), (rows, digest.to_owned())))
        .collect())
}

/// The run's inputs with their content; refuses a partial that holds anything
/// else than what the run says it analysed.
fn inputs(facts: &RunFacts, mut contents: Contents) -> Result<Vec<InputRow>, StudyError> {
    let differ =
        |object: &str, problem| StudyError::FactsDiffer { object: object.to_owned(), problem };
    let mut rows = Vec::with_capacity(facts.inputs.len());
    for input in &facts.inputs {
        let content = contents.remove(&input.object);
        match (input.outcome, &content) {
            (InputOutcome::Analysed, None) => {
                return Err(differ(&input.object, "analysed but in no partial"));
            }
            (InputOutcome::Quarantined | InputOutcome::Failed, Some(_)) => {
                return Err(differ(&input.object, "in a partial but not analysed"));
            }
            _ => {}
        }
        rows.push(InputRow {
            object: input.object.clone(),
            outcome: input.outcome,
            reason: input.reason.clone(),
            content,
        });
    }
    match contents.first_key_value() {
        Some((object, _)) => Err(differ(object, "in a partial but not of this run")),
        None => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_sort_as_people_expect() {
        let mut ids = ["b", "10", "9", "-1", "a", "007", "7", "10x", "0"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["-1", "0", "007", "7", "9", "10", "10x", "a", "b"]);
    }
}
