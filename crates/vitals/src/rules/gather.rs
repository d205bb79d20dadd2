//! Collects single readings into moments.
//!
//! Long formats have a row per reading, in any order; NEWS2 and the checks across vitals need all
//! readings of a patient at one time. Used by the decoders of long formats. It must stay bounded:
//! a moment is closed once [`OPEN_MAX`] others were begun after it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::rules::accumulator::{ObjectAccumulator, PatientIndex};
use crate::rules::reading::{Reading, Readings};
use crate::rules::vital::Vital;

/// The most open moments: some 40 MiB.
const OPEN_MAX: usize = 1 << 18;

/// Open moments, in the order in which they were begun.
#[derive(Debug, Default)]
pub struct Gather {
    open: VecDeque<OpenMoment>,
    /// The position of each, counted from the first moment ever begun.
    places: FxHashMap<(PatientIndex, i64), u64>,
    /// Moments closed so far.
    closed: u64,
    /// Repeated readings held with the open moments.
    repeated: usize,
}

#[derive(Debug)]
struct OpenMoment {
    patient: PatientIndex,
    time: i64,
    readings: Readings,
    /// Further readings of the same vitals.
    repeated: Vec<Readings>,
}

impl Gather {
    /// Adds one reading.
    pub fn add(
        &mut self,
        patient: PatientIndex,
        time: i64,
        vital: Vital,
        reading: Reading,
        into: &mut ObjectAccumulator,
    ) {
        // Positions only grow, so they stay valid while moments are closed at the front.
        let next = self.closed + self.open.len() as u64;
        let place = *self.places.entry((patient, time)).or_insert(next);
        // Closed moments are not in the map, so the difference is a position in the queue.
        let begun = usize::try_from(place - self.closed).ok().and_then(|at| self.open.get_mut(at));
        match begun {
            Some(moment) if moment.readings.get(vital).is_none() => {
                moment.readings.set(vital, reading);
            }
            Some(moment) => {
                self.repeated += 1;
                moment.repeated.push(single_reading(vital, reading));
            }
            None => {
                let (readings, repeated) = (single_reading(vital, reading), Vec::new());
                self.open.push_back(OpenMoment { patient, time, readings, repeated });
            }
        }
        // Repeated readings need memory as well.
        if self.open.len() + self.repeated > OPEN_MAX {
            self.close_first(into);
        }
    }

    /// Ends the object: closes every moment.
    pub fn finish(&mut self, into: &mut ObjectAccumulator) {
        while !self.open.is_empty() {
            self.close_first(into);
        }
    }

    fn close_first(&mut self, into: &mut ObjectAccumulator) {
        let Some(OpenMoment { patient, time, readings, mut repeated }) = self.open.pop_front()
        else {
            return;
        };
        self.places.remove(&(patient, time));
        self.closed += 1;
        self.repeated -= repeated.len();
        if repeated.is_empty() {
            into.observe(patient, time, readings);
        } else {
            // As one more reading of its vitals, so that the set averages all of them.
            repeated.push(readings);
            into.observe_repeated(patient, time, &repeated);
        }
    }
}

fn single_reading(vital: Vital, reading: Reading) -> Readings {
    let mut readings = Readings::default();
    readings.set(vital, reading);
    readings
}

#[cfg(test)]
mod tests {
    use crate::rules::spill::NoSpill;
    use std::sync::Arc;

    use super::*;
    use crate::rules::range::{PlausibleRanges, RangeProfile};

    const FIVE: [(Vital, f64); 5] = [
        (Vital::RespiratoryRate, 16.0),
        (Vital::Spo2, 98.0),
        (Vital::SystolicBp, 120.0),
        (Vital::HeartRate, 70.0),
        (Vital::Temperature, 37.0),
    ];

    fn statistics_of(
        readings: impl IntoIterator<Item = (i64, Vital, f64)>,
    ) -> crate::rules::statistics::ObjectStatistics {
        let mut all = ObjectAccumulator::new(
            PlausibleRanges::of(RangeProfile::Default),
            Arc::default(),
            Box::new(NoSpill),
        );
        let john = all.patient(b"55").expect("an id");
        let mut gather = Gather::default();
        for (time, vital, value) in readings {
            gather.add(john, time, vital, Reading::Value(value), &mut all);
        }
        gather.finish(&mut all);
        all.finish().expect("nothing spilled")
    }

    fn complete(readings: impl IntoIterator<Item = (i64, Vital, f64)>) -> u64 {
        let all = statistics_of(readings);
        all.patients().map(|(_, kept)| kept.news2.bands.complete).sum()
    }

    #[test]
    fn readings_of_a_moment_are_collected_in_any_order() {
        let at = |time: i64| FIVE.map(|(vital, value)| (time, vital, value));
        let mut mixed: Vec<_> = (0..50).flat_map(at).collect();
        assert_eq!(complete(mixed.clone()), 50);
        mixed.sort_by_key(|(time, vital, _)| (vital.index(), -time));
        assert_eq!(complete(mixed.clone()), 50);
        mixed.pop();
        assert_eq!(complete(mixed), 49);
    }

    #[test]
    fn a_second_reading_is_a_duplicate_and_not_out_of_order() {
        let pulse = |time: i64, value: f64| (time, Vital::HeartRate, value);
        let all = statistics_of([pulse(1, 60.0), pulse(2, 61.0), pulse(2, 62.0), pulse(3, 63.0)]);
        let quality = all.quality()[Vital::HeartRate.index()];
        assert_eq!((quality.values, quality.duplicates, quality.out_of_order), (4, 1, 0));
    }

    #[test]
    fn the_set_of_a_moment_has_the_mean_of_plausible_readings() {
        // The mean of SpO2 90 and 97 is 93.5, which scores 1; 90 alone scores 3.
        let repeated = [(0, Vital::Spo2, 90.0), (0, Vital::Spo2, 97.0), (0, Vital::Spo2, 999.0)];
        let others = FIVE.into_iter().filter(|(vital, _)| *vital != Vital::Spo2);
        let mut all: Vec<_> =
            repeated.into_iter().chain(others.map(|(vital, value)| (0, vital, value))).collect();
        for _ in 0..all.len() {
            all.rotate_left(1);
            let statistics = statistics_of(all.clone());
            let (_, kept) = statistics.patients().next().expect("a patient");
            assert_eq!((kept.news2.bands.complete, kept.news2.max), (1, 1));
            let quality = statistics.quality()[Vital::Spo2.index()];
            assert_eq!((quality.values, quality.implausible, quality.duplicates), (2, 1, 1));
        }
    }

    #[test]
    fn in_a_set_a_number_replaces_a_missing_reading() {
        let mut all = ObjectAccumulator::new(
            PlausibleRanges::of(RangeProfile::Default),
            Arc::default(),
            Box::new(NoSpill),
        );
        let john = all.patient(b"55").expect("an id");
        let mut gather = Gather::default();
        gather.add(john, 0, Vital::HeartRate, Reading::Missing, &mut all);
        for (vital, value) in FIVE {
            gather.add(john, 0, vital, Reading::Value(value), &mut all);
        }
        gather.finish(&mut all);
        let all = all.finish().expect("nothing spilled");
        let quality = all.quality()[Vital::HeartRate.index()];
        assert_eq!((quality.values, quality.missing), (1, 1));
        assert_eq!(all.patients().map(|(_, kept)| kept.news2.bands.complete).sum::<u64>(), 1);
    }

    #[test]
    fn a_moment_is_closed_when_too_many_were_begun_after_it() {
        let fill = OPEN_MAX as i64;
        let one = FIVE[0];
        let others = (1..=fill).map(|time| (time, one.0, one.1));
        let split = |late: usize| {
            let first = FIVE[..4].iter().map(|(vital, value)| (0, *vital, *value));
            let last = (0, FIVE[4].0, FIVE[4].1);
            first.chain(others.clone().take(late)).chain([last])
        };
        assert_eq!(complete(split(OPEN_MAX - 1)), 1);
        assert_eq!(complete(split(OPEN_MAX)), 0);
    }
}
