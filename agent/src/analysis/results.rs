//! The numbers of the outputs, computed once from the merged partial.
//!
//! Used by every deliverable; the outputs only write what is here.

use super::associations::Associations;
use super::derived::{DerivedRow, derived_rows};
use super::inputs::{InputRow, inputs};
use super::partial::{AGES, BAND_COUNTS, LIFE_CHECKS, QUALITY_CHECKS, VitalsPartial, engine};
use super::summed::{Measures, Summed, cells};
use crate::study::{RunFacts, StudyError};
use polars::prelude::*;
use rustc_hash::FxHashMap;
use sce_core::vitals::{BloodPressure, BodyMass, UnderAge, Vital, false_discovery, of_adult};
use std::cmp::Ordering;

/// What is known of a patient as a whole.
#[derive(Debug, Clone, Copy)]
pub struct PatientFacts {
    pub blood_pressure: Result<Option<BloodPressure>, UnderAge>,
    pub body_mass: Result<Option<BodyMass>, UnderAge>,
    /// The highest total, and that of the last set.
    pub news2: Result<Option<(u64, u64)>, UnderAge>,
}

/// One row of the patient table.
pub struct PatientRow {
    pub patient: String,
    pub vital: Vital,
    pub measures: Measures,
    /// The trend's p, adjusted for the number of patients with one.
    pub trend_q: Option<f64>,
    /// The same on every row of a patient.
    pub whole: PatientFacts,
}

/// One vital over all patients.
pub struct CohortRow {
    pub vital: Vital,
    /// Patients with at least one value.
    pub patients: u64,
    pub measures: Measures,
    /// How many values in each bin.
    pub bins: Vec<(i32, u64)>,
}

/// One row of the data-quality table, counts as in [`QUALITY_CHECKS`].
pub struct QualityRow {
    pub object: String,
    pub vital: Vital,
    pub counts: [u64; QUALITY_CHECKS.len()],
}

/// Everything the outputs say.
pub struct Results {
    pub run: String,
    pub inputs: Vec<InputRow>,
    /// How many patients there are.
    pub patients: u64,
    /// Patients in natural order, vitals in theirs.
    pub rows: Vec<PatientRow>,
    /// Every vital that an object had a place for, or a reading of.
    pub cohort: Vec<CohortRow>,
    /// Counts as in [`BAND_COUNTS`].
    pub bands: [u64; BAND_COUNTS.len()],
    /// Counts as in [`AGES`].
    pub ages: [u64; AGES.len()],
    /// Hex SHA-256 of each table of people; none if there was none.
    pub people: Vec<String>,
    /// Patients whose birth these tables say.
    pub births_known: u64,
    /// Patients by the highest band of any of their sets, low first; those
    /// without a complete set are in none.
    pub highest_bands: [u64; BAND_COUNTS.len() - 1],
    /// NEWS2 bands by month, in the order of time.
    pub months: Vec<(i64, [u64; BAND_COUNTS.len()])>,
    /// Patients in natural order, measures in theirs.
    pub derived: Vec<DerivedRow>,
    /// By object, then vital.
    pub quality: Vec<QualityRow>,
    /// Of the effects of the pseudo-data; empty without them.
    pub associations: Associations,
}

impl Results {
    /// The results of a run.
    pub fn of(facts: &RunFacts, partial: &VitalsPartial) -> Result<Self, StudyError> {
        let read = engine("read merged partial");
        let cells = cells(partial).map_err(&read)?;
        let quality = quality(&partial.quality).map_err(&read)?;
        let inputs = inputs(facts, partial)?;
        let mut rows: Vec<PatientRow> = cells.iter().map(row).collect();
        rows.sort_by(|a, b| natural(&a.patient, &b.patient).then(a.vital.cmp(&b.vital)));
        adjust_for_many(&mut rows);
        describe(&mut rows, &partial.scores).map_err(&read)?;
        let cohort = Vital::ALL
            .into_iter()
            .filter(|vital| quality.iter().any(|row| row.vital == *vital))
            .map(|vital| cohort_row(vital, &cells))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            run: facts.run.clone(),
            patients: partial.scores.height() as u64,
            rows,
            cohort,
            bands: totals(&partial.scores, &BAND_COUNTS).map_err(&read)?,
            ages: totals(&partial.scores, &AGES).map_err(&read)?,
            people: people(&inputs),
            births_known: births_known(&partial.scores).map_err(&read)?,
            inputs,
            highest_bands: highest_bands(&partial.scores).map_err(&read)?,
            months: months(&partial.months).map_err(&read)?,
            derived: derived_rows(&partial.derived).map_err(&read)?,
            quality,
            associations: Associations::of(&partial.effects).map_err(&read)?,
        })
    }

    /// Patients by what is known of each as a whole, and how many are counted.
    pub fn patients_by<T: PartialEq, const N: usize>(
        &self,
        all: &[T; N],
        of: impl Fn(&PatientFacts) -> Option<T>,
    ) -> ([u64; N], u64) {
        let mut counts = [0; N];
        for of_patient in self.rows.chunk_by(|a, b| a.patient == b.patient) {
            let Some(category) = of(&of_patient[0].whole) else { continue };
            if let Some(place) = all.iter().position(|one| *one == category) {
                counts[place] += 1;
            }
        }
        (counts, counts.iter().sum())
    }

    /// Is the check made? Some need a table of people.
    pub fn is_checked(&self, check: &str) -> bool {
        !LIFE_CHECKS.contains(&check) || !self.people.is_empty()
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

fn row(cell: &Summed) -> PatientRow {
    PatientRow {
        patient: cell.patient.clone(),
        vital: cell.vital,
        measures: cell.measures(),
        trend_q: None,
        whole: PatientFacts { blood_pressure: Ok(None), body_mass: Ok(None), news2: Ok(None) },
    }
}

fn cohort_row(vital: Vital, cells: &[Summed]) -> Result<CohortRow, StudyError> {
    let patients = cells.iter().filter(|cell| cell.vital == vital && cell.sums.n > 0).count();
    let all = Summed::of_all(vital, cells)?;
    Ok(CohortRow { vital, patients: patients as u64, measures: all.measures(), bins: all.bins })
}

/// Gives every trend its q, among the patients' trends of the same vital.
fn adjust_for_many(rows: &mut [PatientRow]) {
    for vital in Vital::ALL {
        let places: Vec<usize> = (0..rows.len())
            .filter(|at| rows[*at].vital == vital && rows[*at].measures.trend.is_some())
            .collect();
        let p: Vec<f64> =
            places.iter().filter_map(|at| rows[*at].measures.trend.map(|fit| fit.p)).collect();
        for (place, q) in places.into_iter().zip(false_discovery(&p)) {
            rows[place].trend_q = Some(q);
        }
    }
}

/// What the scores say of a patient.
struct Scored {
    news2: Result<Option<(u64, u64)>, UnderAge>,
    adult_from: Option<i64>,
}

fn scored(scores: &DataFrame) -> PolarsResult<FxHashMap<&str, Scored>> {
    let count = |name: &str| scores.column(name)?.u64();
    let (max, last, under_age) = (count("max")?, count("last")?, count(AGES[1])?);
    let time = |name: &str| scores.column(name)?.i64();
    let (last_time, adult_from) = (time("last_time")?, time("adult_from")?);
    let of = |at: usize| Scored {
        news2: match (last_time.get(at), under_age.get(at)) {
            (Some(_), _) => Ok(max.get(at).zip(last.get(at))),
            (None, Some(1..)) => Err(UnderAge),
            (None, _) => Ok(None),
        },
        adult_from: adult_from.get(at),
    };
    let patients = scores.column("patient")?.str()?;
    Ok(patients.iter().enumerate().filter_map(|(at, name)| Some((name?, of(at)))).collect())
}

/// Gives every row what is known of its patient as a whole. Rows of a patient
/// must be neighbours.
fn describe(rows: &mut [PatientRow], scores: &DataFrame) -> PolarsResult<()> {
    let scored = scored(scores)?;
    for of_patient in rows.chunk_by_mut(|a, b| a.patient == b.patient) {
        let known = scored.get(of_patient[0].patient.as_str());
        let adult_from = known.and_then(|known| known.adult_from);
        let measures = |vital: Vital| {
            of_patient.iter().find(|row| row.vital == vital).map(|row| &row.measures)
        };
        let twice = |vital: Vital| {
            let m = measures(vital)?;
            let occasions = m.first?.0 != m.last?.0;
            m.mean.filter(|_| occasions)
        };
        let first = |vital: Vital| measures(vital).and_then(|m| m.first).map(|(time, _)| time);
        let pressures = twice(Vital::SystolicBp).zip(twice(Vital::DiastolicBp));
        let blood_pressure = pressures.map(|(high, low)| BloodPressure::of(high, low));
        let first_pressures = [first(Vital::SystolicBp), first(Vital::DiastolicBp)];
        let body_mass = measures(Vital::Bmi).and_then(|m| m.mean).map(BodyMass::of);
        let whole = PatientFacts {
            blood_pressure: of_adult(blood_pressure, &first_pressures, adult_from),
            body_mass: of_adult(body_mass, &[first(Vital::Bmi)], adult_from),
            news2: known.map_or(Ok(None), |known| known.news2),
        };
        of_patient.iter_mut().for_each(|row| row.whole = whole);
    }
    Ok(())
}

fn births_known(scores: &DataFrame) -> PolarsResult<u64> {
    let adult_from = scores.column("adult_from")?;
    Ok((adult_from.len() - adult_from.null_count()) as u64)
}

/// The digests of the tables of people: the same for every object of a run.
fn people(inputs: &[InputRow]) -> Vec<String> {
    let of = inputs.iter().find_map(|input| input.content.as_ref());
    of.map_or_else(Vec::new, |of| of.people.split_whitespace().map(str::to_owned).collect())
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

fn totals<const N: usize>(table: &DataFrame, names: &[&str; N]) -> PolarsResult<[u64; N]> {
    let mut totals = [0; N];
    for (total, name) in totals.iter_mut().zip(names) {
        *total = table.column(name)?.u64()?.iter().flatten().sum();
    }
    Ok(totals)
}

fn highest_bands(scores: &DataFrame) -> PolarsResult<[u64; BAND_COUNTS.len() - 1]> {
    let mut bands = Vec::new();
    for name in &BAND_COUNTS[1..] {
        bands.push(scores.column(name)?.u64()?);
    }
    let mut patients = [0; BAND_COUNTS.len() - 1];
    for at in 0..scores.height() {
        let highest = bands.iter().rposition(|sets| sets.get(at).unwrap_or(0) > 0);
        if let Some(band) = highest {
            patients[band] += 1;
        }
    }
    Ok(patients)
}

fn months(table: &DataFrame) -> PolarsResult<Vec<(i64, [u64; BAND_COUNTS.len()])>> {
    let mut months = Vec::with_capacity(table.height());
    for (at, month) in table.column("month")?.i64()?.iter().enumerate() {
        let mut bands = [0; BAND_COUNTS.len()];
        for (count, name) in bands.iter_mut().zip(BAND_COUNTS) {
            *count = table.column(name)?.u64()?.get(at).unwrap_or(0);
        }
        months.extend(month.map(|month| (month, bands)));
    }
    months.sort_unstable();
    Ok(months)
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
