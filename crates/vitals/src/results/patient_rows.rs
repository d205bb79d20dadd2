//! The rows of the patient table, range by range.
//!
//! Used by [`crate::results::cohort`] and written by [`crate::outputs::patient_files`].

use crate::results::summed::{Measures, Summed};
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::people::{UnderAge, of_adult};
use crate::rules::vital::Vital;
use crate::tables::column::engine;
use crate::tables::patients::{AGES, PatientTables};
use polars::prelude::*;
use rustc_hash::FxHashMap;
use sce_study::AnalysisError;

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

/// The rows of a range's cells, which must be in order; each trend gets the
/// next q of its vital.
pub fn patient_rows(
    cells: Vec<Summed>,
    tables: &PatientTables,
    q: &mut [std::vec::IntoIter<f64>; Vital::COUNT],
) -> Result<Vec<PatientRow>, AnalysisError> {
    let row = |cell: Summed| {
        let (vital, measures) = (cell.vital, cell.measures());
        PatientRow {
            patient: cell.patient,
            vital,
            trend_q: measures.trend.and_then(|_| q[vital.index()].next()),
            measures,
            whole: PatientFacts { blood_pressure: Ok(None), body_mass: Ok(None), news2: Ok(None) },
        }
    };
    let mut rows: Vec<PatientRow> = cells.into_iter().map(row).collect();
    describe(&mut rows, &tables.scores).map_err(engine("describe patients"))?;
    Ok(rows)
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
