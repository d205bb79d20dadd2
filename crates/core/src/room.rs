//! Free memory and disk space of a worker, and how much the agent processes at a
//! time with it.
//!
//! Used by the agent, which measures it at its start to plan its load and at
//! every beat to report it. Must contain numbers only: they go to the ledger.

use serde::{Deserialize, Serialize};

/// Memory to open and analyze one object, in MiB: the parts in flight (four of 8 MiB)
/// and the state of the analysis. Measured peaks of the whole process: 45 MiB for wide
/// CSV of few patients (README of `bench`), 88 MiB for a long format with every moment
/// open (`vitals::Gather`), 260 MiB with as many patients as are kept at a time
/// (`vitals::PATIENTS_KEPT_MAX`).
const OBJECT_MIB: u64 = 256;
/// Size of a decoded partial, in multiples of its stored size.
const PARTIAL_GROWTH: u64 = 4;
/// The least memory that a worker needs, in MiB.
const MEMORY_MIN_MIB: u64 = 192;
/// The least space on /hipaa that a worker needs, in MiB: for its own directory. Parquet
/// files and spilled patients also wait there; work for which there is no space is
/// released again.
const HIPAA_MIN_MIB: u64 = 1;
/// The most objects in flight: they are fetched at the same time, but one processor opens
/// and reads them, and four objects keep it busy.
const OBJECTS_MAX: u64 = 4;

/// Free resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Memory that is available without pressing other processes, in MiB.
    pub memory_mib: u64,
    /// Free space on /hipaa, in MiB.
    pub hipaa_mib: u64,
}

/// How much a worker processes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Objects of a unit that are read at the same time.
    pub objects: usize,
    /// Stored bytes of partials that are held before they are merged into one.
    pub partial_bytes: u64,
}

/// The machine is too small for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Not enough memory is free.
    #[error(
        "only {0} MiB of memory are free, a worker needs {MEMORY_MIN_MIB}: use a larger machine or fewer workers"
    )]
    Memory(u64),
    /// Not enough space on /hipaa is free.
    #[error("only {0} MiB of /hipaa are free, a worker needs {HIPAA_MIN_MIB}: use a larger volume")]
    Hipaa(u64),
}

impl Room {
    /// Returns the load for these resources: half of the memory for objects, a quarter for
    /// partials, and the rest stays free.
    ///
    /// # Errors
    /// Returns an error if there is too little to start at all.
    pub fn plan_load(self) -> Result<Load, NoRoom> {
        if self.memory_mib < MEMORY_MIN_MIB {
            return Err(NoRoom::Memory(self.memory_mib));
        }
        if self.hipaa_mib < HIPAA_MIN_MIB {
            return Err(NoRoom::Hipaa(self.hipaa_mib));
        }
        // At least one object: the minimum above leaves enough for small ones.
        let objects = (self.memory_mib / 2 / OBJECT_MIB).clamp(1, OBJECTS_MAX);
        let partial_bytes = (self.memory_mib / 4 / PARTIAL_GROWTH) << 20;
        // The number is at most `OBJECTS_MAX`, so it always fits.
        Ok(Load { objects: usize::try_from(objects).unwrap_or(1), partial_bytes })
    }

    /// Returns the minimum of each resource.
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
