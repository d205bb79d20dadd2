//! What room a worker's machine has left, and how much the agent takes on at a
//! time by it.
//!
//! Measured by the agent at its start, where it decides, and at every beat,
//! where it is reported. Numbers only: they go to the ledger.

use serde::{Deserialize, Serialize};

/// What opening and analysing one object may need, in MiB: its parts under way
/// (four of 8 MiB) and what the analysis keeps. Measured peaks are 45 MiB for
/// the whole process (README of `bench`), so this is generous.
const OBJECT_MIB: u64 = 64;
/// What one decoded partial may need, in MiB.
const PARTIAL_MIB: u64 = 32;
/// Memory that a worker needs at all, in MiB.
const MEMORY_MIN_MIB: u64 = 192;
/// Room on /hipaa that a worker needs at all, in MiB.
const HIPAA_MIN_MIB: u64 = 64;
/// Most objects under way and most partials at a time: beyond, the store and
/// the processors are the limit, not memory.
const OBJECTS_MAX: u64 = 16;
const PARTIALS_MAX: u64 = 64;

/// Room that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Memory that can be had without pressing others, in MiB.
    pub memory_mib: u64,
    /// Space on /hipaa, in MiB.
    pub hipaa_mib: u64,
}

/// How much is taken on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Objects of a unit that are read at the same time.
    pub objects: usize,
    /// Partials that are held before they are merged into one.
    pub partials: usize,
}

/// The machine is too small to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Too little memory is free.
    #[error("only {0} MiB of memory are free, a worker needs {MEMORY_MIN_MIB}: take a larger machine or fewer workers")]
    Memory(u64),
    /// Too little of /hipaa is free.
    #[error("only {0} MiB of /hipaa are free, a worker needs {HIPAA_MIN_MIB}: take a larger volume")]
    Hipaa(u64),
}

impl Room {
    /// What a worker takes on with this room and so many processors: half of
    /// the memory for objects, a quarter for partials, and the rest free.
    ///
    /// # Errors
    /// There is too little room to begin at all.
    pub fn plan_load(self, processors: usize) -> Result<Load, NoRoom> {
        if self.memory_mib < MEMORY_MIN_MIB {
            return Err(NoRoom::Memory(self.memory_mib));
        }
        if self.hipaa_mib < HIPAA_MIN_MIB {
            return Err(NoRoom::Hipaa(self.hipaa_mib));
        }
        // While one object is waited for, a processor can work on another.
        let useful = (processors as u64 * 2).clamp(1, OBJECTS_MAX);
        let objects = (self.memory_mib / 2 / OBJECT_MIB).clamp(1, useful);
        let partials = (self.memory_mib / 4 / PARTIAL_MIB).clamp(2, PARTIALS_MAX);
        let count = |n| usize::try_from(n).unwrap_or(usize::MAX);
        Ok(Load { objects: count(objects), partials: count(partials) })
    }

    /// The scarcer of two, each for itself.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.min(other.memory_mib),
            hipaa_mib: self.hipaa_mib.min(other.hipaa_mib),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn more_room_takes_on_more_up_to_what_is_useful() {
        for (memory_mib, processors, objects, partials) in [
            (192, 2, 1, 2),
            (256, 2, 2, 2),
            (1024, 2, 4, 8),
            (7000, 2, 4, 54),
            (7000, 4, 8, 54),
            (500_000, 96, 16, 64),
            (500_000, 0, 1, 64),
        ] {
            let load = Room { memory_mib, hipaa_mib: 64 }.plan_load(processors).unwrap();
            assert_eq!(load, Load { objects, partials }, "{memory_mib} MiB, {processors}");
        }
    }

    #[test]
    fn a_machine_that_is_too_small_is_refused_with_what_it_lacks() {
        let refused = |memory_mib, hipaa_mib| {
            Room { memory_mib, hipaa_mib }.plan_load(2).unwrap_err().to_string()
        };
        assert!(refused(191, 9999).starts_with("only 191 MiB of memory"));
        assert!(refused(9999, 63).starts_with("only 63 MiB of /hipaa"));
    }

    proptest! {
        #[test]
        fn what_is_taken_on_fits_into_three_quarters_of_the_memory(
            memory_mib in MEMORY_MIN_MIB.., processors in 0_usize..256,
        ) {
            let load = Room { memory_mib, hipaa_mib: 64 }.plan_load(processors).unwrap();
            let needed = load.objects as u64 * OBJECT_MIB + load.partials as u64 * PARTIAL_MIB;
            prop_assert!(needed <= (memory_mib / 4 * 3).max(OBJECT_MIB + 2 * PARTIAL_MIB));
        }
    }
}
