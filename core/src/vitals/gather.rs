//! Gathers single readings into moments.
//!
//! Long formats have a row for each reading, in any order; NEWS2 and the
//! checks across vitals need what was read of one patient at one time
//! together. Used by the decoders of long formats. It must stay bounded: a
//! moment is complete once [`OPEN_MAX`] others were begun after it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{ObjectAccumulator, PatientIndex, Reading, Readings, Vital};

/// Moments held at most: some 40 MiB.
const OPEN_MAX: usize = 1 << 18;

/// Moments in the making, in the order in which they were begun.
#[derive(Debug, Default)]
pub struct Gather {
    open: VecDeque<(PatientIndex, i64, Readings)>,
    /// Where each lies, counted from the first moment ever begun.
    places: FxHashMap<(PatientIndex, i64), u64>,
    /// Moments handed on so far.
    closed: u64,
}

impl Gather {
    /// Takes one reading in. A second reading of a vital at the same moment
    /// counts as a moment by itself: the set keeps the first that is a number.
    pub fn add(
        &mut self,
        patient: PatientIndex,
        time: i64,
        vital: Vital,
        reading: Reading,
        into: &mut ObjectAccumulator,
    ) {
        let next = self.closed + self.open.len() as u64;
        let place = *self.places.entry((patient, time)).or_insert(next);
        let begun = usize::try_from(place - self.closed).ok().and_then(|at| self.open.get_mut(at));
        let alone = match begun {
            Some((_, _, readings)) => match readings.get(vital) {
                Some(Reading::Value(_)) => Some(reading),
                kept => {
                    readings.set(vital, reading);
                    kept
                }
            },
            None => Some(reading),
        };
        if let Some(reading) = alone {
            let mut readings = Readings::default();
            readings.set(vital, reading);
            self.open.push_back((patient, time, readings));
        }
        if self.open.len() > OPEN_MAX {
            self.close_first(into);
        }
    }

    /// Ends the object: every moment is complete.
    pub fn finish(&mut self, into: &mut ObjectAccumulator) {
        while !self.open.is_empty() {
            self.close_first(into);
        }
    }

    fn close_first(&mut self, into: &mut ObjectAccumulator) {
        if let Some((patient, time, readings)) = self.open.pop_front() {
            if self.places.get(&(patient, time)) == Some(&self.closed) {
                self.places.remove(&(patient, time));
            }
            self.closed += 1;
            into.observe(patient, time, readings);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::vitals::{PlausibleRanges, RangeProfile};

    const FIVE: [(Vital, f64); 5] = [
        (Vital::RespiratoryRate, 16.0),
        (Vital::Spo2, 98.0),
        (Vital::SystolicBp, 120.0),
        (Vital::HeartRate, 70.0),
        (Vital::Temperature, 37.0),
    ];

    fn gathered(
        readings: impl IntoIterator<Item = (i64, Vital, f64)>,
    ) -> crate::vitals::ObjectStatistics {
        let mut all =
            ObjectAccumulator::new(PlausibleRanges::of(RangeProfile::Default), Arc::default());
        let john = all.patient(b"55").expect("an id");
        let mut gather = Gather::default();
        for (time, vital, value) in readings {
            gather.add(john, time, vital, Reading::Value(value), &mut all);
        }
        gather.finish(&mut all);
        all.finish()
    }

    fn complete(readings: impl IntoIterator<Item = (i64, Vital, f64)>) -> u64 {
        let all = gathered(readings);
        all.patients().map(|(_, kept)| kept.news2.bands.complete).sum()
    }

    #[test]
    fn readings_of_a_moment_meet_in_any_order() {
        let at = |time: i64| FIVE.map(|(vital, value)| (time, vital, value));
        let mut mixed: Vec<_> = (0..50).flat_map(at).collect();
        assert_eq!(complete(mixed.clone()), 50);
        mixed.sort_by_key(|(time, vital, _)| (vital.index(), -time));
        assert_eq!(complete(mixed.clone()), 50);
        mixed.pop();
        assert_eq!(complete(mixed), 49);
    }

    #[test]
    fn a_second_reading_counts_and_disturbs_nothing() {
        let pulse = |time: i64, value: f64| (time, Vital::HeartRate, value);
        let all = gathered([pulse(1, 60.0), pulse(2, 61.0), pulse(2, 62.0), pulse(3, 63.0)]);
        let quality = all.quality(Vital::HeartRate);
        assert_eq!((quality.values, quality.duplicates, quality.out_of_order), (4, 1, 0));
    }

    #[test]
    fn in_a_set_a_number_stands_before_what_is_none() {
        let mut all =
            ObjectAccumulator::new(PlausibleRanges::of(RangeProfile::Default), Arc::default());
        let john = all.patient(b"55").expect("an id");
        let mut gather = Gather::default();
        gather.add(john, 0, Vital::HeartRate, Reading::Missing, &mut all);
        for (vital, value) in FIVE {
            gather.add(john, 0, vital, Reading::Value(value), &mut all);
        }
        gather.finish(&mut all);
        let all = all.finish();
        let quality = all.quality(Vital::HeartRate);
        assert_eq!((quality.values, quality.missing), (1, 1));
        assert_eq!(all.patients().map(|(_, kept)| kept.news2.bands.complete).sum::<u64>(), 1);
    }

    #[test]
    fn a_moment_is_given_up_when_too_many_were_begun_after_it() {
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
