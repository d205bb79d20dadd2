//! The numbers of the outputs, computed once from the merged partial.
//!
//! Used by every deliverable; the outputs only write what is here. Patients
//! come range by range, twice: [`Survey`] learns what must be known of all of
//! them, then [`Cohort`] makes the rows that are written, and what they amount
//! to.

use crate::results::associations::Associations;
use crate::results::effect_fits::{EffectFits, EffectTotals};
use crate::results::inputs::InputRow;
use crate::results::patient_rows::{PatientFacts, PatientRow, patient_rows};
use crate::results::summed::{Measures, VitalTotal, cells};
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::derived::Derived;
use crate::rules::trend::false_discovery;
use crate::rules::vital::Vital;
use crate::tables::column::{BAND_COUNTS, engine};
use crate::tables::derived::{DerivedRow, derived_rows};
use crate::tables::objects::{LIFE_CHECKS, ObjectTables, QUALITY_CHECKS};
use crate::tables::patients::{AGES, PatientTables};
use polars::prelude::*;
use sce_study::{AnalysisError, RunFacts};

const READ: &str = "read merged partial";

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

/// Everything the outputs say beside the patients' rows.
pub struct Results {
    pub run: String,
    pub inputs: Vec<InputRow>,
    /// Every vital that an object had a place for, or a reading of.
    pub cohort: Vec<CohortRow>,
    /// Hex SHA-256 of each table of people; none if there was none.
    pub people: Vec<String>,
    /// NEWS2 bands by month, in the order of time.
    pub months: Vec<(i64, [u64; BAND_COUNTS.len()])>,
    /// By object, then vital.
    pub quality: Vec<QualityRow>,
    /// Of the effects of the pseudo-data; empty without them.
    pub associations: Associations,
    /// What counts patients.
    pub counts: PatientCounts,
}

/// Numbers of patients, and of their NEWS2 sets.
#[derive(Default)]
pub struct PatientCounts {
    /// How many patients there are.
    pub patients: u64,
    /// Of them, those whose birth a table of people says.
    pub births_known: u64,
    /// By category, as [`BloodPressure::ALL`].
    pub blood_pressures: [u64; BloodPressure::ALL.len()],
    /// By class, as [`BodyMass::ALL`].
    pub body_masses: [u64; BodyMass::ALL.len()],
    /// By the highest band of any of their sets, low first; those without a
    /// complete set are in none.
    pub highest_bands: [u64; BAND_COUNTS.len() - 1],
    /// With a derived measure, flagged ever and never; as [`Derived::ALL`].
    pub flagged: [(u64, u64); Derived::COUNT],
    /// Sets, as [`BAND_COUNTS`].
    pub bands: [u64; BAND_COUNTS.len()],
    /// Sets, as [`AGES`].
    pub ages: [u64; AGES.len()],
    /// Change in a year and its q, of each patient with a trend; by vital.
    pub slopes: [Vec<(f64, f64)>; Vital::COUNT],
}

/// The first pass: what must be known of all patients before one is written.
pub struct Survey {
    /// The p of each trend, by vital.
    p: [Vec<f64>; Vital::COUNT],
    effects: EffectTotals,
}

impl Survey {
    pub fn new() -> Self {
        Self { p: Default::default(), effects: EffectTotals::new() }
    }

    /// Takes the next patients in.
    pub fn take(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        for cell in cells(tables).map_err(engine(READ))? {
            self.p[cell.vital.index()].extend(cell.trend().map(|fit| fit.p));
        }
        self.effects.take(tables).map_err(engine(READ))
    }
}

/// The second pass.
pub struct Cohort {
    /// The p of each trend, adjusted for the number of patients with one.
    q: [std::vec::IntoIter<f64>; Vital::COUNT],
    effects: EffectFits,
    vitals: [VitalTotal; Vital::COUNT],
    counts: PatientCounts,
}

impl Cohort {
    pub fn new(survey: Survey) -> Self {
        Self {
            q: survey.p.map(|p| false_discovery(&p).into_iter()),
            effects: survey.effects.fit(),
            vitals: Default::default(),
            counts: PatientCounts::default(),
        }
    }

    /// Takes the next patients in, once more; answers their rows.
    pub fn take(
        &mut self,
        tables: &PatientTables,
    ) -> Result<(Vec<PatientRow>, Vec<DerivedRow>), AnalysisError> {
        let cells = cells(tables).map_err(engine(READ))?;
        for cell in &cells {
            self.vitals[cell.vital.index()].take(cell)?;
        }
        let rows = patient_rows(cells, tables, &mut self.q)?;
        let derived = derived_rows(&tables.derived).map_err(engine(READ))?;
        self.effects.take(tables).map_err(engine(READ))?;
        self.counts.take(tables, &rows, &derived).map_err(engine(READ))?;
        Ok((rows, derived))
    }

    /// What it all amounts to.
    pub fn finish(
        self,
        facts: &RunFacts,
        inputs: Vec<InputRow>,
        objects: &ObjectTables,
    ) -> Result<Results, AnalysisError> {
        let quality = quality(&objects.quality).map_err(engine(READ))?;
        let cohort = Vital::ALL.into_iter().zip(self.vitals).map(|(vital, total)| {
            let (patients, cell) = (total.patients, total.cell(vital));
            CohortRow { vital, patients, measures: cell.measures(), bins: cell.bins }
        });
        let is_seen = |row: &CohortRow| quality.iter().any(|of| of.vital == row.vital);
        Ok(Results {
            run: facts.run.clone(),
            cohort: cohort.filter(is_seen).collect(),
            people: people(&inputs),
            inputs,
            months: months(&objects.months).map_err(engine(READ))?,
            associations: self.effects.finish(objects).map_err(engine(READ))?,
            quality,
            counts: self.counts,
        })
    }
}

impl PatientCounts {
    fn take(
        &mut self,
        tables: &PatientTables,
        rows: &[PatientRow],
        derived: &[DerivedRow],
    ) -> PolarsResult<()> {
        self.patients += tables.patients() as u64;
        self.births_known += births_known(&tables.scores)?;
        add(&mut self.bands, totals(&tables.scores, &BAND_COUNTS)?);
        add(&mut self.ages, totals(&tables.scores, &AGES)?);
        add(&mut self.highest_bands, highest_bands(&tables.scores)?);
        for of_patient in rows.chunk_by(|a, b| a.patient == b.patient) {
            let whole: &PatientFacts = &of_patient[0].whole;
            if let Ok(Some(category)) = whole.blood_pressure {
                self.blood_pressures[category as usize] += 1;
            }
            if let Ok(Some(class)) = whole.body_mass {
                self.body_masses[class as usize] += 1;
            }
        }
        for row in derived {
            let (ever, never) = &mut self.flagged[row.measure as usize];
            *(if row.kept.flagged > 0 { ever } else { never }) += 1;
        }
        for row in rows {
            let trend = row.measures.trend.map(|fit| fit.slope_per_year).zip(row.trend_q);
            self.slopes[row.vital.index()].extend(trend);
        }
        Ok(())
    }
}

fn add<const N: usize>(sums: &mut [u64; N], more: [u64; N]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl Results {
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

fn births_known(scores: &DataFrame) -> PolarsResult<u64> {
    let adult_from = scores.column("adult_from")?;
    Ok((adult_from.len() - adult_from.null_count()) as u64)
}

/// The digests of the tables of people: the same for every object of a run.
fn people(inputs: &[InputRow]) -> Vec<String> {
    let of = inputs.iter().find_map(|input| input.content.as_ref());
    of.map_or_else(Vec::new, |of| of.people.split_whitespace().map(str::to_owned).collect())
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
