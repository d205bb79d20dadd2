//! The statistics of one object, with and without spilled patients.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustc_hash::FxHashSet;

use super::*;
use crate::rules::effects::Effect;
use crate::rules::news2::{BandCounts, Course};
use crate::rules::people::{PartialDate, Person};
use crate::rules::quality::QualityCounts;
use crate::rules::range::RangeProfile;
use crate::rules::reading::Reading;
use crate::rules::spill::NoSpill;
use crate::rules::statistics::PatientCells;
use sce_core::calendar;

fn accumulator() -> ObjectAccumulator {
    let mut all = ObjectAccumulator::new(
        PlausibleRanges::of(RangeProfile::Default),
        Arc::default(),
        Box::new(NoSpill),
    );
    all.measure(&[Vital::HeartRate]);
    all
}

fn readings(of: &[(Vital, Reading)]) -> Readings {
    let mut readings = Readings::default();
    for (vital, reading) in of {
        readings.set(*vital, *reading);
    }
    readings
}

#[test]
fn readings_are_counted_where_they_belong() {
    let mut all = accumulator();
    let john = all.patient(b"55").expect("an id");
    for (time, reading) in [
        (10, Reading::Value(60.0)),
        (20, Reading::Missing),
        (20, Reading::Unparsable),
        (20, Reading::UnknownUnit),
        (20, Reading::Value(301.0)),
        (20, Reading::Value(9999.0)),
        (20, Reading::Value(5.4e-79)),
        (10, Reading::Value(62.0)),
        (5, Reading::Value(64.0)),
    ] {
        all.observe(john, time, readings(&[(Vital::HeartRate, reading)]));
    }
    let all = all.finish().expect("intact spill");
    let expected = QualityCounts {
        values: 3,
        missing: 1,
        implausible: 3,
        unparsable: 1,
        unknown_unit: 1,
        duplicates: 1,
        out_of_order: 1,
        ..QualityCounts::default()
    };
    assert_eq!(all.quality()[Vital::HeartRate.index()], expected);
    assert_eq!(all.quality()[Vital::Weight.index()], QualityCounts::default());
    assert!(all.measures(Vital::HeartRate) && !all.measures(Vital::Height));
}

#[test]
fn every_value_arrives_whatever_the_bursts() {
    for count in [1, BURST - 1, BURST, BURST + 1, 5 * BURST + 3] {
        let mut all = accumulator();
        let john = all.patient(b"55").expect("an id");
        for beat in 0..count {
            let value = Reading::Value(60.0 + (beat % 7) as f64);
            all.observe(john, beat as i64, readings(&[(Vital::HeartRate, value)]));
        }
        let all = all.finish().expect("intact spill");
        let (_, patient) = all.patients().next().expect("a patient");
        let cell = &patient.cells[Vital::HeartRate.index()];
        assert_eq!(cell.sums.n, count as u64);
        assert_eq!(cell.last.time, count as i64 - 1);
        let bins = cell.bins.sorted();
        assert_eq!(bins.len(), count.min(7));
        assert_eq!(bins.iter().map(|(_, n)| n).sum::<u64>(), count as u64);
    }
}

#[test]
fn patients_are_distinguished_and_recognized() {
    let mut all = accumulator();
    let (a, b) = (all.patient(b"a"), all.patient(b"b"));
    assert_ne!(a, b);
    assert_eq!(all.patient(b"a"), a);
    for other in ["\0a", "1234567", "12345678", "012345678"] {
        let index = all.patient(other.as_bytes());
        assert_eq!(all.patient(other.as_bytes()), index);
    }
    assert_eq!(all.patient(b"\xff"), None);
    for index in 0..6 {
        all.observe(PatientIndex(index), 0, Readings::default());
    }
    let all = all.finish().expect("intact spill");
    let names: Vec<&str> = all.patients().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "\0a", "1234567", "12345678", "012345678"]);
}

/// Spills to memory; keeps a summary of each patient.
#[derive(Default)]
struct InMemory {
    visits: BTreeMap<usize, Vec<u8>>,
    patients: Arc<Mutex<Vec<Summary>>>,
    /// Cuts a byte off the visits that are read.
    is_damaged: bool,
}

/// A patient's name, number of values, and number of visits with outcome columns.
type Summary = (String, u64, u64);

fn summarize((name, kept): (&str, &PatientCells)) -> Summary {
    let effects = kept.effects.as_ref().map_or(0, |effects| effects.fit.n);
    (name.to_owned(), kept.cells[Vital::HeartRate.index()].sums.n, effects)
}

impl Spill for InMemory {
    fn write_visit(&mut self, partition: usize, visit: &[u8]) {
        assert!(partition < PARTITIONS);
        self.visits.entry(partition).or_default().extend(visit);
    }

    fn read_visits(&mut self, partition: usize) -> Option<Vec<u8>> {
        let mut visits = self.visits.remove(&partition)?;
        if self.is_damaged {
            visits.pop();
        }
        Some(visits)
    }

    fn write_patients(&mut self, kept: &ObjectStatistics) {
        let mut patients = self.patients.lock().expect("unpoisoned");
        patients.extend(kept.patients().map(summarize));
    }
}

#[test]
fn a_damaged_spill_is_an_error() {
    for (is_damaged, expected) in [(false, None), (true, Some(SpillDamaged))] {
        let ranges = PlausibleRanges::of(RangeProfile::Default);
        let spill = Box::new(InMemory { is_damaged, ..InMemory::default() });
        let mut all = ObjectAccumulator::new(ranges, Arc::default(), spill);
        for patient in 0..=PATIENTS_KEPT_MAX {
            let index = all.patient(patient.to_string().as_bytes()).expect("an id");
            all.observe(index, 0, Readings::default());
        }
        assert_eq!(all.finish().err(), expected);
    }
}

#[test]
fn visits_of_many_patients_are_spilled_and_none_is_lost() {
    let patients = 2 * PATIENTS_KEPT_MAX + 5;
    let spill = InMemory::default();
    let spilled = spill.patients.clone();
    let ranges = PlausibleRanges::of(RangeProfile::Default);
    let mut all = ObjectAccumulator::new(ranges, Arc::default(), Box::new(spill));
    all.measure_effects();
    let effects = [Fixed::from_units(1.0); Effect::COUNT];
    let of_all = [
        (Vital::HeartRate, 60.0),
        (Vital::RespiratoryRate, 15.0),
        (Vital::Spo2, 97.0),
        (Vital::Weight, 70.0),
        (Vital::Bmi, 22.0),
    ];
    let of_all = of_all.map(|(vital, units)| (vital, Reading::Value(units)));
    // Each patient once, twice at the same time, and at an earlier one.
    for time in [20, 30, 30, 25] {
        for patient in 0..patients {
            let index = all.patient(patient.to_string().as_bytes()).expect("an id");
            all.observe_visit(index, time, readings(&of_all), effects);
        }
    }
    let all = all.finish().expect("intact spill");
    let mut found = std::mem::take(&mut *spilled.lock().expect("unpoisoned"));
    assert!(found.len() > PATIENTS_KEPT_MAX && found.len() < patients);
    found.extend(all.patients().map(summarize));
    let names: FxHashSet<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!((found.len(), names.len()), (patients, patients));
    assert!(found.iter().all(|(_, values, effects)| (*values, *effects) == (4, 4)));
    let (quality, patients) = (all.quality()[Vital::HeartRate.index()], patients as u64);
    assert_eq!(quality.values, 4 * patients);
    assert_eq!((quality.duplicates, quality.out_of_order), (patients, patients));
}

#[test]
fn a_moment_is_checked_across_vitals() {
    let mut all = accumulator();
    let john = all.patient(b"55").expect("an id");
    for (high, low) in [(120.0, 80.0), (80.0, 80.0), (80.0, 81.0), (80.0, 999.0)] {
        let both =
            [(Vital::SystolicBp, Reading::Value(high)), (Vital::DiastolicBp, Reading::Value(low))];
        all.observe(john, 0, readings(&both));
    }
    let all = all.finish().expect("intact spill");
    assert_eq!(all.quality()[Vital::DiastolicBp.index()].dbp_not_below_sbp, 2);
    assert_eq!(all.quality()[Vital::SystolicBp.index()].dbp_not_below_sbp, 0);
}

/// Scores 3, by the respiratory rate.
const FIVE: [(Vital, Reading); 5] = [
    (Vital::RespiratoryRate, Reading::Value(8.0)),
    (Vital::Spo2, Reading::Value(98.0)),
    (Vital::SystolicBp, Reading::Value(120.0)),
    (Vital::HeartRate, Reading::Value(70.0)),
    (Vital::Temperature, Reading::Value(37.0)),
];

#[test]
fn a_set_is_scored_by_the_age_at_it_and_a_life_has_bounds() {
    let mut people = People::default();
    let date = |text: &str| PartialDate::parse(text.as_bytes());
    let john = Person { birth: date("2000-06-15"), death: date("2020-01-01") };
    people.add("55", john).expect("added");
    let mut all = ObjectAccumulator::new(
        PlausibleRanges::of(RangeProfile::Default),
        Arc::new(people),
        Box::new(NoSpill),
    );
    let (john, other) = (all.patient(b"55").expect("an id"), all.patient(b"56"));
    for time in [
        "2000-06-14 23:59:59",
        "2000-06-15",
        "2016-06-14 23:59:59",
        "2016-06-15",
        "2020-01-01 23:59:59",
        "2020-01-02",
    ] {
        let time = calendar::parse(time.as_bytes()).expect("a time");
        all.observe(john, time, readings(&FIVE));
        all.observe(other.expect("an id"), time, readings(&FIVE[..4]));
    }
    all.observe(other.expect("an id"), 0, readings(&FIVE));
    let all = all.finish().expect("intact spill");
    let courses: Vec<_> = all.patients().map(|(_, kept)| kept.news2).collect();
    let counts = |of: &Course| (of.bands.complete, of.under_age, of.age_unknown);
    assert_eq!(counts(&courses[0]), (3, 3, 0));
    assert_eq!(counts(&courses[1]), (1, 0, 1));
    let months: u64 = all.months().iter().map(|(_, bands)| bands.complete).sum();
    assert_eq!(months, 4);
    for vital in [Vital::HeartRate, Vital::Temperature] {
        let quality = all.quality()[vital.index()];
        assert_eq!((quality.before_birth, quality.after_death), (1, 1));
    }
    assert_eq!(all.quality()[Vital::Weight.index()], QualityCounts::default());
}

#[test]
fn only_complete_plausible_sets_are_scored() {
    let five = FIVE;
    let mut all = accumulator();
    let john = all.patient(b"55").expect("an id");
    all.observe(john, 0, readings(&five));
    all.observe(john, 1, readings(&five[1..]));
    let mut hot = five;
    hot[4].1 = Reading::Value(98.6);
    all.observe(john, 2, readings(&hot));
    let all = all.finish().expect("intact spill");
    let (_, patient) = all.patients().next().expect("a patient");
    let expected = BandCounts { complete: 1, low_medium: 1, ..BandCounts::default() };
    assert_eq!(patient.news2.bands, expected);
    assert_eq!((patient.news2.max, patient.news2.last_time), (3, Some(0)));
}
