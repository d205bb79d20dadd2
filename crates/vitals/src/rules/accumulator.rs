//! Builds the statistics of one object, moment by moment.
//!
//! Every format decoder turns its bytes into calls of [`ObjectAccumulator`]; the result becomes a
//! partial. Memory grows with the distinct hundredths per patient, never with rows. Of an object
//! with many patients, the visits of all but the first [`PATIENTS_KEPT_MAX`] are spilled, and
//! some 200 bytes of each patient stay in memory. It must stay free of any format's peculiarities
//! and of floating-point sums.

use crate::rules::effects::EffectValues;
use crate::rules::fixed::{Fixed, mean_units};
use crate::rules::people::People;
use crate::rules::quality::LeftOut;
use crate::rules::quality::LeftOutCounts;
use crate::rules::range::PlausibleRanges;
use crate::rules::reading::{Reading, Readings};
use crate::rules::spill::{self, PARTITIONS, Spill, SpillDamaged};
use crate::rules::statistics::{Analyzed, Counts, ObjectStatistics, PatientEntry, Visit};
use crate::rules::vital::Vital;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The number of a patient of this object, in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatientIndex(u32);

/// The most pending moments of one patient. In a file sorted by date, every row is of another
/// patient, so every cell and every bin would be a cache miss (measured: four fifths of the
/// time). Bursts of this many moments avoid that.
const BURST: usize = 64;

/// The most patients in memory at a time, some 8 KiB each.
pub const PATIENTS_KEPT_MAX: usize = 1 << 14;

/// Builds the statistics of one object.
pub struct ObjectAccumulator {
    /// The patients by id: ids of up to seven bytes, packed into one number, and the others.
    short_ids: FxHashMap<u64, u32>,
    long_ids: FxHashMap<Box<[u8]>, u32>,
    /// Moments not yet added to the statistics, per patient; separate from the statistics, so
    /// that a row touches little memory.
    pending: Vec<Vec<Visit>>,
    /// The outcome columns of the same moments, if the object has any.
    pending_effects: Vec<Vec<EffectValues>>,
    scratch: Vec<Analyzed>,
    people: Arc<People>,
    spill: Box<dyn Spill>,
    /// True if some visits were spilled.
    has_spilled: bool,
    statistics: ObjectStatistics,
}

impl ObjectAccumulator {
    /// Creates an empty accumulator; a patient who is not in `people` is of unknown age.
    #[must_use]
    pub fn new(ranges: PlausibleRanges, people: Arc<People>, spill: Box<dyn Spill>) -> Self {
        Self {
            short_ids: FxHashMap::default(),
            long_ids: FxHashMap::default(),
            pending: Vec::new(),
            pending_effects: Vec::new(),
            scratch: Vec::with_capacity(BURST),
            people,
            spill,
            has_spilled: false,
            statistics: ObjectStatistics::new(ranges),
        }
    }

    /// Declares the vitals that the format has a column for: each gets a row per patient even if
    /// every cell is empty.
    pub fn measure(&mut self, vitals: &[Vital]) {
        self.statistics.measured = Vital::ALL.map(|vital| vitals.contains(&vital));
    }

    /// Declares that the object has outcome columns; call it before the first patient, and use
    /// [`ObjectAccumulator::observe_visit`].
    pub fn measure_effects(&mut self) {
        self.statistics.effects = Some(Box::default());
    }

    /// True if no patient has been seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.statistics.patients.is_empty()
    }

    /// Counts a row that belongs to no vital.
    pub const fn leave_out(&mut self, reason: LeftOut) {
        self.statistics.left_out[reason as usize] += 1;
    }

    /// Returns the counts of rows left out so far.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOutCounts {
        &self.statistics.left_out
    }

    /// Returns the patient with this id; `None` if the id is not UTF-8 or there are more patients
    /// than an index can number.
    #[inline]
    pub fn patient(&mut self, id: &[u8]) -> Option<PatientIndex> {
        let index = match pack_id(id) {
            Some(short) => self.short_ids.get(&short),
            None => self.long_ids.get(id),
        };
        match index {
            Some(index) => Some(PatientIndex(*index)),
            None => self.add_patient(id),
        }
    }

    #[cold]
    fn add_patient(&mut self, id: &[u8]) -> Option<PatientIndex> {
        let name = std::str::from_utf8(id).ok()?.to_owned();
        let index = u32::try_from(self.statistics.patients.len()).ok()?;
        match pack_id(id) {
            Some(short) => self.short_ids.insert(short, index),
            None => self.long_ids.insert(id.into(), index),
        };
        self.pending.push(Vec::new());
        self.pending_effects.push(Vec::new());
        self.statistics.patients.push(PatientEntry::new(name));
        Some(PatientIndex(index))
    }

    /// Adds the readings of a patient at one moment.
    #[inline]
    pub fn observe(&mut self, patient: PatientIndex, time: i64, readings: Readings) {
        self.add_visit(patient, Visit { time, readings, counts: Counts::Both }, None);
    }

    /// Adds the readings of a patient at one visit, and the outcome columns.
    #[inline]
    pub fn observe_visit(
        &mut self,
        patient: PatientIndex,
        time: i64,
        readings: Readings,
        effects: EffectValues,
    ) {
        self.add_visit(patient, Visit { time, readings, counts: Counts::Both }, Some(effects));
    }

    /// Adds several readings of the same vitals at one moment; each counts on its own. The set of
    /// the moment, for scores and checks across vitals, has the mean of the plausible readings of
    /// each vital.
    #[cold]
    pub fn observe_repeated(&mut self, patient: PatientIndex, time: i64, several: &[Readings]) {
        let mut set = Readings::default();
        for vital in Vital::ALL {
            let plausible = several.iter().filter_map(|readings| match readings.get(vital) {
                Some(Reading::Value(units)) => Fixed::from_units(units),
                _ => None,
            });
            let plausible =
                plausible.filter(|value| self.statistics.ranges.contains(vital, *value));
            // Summed in steps: the mean must not depend on the order of the readings.
            let (sum, count) = plausible
                .fold((0, 0), |(sum, count), value| (sum + i128::from(value.steps()), count + 1));
            if count > 0 {
                set.set(vital, Reading::Value(mean_units(sum, count)));
            }
        }
        for readings in several {
            self.add_visit(
                patient,
                Visit { time, readings: *readings, counts: Counts::Single },
                None,
            );
        }
        self.add_visit(patient, Visit { time, readings: set, counts: Counts::Set }, None);
    }

    #[inline]
    fn add_visit(&mut self, patient: PatientIndex, visit: Visit, effects: Option<EffectValues>) {
        let at = patient.0 as usize;
        // Pending moments imply that the patient is in memory, and are more likely in the cache.
        if self.pending[at].is_empty() && self.statistics.patients[at].cells.is_none() {
            if self.statistics.resident.len() >= PATIENTS_KEPT_MAX {
                // Visits are spilled, not patients: in an object sorted by time, a patient would
                // otherwise be written again with every visit.
                return self.spill(patient, &visit, effects);
            }
            self.begin_patient(patient);
        }
        self.push_pending(at, visit, effects);
    }

    #[inline]
    fn push_pending(&mut self, at: usize, visit: Visit, effects: Option<EffectValues>) {
        self.pending[at].push(visit);
        self.pending_effects[at].extend(effects);
        if self.pending[at].len() >= BURST {
            self.flush(at);
        }
    }

    #[cold]
    fn begin_patient(&mut self, patient: PatientIndex) {
        self.statistics.patients[patient.0 as usize].begin(&self.people);
        self.statistics.resident.push(patient.0);
    }

    #[cold]
    fn spill(&mut self, patient: PatientIndex, visit: &Visit, effects: Option<EffectValues>) {
        // By number, so that partitions are of equal size.
        let partition = patient.0 as usize % PARTITIONS;
        let bytes = spill::to_bytes(patient.0, visit, &effects.unwrap_or_default());
        self.spill.write_visit(partition, &bytes);
        self.has_spilled = true;
    }

    /// Replays one spilled partition. A patient is in exactly one partition, so none of them is
    /// resident yet.
    fn replay(&mut self, partition: usize) -> Result<(), SpillDamaged> {
        let has_effects = self.statistics.effects.is_some();
        while let Some(visits) = self.spill.read_visits(partition) {
            for bytes in visits.chunks(spill::VISIT_BYTES) {
                let (patient, visit, effects) = spill::from_bytes(bytes).ok_or(SpillDamaged)?;
                let at = patient as usize;
                if self.statistics.patients.get(at).ok_or(SpillDamaged)?.cells.is_none() {
                    self.begin_patient(PatientIndex(patient));
                }
                self.push_pending(at, visit, has_effects.then_some(effects));
            }
        }
        Ok(())
    }

    /// Spills the resident patients, who are complete.
    fn spill_patients(&mut self) {
        self.flush_all();
        self.spill.write_patients(&self.statistics);
        self.statistics.forget_patients();
    }

    /// Adds all pending moments to the statistics, and frees the memory that they held.
    fn flush_all(&mut self) {
        for at in 0..self.statistics.resident.len() {
            let patient = self.statistics.resident[at] as usize;
            self.flush(patient);
            self.pending[patient] = Vec::new();
            self.pending_effects[patient] = Vec::new();
        }
    }

    fn flush(&mut self, patient: usize) {
        let (pending, effects) = (&mut self.pending[patient], &mut self.pending_effects[patient]);
        // The moments first: they fill `scratch` with the values that the outcomes go with.
        self.statistics.add_moments(patient, pending, &mut self.scratch);
        self.statistics.add_effects(patient, effects, &self.scratch);
        self.statistics.limit_moments();
    }

    /// Ends the object; returns its statistics, without the spilled patients.
    ///
    /// # Errors
    /// The spilled visits are damaged, because the disk fails.
    pub fn finish(mut self) -> Result<ObjectStatistics, SpillDamaged> {
        if self.has_spilled {
            self.spill_patients();
            for partition in 0..PARTITIONS {
                self.replay(partition)?;
                // Partitions are small: collect several, but leave room for the next one.
                if self.statistics.resident.len() > PATIENTS_KEPT_MAX / 2 {
                    self.spill_patients();
                }
            }
        }
        self.flush_all();
        Ok(self.statistics)
    }
}

/// Packs an id of up to seven bytes into one number, with its length in the highest byte.
#[inline]
fn pack_id(id: &[u8]) -> Option<u64> {
    // A longer id loses bytes here, but is not returned.
    let whole = id.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte));
    (id.len() <= 7).then_some((id.len() as u64) << 56 | whole)
}

#[cfg(test)]
mod tests;
