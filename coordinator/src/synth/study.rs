//! Generates the visits of the pseudo-data, one at a time, without end.
//!
//! Used by `write`, which requests as many visits as were asked for, and by
//! `tables`, which writes the patients with their final totals. Must never keep
//! a visit: memory depends only on the number of patients.

use anyhow::Context;

use super::clock::Clock;
use super::draw::{Draws, Stream};
use super::model::{self, OXYGEN_MAX, Patient, Sums};
use super::{SynthSettings, Variant};

/// One visit, that is one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// Whole seconds since the study's start.
    pub seconds: u64,
    /// Patient id, from 0.
    pub patient: u32,
    /// mmHg.
    pub systolic: u8,
    /// mmHg.
    pub diastolic: u8,
    /// Breaths per minute.
    pub breaths: u8,
    /// Beats per minute.
    pub beats: u8,
    /// Percent, at most [`OXYGEN_MAX`].
    pub oxygen: f64,
    /// Degrees Fahrenheit.
    pub temperature: f64,
    /// Pounds.
    pub weight: u16,
    /// Body mass index.
    pub bmi: f64,
    /// Whether Basie was bought.
    pub base_e: bool,
    /// How much T-Pain was bought.
    pub t_pain: f64,
    /// Whether the Dead Kennedys were bought.
    pub dk: bool,
    /// The patient's totals including this visit; all 0 as printed.
    pub sums: Sums,
}

/// A study being generated.
#[derive(Debug)]
pub struct Study {
    variant: Variant,
    patients: Vec<Patient>,
    last_id: u32,
    clock: Clock,
    draws: Draws,
}

impl Study {
    /// Draws the patients; the clock is at the study's start.
    pub fn new(settings: &SynthSettings) -> anyhow::Result<Self> {
        let mut draws = Draws::new(settings.seed, Stream::Patients);
        let mut patients = Vec::new();
        // Reserved in a way that can fail: 100 million patients take 8 GB, and an ordinary
        // allocation that fails would abort the process.
        patients.try_reserve_exact(usize::try_from(settings.patients)?).with_context(|| {
            format!("hold {} patients in memory: choose fewer", settings.patients)
        })?;
        for _ in 0..settings.patients {
            patients.push(Patient::draw(&mut draws, settings.variant));
        }
        Ok(Self {
            variant: settings.variant,
            patients,
            last_id: settings.patients.saturating_sub(1),
            clock: Clock::new(settings.visits),
            draws: Draws::new(settings.seed, Stream::Visits),
        })
    }

    /// Returns the patients in the order of their ids, with their totals so far.
    pub fn patients(&self) -> &[Patient] {
        &self.patients
    }

    /// Generates the next visit, of a random patient. The order of the draws is
    /// part of what a seed means: patient, vital signs in column order, next
    /// step.
    pub fn next_visit(&mut self) -> Visit {
        let draws = &mut self.draws;
        let id = draws.within(0, self.last_id);
        let patient = &mut self.patients[id as usize];
        let (seconds, variant) = (self.clock.seconds(), self.variant);
        let systolic = draws.within(patient.systolic.low, patient.systolic.high);
        let diastolic = draws.within(patient.diastolic.low, patient.diastolic.high);
        let diastolic = model::diastolic_below(systolic, diastolic);
        let breaths = draws.within(patient.breaths.low, patient.breaths.high);
        let beats = draws.within(patient.beats.low, patient.beats.high);
        let oxygen = draws.uniform(patient.oxygen.low, patient.oxygen.high);
        let oxygen = oxygen.min(OXYGEN_MAX);
        let temperature = draws.uniform(patient.temperature.low, patient.temperature.high);
        let weight = draws.within(patient.weight.low, patient.weight.high);
        self.clock.step(draws);

        let bmi = model::bmi(weight, patient.height_in);
        let height_cm = model::height_cm(patient.height_in, variant);
        let mut visit = Visit {
            seconds,
            patient: id,
            systolic,
            diastolic,
            breaths,
            beats,
            oxygen,
            temperature,
            weight,
            bmi,
            base_e: model::base_e(beats, systolic, diastolic, bmi),
            t_pain: model::t_pain(breaths, oxygen, height_cm),
            dk: model::dk(weight, bmi, temperature, variant),
            sums: patient.sums,
        };
        // As printed, the procedure reads the totals but never adds to them.
        if variant == Variant::Repaired {
            patient.sums.add(&visit);
            visit.sums = patient.sums;
        }
        visit
    }
}

impl Sums {
    fn add(&mut self, visit: &Visit) {
        self.base_e += u64::from(visit.base_e);
        self.t_pain += visit.t_pain;
        self.dk += u64::from(visit.dk);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn visits(seed: u64, variant: Variant, patients: u32, take: usize) -> (Study, Vec<Visit>) {
        let settings = SynthSettings {
            patients,
            visits: take as u64,
            seed,
            variant,
            ..SynthSettings::default()
        };
        let mut study = Study::new(&settings).unwrap();
        let visits = (0..take).map(|_| study.next_visit()).collect();
        (study, visits)
    }

    fn in_range(visit: &Visit, patient: &Patient) -> bool {
        let v = visit;
        (patient.systolic.low..=patient.systolic.high).contains(&v.systolic)
            && v.diastolic <= patient.diastolic.high
            && v.diastolic + 4 <= v.systolic
            && (v.diastolic >= patient.diastolic.low || v.diastolic + 4 == v.systolic)
            && (patient.breaths.low..=patient.breaths.high).contains(&v.breaths)
            && (patient.beats.low..=patient.beats.high).contains(&v.beats)
            && v.oxygen >= patient.oxygen.low
            && v.oxygen <= patient.oxygen.high.min(OXYGEN_MAX)
            && v.temperature >= patient.temperature.low
            && v.temperature <= patient.temperature.high
            && (patient.weight.low..=patient.weight.high).contains(&v.weight)
            && v.bmi == 703.0 * f64::from(v.weight) / f64::from(patient.height_in).powi(2)
    }

    #[test]
    fn default_study_has_the_cases_it_is_for() {
        // The rules are useful only if both results occur, as well as the cap and
        // the forced diastolic pressure.
        let (_, all) = visits(1938, Variant::Repaired, 100, 10_000);
        let count = |is: fn(&Visit) -> bool| all.iter().filter(|v| is(v)).count();
        assert!(count(|v| v.base_e) > 0);
        assert!((1..10_000).contains(&count(|v| v.dk)));
        assert!((1..10_000).contains(&count(|v| v.oxygen == OXYGEN_MAX)));
        assert!((1..10_000).contains(&count(|v| v.diastolic + 4 == v.systolic)));
        let ids: std::collections::BTreeSet<u32> = all.iter().map(|v| v.patient).collect();
        assert_eq!(ids, (0..100).collect());
    }

    #[test]
    fn repaired_totals_include_the_visit_and_end_with_the_patient() {
        let (study, all) = visits(3, Variant::Repaired, 7, 500);
        let mut expected = [Sums::default(); 7];
        for visit in &all {
            let sums = &mut expected[visit.patient as usize];
            sums.base_e += u64::from(visit.base_e);
            sums.t_pain += visit.t_pain;
            sums.dk += u64::from(visit.dk);
            assert_eq!(visit.sums, *sums);
        }
        assert!(study.patients().iter().map(|p| p.sums).eq(expected));
    }

    #[test]
    fn as_printed_totals_stay_zero_and_fever_is_common() {
        let (study, all) = visits(1938, Variant::AsPrinted, 100, 2_000);
        assert!(all.iter().all(|v| v.sums == Sums::default()));
        assert!(study.patients().iter().all(|p| p.sums == Sums::default()));
        assert!(all.iter().any(|v| v.temperature > 130.0));
        assert!(all.iter().any(|v| v.dk && v.weight >= 150));
        assert!(all.iter().all(|v| v.dk == (v.temperature < 97.4)));
    }

    proptest! {
        #[test]
        fn every_visit_keeps_to_its_patient(seed: u64, printed: bool, patients in 1..50_u32) {
            let variant = if printed { Variant::AsPrinted } else { Variant::Repaired };
            let (study, all) = visits(seed, variant, patients, 200);
            for visit in &all {
                let patient = &study.patients()[visit.patient as usize];
                prop_assert!(in_range(visit, patient), "{visit:?} {patient:?}");
                let height_cm = model::height_cm(patient.height_in, variant);
                let truth = -221.4 + f64::from(visit.breaths) + 2.0 * visit.oxygen + 0.2 * height_cm;
                prop_assert!((visit.t_pain - truth).abs() < 1e-9);
            }
            prop_assert!(all.windows(2).all(|pair| pair[0].seconds < pair[1].seconds));
        }
    }
}
