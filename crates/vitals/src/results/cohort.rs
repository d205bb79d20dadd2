//! The numbers of the outputs, computed once from the merged partial.
//!
//! Used by every deliverable; the outputs only write these numbers. Patients come range by range,
//! twice: [`Survey`] computes what must be known of all of them, then [`Cohort`] computes the
//! rows that are written, and the totals.

use polars::prelude::DataFrame;
use sce_study::{AnalysisError, RunFacts};

use crate::results::associations::Associations;
use crate::results::effect_fits::{EffectFits, EffectTotals};
use crate::results::inputs::RunInput;
use crate::results::patient_rows::{PatientFacts, PatientRow, patient_rows};
use crate::results::summed::{Measures, VitalTotal, summed_cells};
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::derived::Derived;
use crate::rules::news2::{BandCounts, Course};
use crate::rules::quality::QualityCounts;
use crate::rules::trend::false_discovery;
use crate::rules::vital::Vital;
use crate::tables::derived::DerivedRow;
use crate::tables::natural::natural;
use crate::tables::objects::{MonthRow, ObjectTables, QualityRow};
use crate::tables::patients::{PatientTables, ScoreRow};
use crate::tables::rows::Row;

/// One vital over all patients.
pub struct CohortRow {
    pub vital: Vital,
    /// Patients with at least one value.
    pub patients: u64,
    pub measures: Measures,
    /// The number of values in each bin.
    pub bins: Vec<(i32, u64)>,
}

/// Data quality of a vital in an object, counts as [`QualityCounts::NAMES`].
pub struct ObjectQuality {
    pub object: String,
    pub vital: Vital,
    pub counts: [u64; QualityCounts::NAMES.len()],
}

/// All numbers of the outputs, except the patients' rows.
pub struct Results {
    pub run: String,
    pub inputs: Vec<RunInput>,
    /// Every vital that an object had a column for, or a reading of.
    pub cohort: Vec<CohortRow>,
    /// Hex SHA-256 of each table of people; none if there was none.
    pub people: Vec<String>,
    /// NEWS2 bands by month, in the order of time.
    pub months: Vec<(i64, [u64; BandCounts::NAMES.len()])>,
    /// Sorted by object, then vital.
    pub quality: Vec<ObjectQuality>,
    /// The associations of the outcome columns; empty without them.
    pub associations: Associations,
    /// Numbers of patients.
    pub counts: PatientCounts,
}

/// Numbers of patients, and of their NEWS2 sets.
#[derive(Default)]
pub struct PatientCounts {
    /// How many patients there are.
    pub patients: u64,
    /// Of these, the patients with a known birth.
    pub births_known: u64,
    /// Patients by category, as [`BloodPressure::ALL`].
    pub blood_pressures: [u64; BloodPressure::ALL.len()],
    /// Patients by class, as [`BodyMass::ALL`].
    pub body_masses: [u64; BodyMass::ALL.len()],
    /// Patients by the highest band of any of their sets, low first; patients without a complete
    /// set are not counted.
    pub highest_bands: [u64; BandCounts::NAMES.len() - 1],
    /// Patients with a derived measure that was ever flagged, and never; as [`Derived::ALL`].
    pub flagged: [(u64, u64); Derived::COUNT],
    /// Sets, as [`BandCounts::NAMES`].
    pub bands: [u64; BandCounts::NAMES.len()],
    /// Sets, as [`Course::AGE_NAMES`].
    pub ages: [u64; Course::AGE_NAMES.len()],
    /// The change in a year and its q, of each patient with a trend; by vital.
    pub slopes: [Vec<(f64, f64)>; Vital::COUNT],
}

/// The first pass: what must be known of all patients before one is written.
pub struct Survey {
    /// The p-value of each trend, by vital.
    p: [Vec<f64>; Vital::COUNT],
    effects: EffectTotals,
}

impl Survey {
    pub fn new() -> Self {
        Self { p: Default::default(), effects: EffectTotals::new() }
    }

    /// Adds the next patients.
    pub fn take(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        for cell in summed_cells(tables)? {
            self.p[cell.row.vital.index()].extend(cell.trend().map(|fit| fit.p));
        }
        self.effects.take(tables)
    }
}

/// The second pass.
pub struct Cohort {
    /// The p-value of each trend, adjusted for the number of patients with one.
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

    /// Adds the next patients once more; returns their rows.
    pub fn take<'t>(
        &mut self,
        tables: &'t PatientTables,
    ) -> Result<(Vec<PatientRow>, Vec<DerivedRow<'t>>), AnalysisError> {
        let cells = summed_cells(tables)?;
        for cell in &cells {
            self.vitals[cell.row.vital.index()].add(cell)?;
        }
        let scores = ScoreRow::read(&tables.scores)?;
        // In the same order as in the survey, so that each trend gets its own q-value.
        let rows = patient_rows(&cells, &scores, &mut self.q);
        let mut derived = DerivedRow::read(&tables.derived)?;
        derived.sort_by(|a, b| natural(a.patient, b.patient).then(a.measure.cmp(&b.measure)));
        self.effects.take(tables)?;
        self.counts.add(&scores, &rows, &derived);
        Ok((rows, derived))
    }

    /// Returns the results.
    pub fn finish(
        self,
        facts: &RunFacts,
        inputs: Vec<RunInput>,
        objects: &ObjectTables,
    ) -> Result<Results, AnalysisError> {
        let quality = read_quality(&objects.quality)?;
        let cohort = Vital::ALL.into_iter().zip(self.vitals).map(|(vital, total)| {
            let patients = total.patients;
            let (measures, bins) = total.measures();
            CohortRow { vital, patients, measures, bins }
        });
        // The quality table names every vital that an object had.
        let is_seen = |row: &CohortRow| quality.iter().any(|of| of.vital == row.vital);
        Ok(Results {
            run: facts.run.clone(),
            cohort: cohort.filter(is_seen).collect(),
            people: people_digests(&inputs),
            inputs,
            months: read_months(&objects.months)?,
            associations: self.effects.finish(objects)?,
            quality,
            counts: self.counts,
        })
    }
}

impl PatientCounts {
    fn add(&mut self, scores: &[ScoreRow<'_>], rows: &[PatientRow], derived: &[DerivedRow<'_>]) {
        self.patients += scores.len() as u64;
        for score in scores {
            self.births_known += u64::from(score.adult_from.is_some());
            add(&mut self.bands, score.bands.to_array());
            add(&mut self.ages, [score.age_unknown, score.under_16]);
            // The first count is that of all sets.
            let [_, bands @ ..] = score.bands.to_array();
            if let Some(highest) = bands.iter().rposition(|sets| *sets > 0) {
                self.highest_bands[highest] += 1;
            }
        }
        // Rows come patient by patient, so one row stands for each.
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
            *(if row.flagged > 0 { ever } else { never }) += 1;
        }
        for row in rows {
            let trend = row.measures.trend.map(|fit| fit.slope_per_year).zip(row.trend_q);
            self.slopes[row.vital.index()].extend(trend);
        }
    }
}

fn add<const N: usize>(sums: &mut [u64; N], more: [u64; N]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl Results {
    /// True if the check was made: some need a table of people.
    pub fn is_checked(&self, check: &str) -> bool {
        !QualityCounts::LIFE_CHECKS.contains(&check) || !self.people.is_empty()
    }

    /// Returns the quality counts over all objects and vitals.
    pub fn quality_totals(&self) -> [u64; QualityCounts::NAMES.len()] {
        let mut totals = [0; QualityCounts::NAMES.len()];
        for row in &self.quality {
            for (total, count) in totals.iter_mut().zip(row.counts) {
                *total += count;
            }
        }
        totals
    }
}

/// Returns the digests of the tables of people, which are the same for every object of a run.
fn people_digests(inputs: &[RunInput]) -> Vec<String> {
    let of = inputs.iter().find_map(|input| input.content.as_ref());
    of.map_or_else(Vec::new, |of| of.people.split_whitespace().map(str::to_owned).collect())
}

fn read_months(
    table: &DataFrame,
) -> Result<Vec<(i64, [u64; BandCounts::NAMES.len()])>, AnalysisError> {
    let rows = MonthRow::read(table)?.into_iter();
    let mut months: Vec<_> = rows.map(|row| (row.month, row.bands.to_array())).collect();
    months.sort_unstable();
    Ok(months)
}

fn read_quality(table: &DataFrame) -> Result<Vec<ObjectQuality>, AnalysisError> {
    let rows = QualityRow::read(table)?.into_iter();
    let mut rows: Vec<ObjectQuality> = rows
        .map(|row| ObjectQuality {
            object: row.object.to_owned(),
            vital: row.vital,
            counts: row.counts.to_array(),
        })
        .collect();
    rows.sort_by(|a, b| a.object.cmp(&b.object).then(a.vital.cmp(&b.vital)));
    Ok(rows)
}
