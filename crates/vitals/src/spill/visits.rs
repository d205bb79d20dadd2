//! Spill files of one object with many patients: its visits, and the tables of its complete
//! patients.
//!
//! Used by [`crate::input`], for the accumulator. An accumulator cannot fail, so a write that
//! failed is remembered until [`ObjectSpill::check`] reports it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::defect::Defect;
use crate::rules::spill::{PARTITIONS, Spill};
use crate::rules::statistics::ObjectStatistics;
use crate::spill::file::{Extent, Scratch};
use crate::spill::patients::{Patients, spill};
use crate::tables::patients::PatientTables;

/// The bytes of a partition that are written at a time.
const WRITTEN_BYTES: usize = 32 << 10;

/// The spill of an object, shared by the accumulator, which writes, and by the reader of the
/// object, which checks it.
#[derive(Clone)]
pub struct ObjectSpill(Arc<Mutex<State>>);

struct State {
    object: String,
    /// The file of the patients outlives this value; that of the visits does not.
    patients: Scratch,
    visits: Scratch,
    partitions: Vec<Partition>,
    complete: Vec<Patients>,
    has_failed: bool,
}

/// The visits of some patients: those on disk, and those that came later.
#[derive(Default, Clone)]
struct Partition {
    written: VecDeque<Extent>,
    last: Vec<u8>,
}

/// The next visits of a partition.
enum Next {
    Written(Extent),
    Last(Vec<u8>),
}

impl Partition {
    fn next(&mut self) -> Option<Next> {
        // In the order they came: those on disk first.
        let written = self.written.pop_front().map(Next::Written);
        let last = || (!self.last.is_empty()).then(|| Next::Last(std::mem::take(&mut self.last)));
        written.or_else(last)
    }
}

impl ObjectSpill {
    /// Creates the spill of an object; files go to the directory `scratch`.
    pub fn new(object: &str, scratch: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            object: object.to_owned(),
            patients: Scratch::new(scratch),
            visits: Scratch::new(scratch),
            partitions: Vec::new(),
            complete: Vec::new(),
            has_failed: false,
        })))
    }

    /// Returns a defect once a write or a read has failed.
    pub fn check(&self) -> Result<(), Defect> {
        if self.state().has_failed { Err(Defect::NoScratch) } else { Ok(()) }
    }

    /// Takes the complete patients out of the spill.
    pub fn take_complete(&self) -> Result<Vec<Patients>, Defect> {
        self.check()?;
        Ok(std::mem::take(&mut self.state().complete))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spill for ObjectSpill {
    fn write_visit(&mut self, partition: usize, visit: &[u8]) {
        let mut state = self.state();
        if !state.has_failed && state.write_visit(partition, visit).is_none() {
            state.has_failed = true;
        }
    }

    fn read_visits(&mut self, partition: usize) -> Option<Vec<u8>> {
        let mut state = self.state();
        let extent = match state.partitions.get_mut(partition)?.next()? {
            Next::Last(visits) => return Some(visits),
            Next::Written(extent) => extent,
        };
        // The caller cannot fail: `check` reports the error later.
        let visits = state.visits.file().and_then(|file| file.read(extent));
        state.has_failed |= visits.is_err();
        visits.ok()
    }

    fn write_patients(&mut self, kept: &ObjectStatistics) {
        let mut state = self.state();
        if state.has_failed {
            return;
        }
        let tables = PatientTables::of(&state.object, kept);
        match spill(&mut state.patients, &tables) {
            Ok(patients) => state.complete.push(patients),
            Err(_) => state.has_failed = true,
        }
    }
}

impl State {
    /// Returns `None` if the disk has no space left, or fails.
    fn write_visit(&mut self, partition: usize, visit: &[u8]) -> Option<()> {
        // Most objects spill nothing, and need no partitions.
        self.partitions.resize(PARTITIONS, Partition::default());
        let partition = &mut self.partitions[partition];
        partition.last.extend_from_slice(visit);
        if partition.last.len() >= WRITTEN_BYTES {
            partition.written.push_back(self.visits.file().ok()?.append(&partition.last).ok()?);
            partition.last.clear();
        }
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn visits_come_back_by_partition_in_the_order_they_came() {
        let mut spill = ObjectSpill::new("a", &std::env::temp_dir());
        let visit = |number: u32| [number.to_le_bytes(); 25].concat();
        for number in 0..3000 {
            spill.write_visit(number as usize % 3, &visit(number));
        }
        for (part, first) in (0..3).zip(0_u32..) {
            let mut found = Vec::new();
            let mut pieces = 0;
            while let Some(visits) = spill.read_visits(part) {
                found.extend(visits);
                pieces += 1;
            }
            let expected: Vec<u8> = (first..3000).step_by(3).flat_map(visit).collect();
            assert!(found == expected && pieces > 2);
            assert_eq!(spill.read_visits(part), None);
        }
        assert_eq!(spill.read_visits(3), None);
        spill.check().unwrap();
    }

    #[test]
    fn a_disk_without_space_is_an_error() {
        let mut spill = ObjectSpill::new("a", Path::new("/nonexistent"));
        spill.write_visit(0, &[0; WRITTEN_BYTES - 1]);
        spill.check().unwrap();
        spill.write_visit(0, &[0]);
        assert_eq!(spill.check(), Err(Defect::NoScratch));
    }
}
