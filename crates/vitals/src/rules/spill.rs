//! Visits of more patients than are kept at a time: they wait elsewhere, as
//! bytes, until the others are handed on.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`]; where they wait is the agent's to say.
//! A patient is in one part, so what is kept of each is whole when handed on.

use crate::rules::effects::{Effect, EffectValues};
use crate::rules::fixed::Fixed;
use crate::rules::reading::Readings;
use crate::rules::statistics::{Counts, ObjectStatistics, Visit};
use crate::rules::vital::Vital;

/// Into how many parts patients are dealt whose visits wait.
pub const OVERFLOW_PARTS: usize = 256;

/// Where visits wait, and who takes patients that are whole.
pub trait Overflow: Send {
    /// Lets a visit wait in a part (below [`OVERFLOW_PARTS`]).
    fn put(&mut self, part: usize, visit: &[u8]);

    /// Gives back the next of a part's visits, whole and in the order they came;
    /// none after the last.
    fn take(&mut self, part: usize) -> Option<Vec<u8>>;

    /// Takes what is kept of some patients, each of whom is whole; it is
    /// forgotten then.
    fn hand_on(&mut self, kept: &ObjectStatistics);
}

/// Bytes of a visit that waits: patient, time, what it counts for, readings,
/// effects, little endian.
pub(super) const VISIT_BYTES: usize = 4 + 8 + 1 + 8 * Vital::COUNT + 8 * Effect::COUNT;

/// No effect has this number of steps.
const NO_EFFECT: i64 = i64::MIN;

/// A visit as bytes.
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

/// The visit in some bytes; `None` if they are none.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<(u32, Visit, EffectValues)> {
    let (patient, rest) = bytes.split_first_chunk::<4>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (counts, rest) = rest.split_first()?;
    let counts = Counts::ALL.into_iter().find(|one| *one as u8 == *counts)?;
    let (numbers, _) = rest.as_chunks::<8>();
    let (readings, effects) = numbers.split_first_chunk::<{ Vital::COUNT }>()?;
    let effects = effects.first_chunk::<{ Effect::COUNT }>()?;
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

/// For objects of few patients.
#[cfg(test)]
pub(super) struct NoOverflow;

#[cfg(test)]
impl Overflow for NoOverflow {
    fn put(&mut self, _: usize, _: &[u8]) {
        unreachable!("few patients");
    }

    fn take(&mut self, _: usize) -> Option<Vec<u8>> {
        unreachable!("few patients");
    }

    fn hand_on(&mut self, _: &ObjectStatistics) {
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
