//! What room a worker's machine has left, and how much the agent takes on at a
//! time by it.
//!
//! Measured by the agent at its start, where it decides, and at every beat,
//! where it is reported. Numbers only: they go to the ledger.

use serde::{Deserialize, Serialize};

/// What opening and analysing one object may need, in MiB: its parts under way
/// (four of 8 MiB) and what the analysis keeps. Measured peaks of the whole
/// process: 45 MiB for wide CSV of few patients (README of `bench`), 88 MiB for
/// a long format with every moment open (`vitals::Gather`), 260 MiB with as
/// many patients as are kept at a time (`vitals::PATIENTS_KEPT_MAX`).
const OBJECT_MIB: u64 = 256;
/// What a partial takes decoded, in multiples of its size in the store.
const PARTIAL_GROWTH: u64 = 4;
/// Memory that a worker needs at all, in MiB.
const MEMORY_MIN_MIB: u64 = 192;
/// Room on /hipaa that a worker needs at all, in MiB: for its own directory.
/// Parquet waits there too, and what is kept of many patients; work for which
/// there is no room goes back.
const HIPAA_MIN_MIB: u64 = 1;
/// Most objects under way: they are waited for together, but one processor
/// opens and reads them, and four keep it busy.
const OBJECTS_MAX: u64 = 4;

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
    /// Bytes of partials, as they lie in the store, that are held before they
    /// are merged into one.
    pub partial_bytes: u64,
}

/// The machine is too small to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Too little memory is free.
    #[error(
        "only {0} MiB of memory are free, a worker needs {MEMORY_MIN_MIB}: take a larger machine or fewer workers"
    )]
    Memory(u64),
    /// Too little of /hipaa is free.
    #[error(
        "only {0} MiB of /hipaa are free, a worker needs {HIPAA_MIN_MIB}: take a larger volume"
    )]
    Hipaa(u64),
}

impl Room {
    /// What a worker takes on with this room: half of the memory for objects, a
    /// quarter for partials, and the rest free.
    ///
    /// # Errors
    /// There is too little room to begin at all.
    pub fn plan_load(self) -> Result<Load, NoRoom> {
        if self.memory_mib < MEMORY_MIN_MIB {
            return Err(NoRoom::Memory(self.memory_mib));
        }
        if self.hipaa_mib < HIPAA_MIN_MIB {
            return Err(NoRoom::Hipaa(self.hipaa_mib));
        }
        let objects = (self.memory_mib / 2 / OBJECT_MIB).clamp(1, OBJECTS_MAX);
        let partial_bytes = (self.memory_mib / 4 / PARTIAL_GROWTH) << 20;
        Ok(Load { objects: usize::try_from(objects).unwrap_or(1), partial_bytes })
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

    #[test]
    fn more_room_takes_on_more_up_to_what_is_useful() {
        for (memory_mib, objects, bytes_mib) in
            [(192, 1, 12), (1023, 1, 63), (1024, 2, 64), (7000, 4, 437), (500_000, 4, 31_250)]
        {
            let load = Room { memory_mib, hipaa_mib: 64 }.plan_load().unwrap();
            let expected = Load { objects, partial_bytes: bytes_mib << 20 };
            assert_eq!(load, expected, "{memory_mib} MiB");
        }
    }

    #[test]
    fn a_machine_that_is_too_small_is_refused_with_what_it_lacks() {
        let refused = |memory_mib, hipaa_mib| {
            Room { memory_mib, hipaa_mib }.plan_load().unwrap_err().to_string()
        };
        assert!(refused(191, 9999).starts_with("only 191 MiB of memory"));
        assert!(refused(9999, 0).starts_with("only 0 MiB of /hipaa"));
    }
}
