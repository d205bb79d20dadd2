//! The rows of the patient table, range by range.
//!
//! Used by [`crate::results::cohort`] and written by [`crate::outputs::patient_files`].

use rustc_hash::FxHashMap;

use crate::results::summed::{Measures, SummedCell};
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::people::{UnderAge, of_adult};
use crate::rules::vital::Vital;
use crate::tables::patients::ScoreRow;

/// Facts about a patient as a whole.
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
    /// The p-value of the trend, adjusted for the number of patients with one.
    pub trend_q: Option<f64>,
    /// The same in every row of a patient.
    pub whole: PatientFacts,
}

/// Returns the rows of a range's cells, which must be in order; each trend gets the next q-value
/// of its vital.
pub fn patient_rows(
    cells: &[SummedCell<'_>],
    scores: &[ScoreRow<'_>],
    q: &mut [std::vec::IntoIter<f64>; Vital::COUNT],
) -> Vec<PatientRow> {
    let scores: FxHashMap<&str, &ScoreRow<'_>> =
        scores.iter().map(|score| (score.patient, score)).collect();
    let mut rows = Vec::with_capacity(cells.len());
    for of_patient in cells.chunk_by(|a, b| a.row.patient == b.row.patient) {
        let patient = of_patient[0].row.patient;
        let measures: Vec<(Vital, Measures)> =
            of_patient.iter().map(|cell| (cell.row.vital, cell.measures())).collect();
        let whole = PatientFacts::of(&measures, scores.get(patient).copied());
        rows.extend(measures.into_iter().map(|(vital, measures)| PatientRow {
            patient: patient.to_owned(),
            vital,
            trend_q: measures.trend.and_then(|_| q[vital.index()].next()),
            measures,
            whole,
        }));
    }
    rows
}

impl PatientFacts {
    /// Computes the facts from the measures of a patient's vitals, and the NEWS2 scores.
    fn of(all: &[(Vital, Measures)], score: Option<&ScoreRow<'_>>) -> Self {
        let adult_from = score.and_then(|score| score.adult_from);
        let measures =
            |vital: Vital| all.iter().find(|(of, _)| *of == vital).map(|(_, measures)| measures);
        // Different first and last times mean at least two readings on two occasions.
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
        let news2 = |score: &ScoreRow<'_>| match (score.last_time, score.under_16) {
            (Some(_), _) => Ok(Some((score.max, score.last))),
            (None, 1..) => Err(UnderAge),
            (None, 0) => Ok(None),
        };
        Self {
            blood_pressure: of_adult(blood_pressure, &first_pressures, adult_from),
            body_mass: of_adult(body_mass, &[first(Vital::Bmi)], adult_from),
            news2: score.map_or(Ok(None), news2),
        }
    }
}
