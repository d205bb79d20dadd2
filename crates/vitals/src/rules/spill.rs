//! Spills the visits of more patients than fit in memory, as bytes, until the resident patients
//! are complete.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`]; the implementation of [`Spill`]
//! chooses where they go. A patient is in one partition, so a patient is complete when its
//! partition is.

use crate::rules::effects::{Effect, EffectValues};
use crate::rules::fixed::Fixed;
use crate::rules::reading::Readings;
use crate::rules::statistics::{Counts, ObjectStatistics, Visit};
use crate::rules::vital::Vital;

/// The number of partitions of the spilled patients.
pub const PARTITIONS: usize = 256;

/// Stores data that does not fit in memory.
pub trait Spill: Send {
    /// Stores a visit in a partition (below [`PARTITIONS`]).
    fn write_visit(&mut self, partition: usize, visit: &[u8]);

    /// Returns the next visits of a partition, whole and in the order they were written; `None`
    /// after the last.
    fn read_visits(&mut self, partition: usize) -> Option<Vec<u8>>;

    /// Stores some patients, each of whom is complete; the caller forgets them.
    fn write_patients(&mut self, kept: &ObjectStatistics);
}

/// The spilled bytes are not those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpillDamaged;

/// Bytes of a spilled visit: patient, time, what it counts for, readings, outcome columns; little
/// endian.
pub(super) const VISIT_BYTES: usize = 4 + 8 + 1 + 8 * Vital::COUNT + 8 * Effect::COUNT;

/// Stands for a missing outcome: no value has this number of steps.
const NO_EFFECT: i64 = i64::MIN;

/// Encodes a visit.
pub(super) fn to_bytes(patient: u32, visit: &Visit, effects: &EffectValues) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(VISIT_BYTES);
    bytes.extend(patient.to_le_bytes());
    bytes.extend(visit.time.to_le_bytes());
    bytes.push(visit.counts as u8);
    bytes.extend(visit.readings.packed().iter().flat_map(|packed| packed.to_bits().to_le_bytes()));
    let steps = |effect: &Option<Fixed>| effect.map_or(NO_EFFECT, Fixed::steps);
    bytes.extend(effects.iter().flat_map(|effect| steps(effect).to_le_bytes()));
    bytes
}

/// Decodes a visit; `None` if the bytes are not one.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<(u32, Visit, EffectValues)> {
    let (patient, rest) = bytes.split_first_chunk::<4>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (counts, rest) = rest.split_first()?;
    let counts = Counts::ALL.into_iter().find(|one| *one as u8 == *counts)?;
    let (numbers, _) = rest.as_chunks::<8>();
    let (readings, effects) = numbers.split_first_chunk::<{ Vital::COUNT }>()?;
    let effects = effects.first_chunk::<{ Effect::COUNT }>()?;
    // By its bits: a reading may be a NaN, whose bits have a meaning.
    let readings = readings.map(|bits| f64::from_bits(u64::from_le_bytes(bits)));
    let visit = Visit {
        time: i64::from_le_bytes(*time),
        readings: Readings::from_packed(readings),
        counts,
    };
    let effects = effects.map(i64::from_le_bytes);
    let effects = effects.map(|steps| (steps != NO_EFFECT).then(|| Fixed::from_steps(steps)));
    Some((u32::from_le_bytes(*patient), visit, effects))
}

/// The spill of an object with few patients, which is never used.
#[cfg(test)]
pub(super) struct NoSpill;

#[cfg(test)]
impl Spill for NoSpill {
    fn write_visit(&mut self, _: usize, _: &[u8]) {
        unreachable!("few patients");
    }

    fn read_visits(&mut self, _: usize) -> Option<Vec<u8>> {
        unreachable!("few patients");
    }

    fn write_patients(&mut self, _: &ObjectStatistics) {
        unreachable!("few patients");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::reading::Reading;

    #[test]
    fn a_visit_comes_back_as_it_was() {
        let mut readings = Readings::default();
        for (vital, reading) in Vital::ALL.into_iter().zip([
            Reading::Value(-0.1),
            Reading::Missing,
            Reading::Unparsable,
            Reading::UnknownUnit,
        ]) {
            readings.set(vital, reading);
        }
        for counts in Counts::ALL {
            let visit = Visit { time: -7, readings, counts };
            let effects = [Fixed::from_units(1.5), None, Fixed::from_units(0.0)];
            let bytes = to_bytes(u32::MAX, &visit, &effects);
            assert_eq!(bytes.len(), VISIT_BYTES);
            let (patient, again, effects_again) = from_bytes(&bytes).expect("a visit");
            assert_eq!((patient, again.time, again.counts), (u32::MAX, -7, counts));
            assert_eq!(effects_again, effects);
            assert!(
                Vital::ALL.iter().all(|vital| again.readings.get(*vital) == readings.get(*vital))
            );
            assert!(from_bytes(&bytes[1..]).is_none());
        }
    }
}
