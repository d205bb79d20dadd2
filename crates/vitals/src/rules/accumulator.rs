//! Everything learnt from one object, fed one moment at a time.
//!
//! Every format decoder turns its bytes into calls of [`ObjectAccumulator`];
//! the agent then makes a partial of it. Memory grows with distinct hundredths
//! per patient, never with rows; of many patients, the visits of all but the
//! first wait elsewhere, and some 200 bytes of each patient stay. It must stay
//! free of any format's peculiarities, and of floating-point sums.

use crate::rules::effects::EffectValues;
use crate::rules::fixed::{Fixed, mean_units};
use crate::rules::overflow::{self, OVERFLOW_PARTS, Overflow};
use crate::rules::people::People;
use crate::rules::quality::LeftOut;
use crate::rules::quality::LeftOutCounts;
use crate::rules::range::PlausibleRanges;
use crate::rules::reading::{Reading, Readings};
use crate::rules::statistics::{Analysed, Counts, Known, ObjectStatistics, Visit};
use crate::rules::vital::Vital;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A patient of this object, in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatientIndex(u32);

/// Moments of one patient that may wait. A file by date visits another
/// patient with every row, and then every cell and every bin is a cache miss
/// (four fifths of all time, measured); in bursts of this many they are not.
const BURST: usize = 64;

/// Patients of whom something is kept at a time, some 8 KiB each.
pub const PATIENTS_KEPT_MAX: usize = 1 << 14;

/// Statistics of one object in the making.
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
    overflow: Box<dyn Overflow>,
    /// Visits wait there.
    has_overflowed: bool,
    kept: ObjectStatistics,
}

impl ObjectAccumulator {
    /// An empty one; who is not among the people is of unknown age.
    #[must_use]
    pub fn new(ranges: PlausibleRanges, people: Arc<People>, overflow: Box<dyn Overflow>) -> Self {
        Self {
            short_ids: FxHashMap::default(),
            long_ids: FxHashMap::default(),
            waiting: Vec::new(),
            waiting_effects: Vec::new(),
            scratch: Vec::with_capacity(BURST),
            people,
            overflow,
            has_overflowed: false,
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
        self.kept.patients.push(Known::new(name));
        Some(PatientIndex(index))
    }

    /// Takes in what was read of a patient at one moment.
    #[inline]
    pub fn observe(&mut self, patient: PatientIndex, time: i64, readings: Readings) {
        self.wait(patient, Visit { time, readings, counts: Counts::Both }, None);
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
        self.wait(patient, Visit { time, readings, counts: Counts::Both }, Some(effects));
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
            self.wait(patient, Visit { time, readings: *readings, counts: Counts::Single }, None);
        }
        self.wait(patient, Visit { time, readings: set, counts: Counts::Set }, None);
    }

    #[inline]
    fn wait(&mut self, patient: PatientIndex, visit: Visit, effects: Option<EffectValues>) {
        let at = patient.0 as usize;
        if self.waiting[at].is_empty() && self.kept.patients[at].kept.is_none() {
            if self.kept.live.len() >= PATIENTS_KEPT_MAX {
                return self.overflow(patient, &visit, effects);
            }
            self.begin_to_keep(patient);
        }
        self.keep_waiting(at, visit, effects);
    }

    #[inline]
    fn keep_waiting(&mut self, at: usize, visit: Visit, effects: Option<EffectValues>) {
        self.waiting[at].push(visit);
        self.waiting_effects[at].extend(effects);
        if self.waiting[at].len() >= BURST {
            self.take_in(at);
        }
    }

    #[cold]
    fn begin_to_keep(&mut self, patient: PatientIndex) {
        self.kept.patients[patient.0 as usize].keep(&self.people);
        self.kept.live.push(patient.0);
    }

    #[cold]
    fn overflow(&mut self, patient: PatientIndex, visit: &Visit, effects: Option<EffectValues>) {
        let part = patient.0 as usize % OVERFLOW_PARTS;
        let bytes = overflow::to_bytes(patient.0, visit, &effects.unwrap_or_default());
        self.overflow.put(part, &bytes);
        self.has_overflowed = true;
    }

    /// Takes a part's visits in. Who is in it is in no other, and nobody was
    /// kept before.
    fn take_back(&mut self, part: usize) {
        let has_effects = self.kept.effects.is_some();
        while let Some(visits) = self.overflow.take(part) {
            for bytes in visits.chunks(overflow::VISIT_BYTES) {
                let Some((patient, visit, effects)) = overflow::from_bytes(bytes) else { continue };
                let at = patient as usize;
                if self.kept.patients[at].kept.is_none() {
                    self.begin_to_keep(PatientIndex(patient));
                }
                self.keep_waiting(at, visit, has_effects.then_some(effects));
            }
        }
    }

    fn hand_on(&mut self) {
        self.take_all_in();
        self.overflow.hand_on(&self.kept);
        self.kept.forget_patients();
    }

    /// Nobody waits any more, and those who did hold no memory.
    fn take_all_in(&mut self) {
        for at in 0..self.kept.live.len() {
            let patient = self.kept.live[at] as usize;
            self.take_in(patient);
            self.waiting[patient] = Vec::new();
            self.waiting_effects[patient] = Vec::new();
        }
    }

    fn take_in(&mut self, patient: usize) {
        let (waiting, effects) = (&mut self.waiting[patient], &mut self.waiting_effects[patient]);
        self.kept.take_in(patient, waiting, &mut self.scratch);
        self.kept.take_effects_in(patient, effects, &self.scratch);
        self.kept.limit_moments();
    }

    /// Ends the object; the patients who were not handed on are in it.
    #[must_use]
    pub fn finish(mut self) -> ObjectStatistics {
        if self.has_overflowed {
            self.hand_on();
            for part in 0..OVERFLOW_PARTS {
                self.take_back(part);
                if self.kept.live.len() > PATIENTS_KEPT_MAX / 2 {
                    self.hand_on();
                }
            }
        }
        self.take_all_in();
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
mod tests;
