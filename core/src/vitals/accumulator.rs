//! Everything learnt from one object, fed one moment at a time.
//!
//! Every format decoder turns its bytes into calls of [`ObjectAccumulator`];
//! the agent then makes a partial of it. Memory grows with patients and with
//! distinct hundredths per patient, never with rows. It must stay free of any
//! format's peculiarities, and of floating-point sums.

use super::quality::LeftOut;
use super::statistics::{Analysed, Counts, ObjectStatistics, PatientCells, Visit};
use super::{
    EffectValues, Fixed, LeftOutCounts, People, PlausibleRanges, Reading, Readings, Vital,
    mean_units,
};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A patient of this object, in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatientIndex(u32);

/// Moments of one patient that may wait. A file by date visits another
/// patient with every row, and then every cell and every bin is a cache miss
/// (four fifths of all time, measured); in bursts of this many they are not.
const BURST: usize = 64;

/// Statistics of one object in the making.
#[derive(Debug)]
pub struct ObjectAccumulator {
    /// Ids of up to seven bytes, packed into one number, and the others.
    short_ids: FxHashMap<u64, u32>,
    long_ids: FxHashMap<Box<[u8]>, u32>,
    /// Moments not yet taken in, per patient; apart from the patients, so
    /// that a row touches as little memory as can be.
    waiting: Vec<Vec<Visit>>,
    /// The effects of the same moments, if the object has any.
    waiting_effects: Vec<Vec<EffectValues>>,
    scratch: Vec<Analysed>,
    people: Arc<People>,
    kept: ObjectStatistics,
}

impl ObjectAccumulator {
    /// An empty one; who is not among the people is of unknown age.
    #[must_use]
    pub fn new(ranges: PlausibleRanges, people: Arc<People>) -> Self {
        Self {
            short_ids: FxHashMap::default(),
            long_ids: FxHashMap::default(),
            waiting: Vec::new(),
            waiting_effects: Vec::new(),
            scratch: Vec::with_capacity(BURST),
            people,
            kept: ObjectStatistics::new(ranges),
        }
    }

    /// The vitals the format has a column for: each of them gets a row per
    /// patient even if every cell was empty.
    pub fn measure(&mut self, vitals: &[Vital]) {
        self.kept.measured = Vital::ALL.map(|vital| vitals.contains(&vital));
    }

    /// The object has columns of effects: say so before the first patient,
    /// and use [`ObjectAccumulator::observe_visit`].
    pub fn measure_effects(&mut self) {
        self.kept.effects = Some(Box::default());
    }

    /// True if no patient has been seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.patients.is_empty()
    }

    /// Counts a row that has no place under any vital.
    pub const fn leave_out(&mut self, reason: LeftOut) {
        self.kept.left_out[reason as usize] += 1;
    }

    /// The rows left out so far.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOutCounts {
        &self.kept.left_out
    }

    /// The patient with this id; `None` if the id is not UTF-8 or there are
    /// more patients than an index can name.
    #[inline]
    pub fn patient(&mut self, id: &[u8]) -> Option<PatientIndex> {
        let known = match packed(id) {
            Some(short) => self.short_ids.get(&short),
            None => self.long_ids.get(id),
        };
        match known {
            Some(index) => Some(PatientIndex(*index)),
            None => self.admit(id),
        }
    }

    #[cold]
    fn admit(&mut self, id: &[u8]) -> Option<PatientIndex> {
        let name = std::str::from_utf8(id).ok()?.to_owned();
        let index = u32::try_from(self.kept.patients.len()).ok()?;
        match packed(id) {
            Some(short) => self.short_ids.insert(short, index),
            None => self.long_ids.insert(id.into(), index),
        };
        self.waiting.push(Vec::new());
        self.waiting_effects.push(Vec::new());
        self.kept.patients.push(PatientCells::of(self.people.of(&name)));
        self.kept.names.push(name);
        Some(PatientIndex(index))
    }

    /// Takes in what was read of a patient at one moment.
    #[inline]
    pub fn observe(&mut self, patient: PatientIndex, time: i64, readings: Readings) {
        self.wait(patient, Visit { time, readings, counts: Counts::Both });
    }

    /// Takes in several readings of the same vitals at one moment, which count
    /// each for itself. The moment's set, for what looks across vitals, has of
    /// each vital the mean of those that are plausible.
    #[cold]
    pub fn observe_repeated(&mut self, patient: PatientIndex, time: i64, several: &[Readings]) {
        let mut set = Readings::default();
        for vital in Vital::ALL {
            let plausible = several.iter().filter_map(|readings| match readings.get(vital) {
                Some(Reading::Value(units)) => Fixed::from_units(units),
                _ => None,
            });
            let plausible = plausible.filter(|value| self.kept.ranges.contains(vital, *value));
            let (sum, count) = plausible
                .fold((0, 0), |(sum, count), value| (sum + i128::from(value.steps()), count + 1));
            if count > 0 {
                set.set(vital, Reading::Value(mean_units(sum, count)));
            }
        }
        for readings in several {
            self.wait(patient, Visit { time, readings: *readings, counts: Counts::Single });
        }
        self.wait(patient, Visit { time, readings: set, counts: Counts::Set });
    }

    #[inline]
    fn wait(&mut self, patient: PatientIndex, visit: Visit) {
        let waiting = &mut self.waiting[patient.0 as usize];
        waiting.push(visit);
        if waiting.len() >= BURST {
            self.take_in(patient.0 as usize);
        }
    }

    /// Takes in what was read of a patient at one visit, with its effects.
    #[inline]
    pub fn observe_visit(
        &mut self,
        patient: PatientIndex,
        time: i64,
        readings: Readings,
        effects: EffectValues,
    ) {
        self.waiting_effects[patient.0 as usize].push(effects);
        self.observe(patient, time, readings);
    }

    fn take_in(&mut self, patient: usize) {
        let (waiting, effects) = (&mut self.waiting[patient], &mut self.waiting_effects[patient]);
        self.kept.take_in(patient, waiting, &mut self.scratch);
        self.kept.take_effects_in(patient, effects, &self.scratch);
        self.kept.limit_moments();
    }

    /// Ends the object.
    #[must_use]
    pub fn finish(mut self) -> ObjectStatistics {
        for patient in 0..self.waiting.len() {
            self.take_in(patient);
        }
        self.kept
    }
}

/// An id of up to seven bytes as one number, its length in the highest byte.
#[inline]
fn packed(id: &[u8]) -> Option<u64> {
    let whole = id.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte));
    (id.len() <= 7).then_some((id.len() as u64) << 56 | whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vitals::news2::{BandCounts, Course};
    use crate::vitals::{PartialDate, Person, QualityCounts, RangeProfile, Reading, civil};

    fn accumulator() -> ObjectAccumulator {
        let mut all =
            ObjectAccumulator::new(PlausibleRanges::of(RangeProfile::Default), Arc::default());
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
        let all = all.finish();
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
        assert_eq!(all.quality(Vital::HeartRate), expected);
        assert_eq!(all.quality(Vital::Weight), QualityCounts::default());
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
            let all = all.finish();
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
    fn patients_are_told_apart_and_recognised() {
        let mut all = accumulator();
        let (a, b) = (all.patient(b"a"), all.patient(b"b"));
        assert_ne!(a, b);
        assert_eq!(all.patient(b"a"), a);
        for other in ["\0a", "1234567", "12345678", "012345678"] {
            let index = all.patient(other.as_bytes());
            assert_eq!(all.patient(other.as_bytes()), index);
        }
        assert_eq!(all.patient(b"\xff"), None);
        let all = all.finish();
        let names: Vec<&str> = all.patients().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "\0a", "1234567", "12345678", "012345678"]);
    }

    #[test]
    fn a_moment_is_checked_across_vitals() {
        let mut all = accumulator();
        let john = all.patient(b"55").expect("an id");
        for (high, low) in [(120.0, 80.0), (80.0, 80.0), (80.0, 81.0), (80.0, 999.0)] {
            let both = [
                (Vital::SystolicBp, Reading::Value(high)),
                (Vital::DiastolicBp, Reading::Value(low)),
            ];
            all.observe(john, 0, readings(&both));
        }
        let all = all.finish();
        assert_eq!(all.quality(Vital::DiastolicBp).dbp_not_below_sbp, 2);
        assert_eq!(all.quality(Vital::SystolicBp).dbp_not_below_sbp, 0);
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
        let mut all =
            ObjectAccumulator::new(PlausibleRanges::of(RangeProfile::Default), Arc::new(people));
        let (john, other) = (all.patient(b"55").expect("an id"), all.patient(b"56"));
        for time in [
            "2000-06-14 23:59:59",
            "2000-06-15",
            "2016-06-14 23:59:59",
            "2016-06-15",
            "2020-01-01 23:59:59",
            "2020-01-02",
        ] {
            let time = civil::parse(time.as_bytes()).expect("a time");
            all.observe(john, time, readings(&FIVE));
            all.observe(other.expect("an id"), time, readings(&FIVE[..4]));
        }
        all.observe(other.expect("an id"), 0, readings(&FIVE));
        let all = all.finish();
        let courses: Vec<_> = all.patients().map(|(_, kept)| kept.news2).collect();
        let counts = |of: &Course| (of.bands.complete, of.under_age, of.age_unknown);
        assert_eq!(counts(&courses[0]), (3, 3, 0));
        assert_eq!(counts(&courses[1]), (1, 0, 1));
        let months: u64 = all.months().iter().map(|(_, bands)| bands.complete).sum();
        assert_eq!(months, 4);
        for vital in [Vital::HeartRate, Vital::Temperature] {
            let quality = all.quality(vital);
            assert_eq!((quality.before_birth, quality.after_death), (1, 1));
        }
        assert_eq!(all.quality(Vital::Weight), QualityCounts::default());
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
        let all = all.finish();
        let (_, patient) = all.patients().next().expect("a patient");
        let expected = BandCounts { complete: 1, low_medium: 1, ..BandCounts::default() };
        assert_eq!(patient.news2.bands, expected);
        assert_eq!((patient.news2.max, patient.news2.last_time), (3, Some(0)));
    }
}
