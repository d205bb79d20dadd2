//! What of an object of many patients is on disk: visits that wait, and
//! patients who are whole.
//!
//! Used by [`crate::input`], for the accumulator. If the disk has no room that
//! is kept until it is asked for: an accumulator cannot fail.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rules::overflow::{OVERFLOW_PARTS, Overflow};
use crate::rules::statistics::ObjectStatistics;

use crate::defect::Defect;
use crate::spill::chunk::{Chunk, Shelf};
use crate::spill::spool::Place;
use crate::tables::patients::PatientTables;

/// Visits of a part are written by so many bytes at a time.
const WRITTEN_BYTES: usize = 32 << 10;

/// The same for the accumulator, which writes, and for the object, which asks.
#[derive(Clone)]
pub struct Waiting(Arc<Mutex<State>>);

struct State {
    object: String,
    /// The files of both; that of the visits is gone with this.
    shelf: Shelf,
    visits: Shelf,
    parts: Vec<Part>,
    whole: Vec<Chunk>,
    is_full: bool,
}

/// Visits that wait: those that are written, and those that came after.
#[derive(Default, Clone)]
struct Part {
    written: VecDeque<Place>,
    last: Vec<u8>,
}

/// What comes next of a part.
enum Next {
    Written(Place),
    Last(Vec<u8>),
}

impl Part {
    fn next(&mut self) -> Option<Next> {
        let written = self.written.pop_front().map(Next::Written);
        let last = || (!self.last.is_empty()).then(|| Next::Last(std::mem::take(&mut self.last)));
        written.or_else(last)
    }
}

impl Waiting {
    /// For an object; on disk is the directory `scratch`.
    pub fn new(object: &str, scratch: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            object: object.to_owned(),
            shelf: Shelf::new(scratch),
            visits: Shelf::new(scratch),
            parts: Vec::new(),
            whole: Vec::new(),
            is_full: false,
        })))
    }

    /// Could all be written so far?
    pub fn have_room(&self) -> Result<(), Defect> {
        if self.state().is_full { Err(Defect::NoScratch) } else { Ok(()) }
    }

    /// The patients who are whole.
    pub fn whole(&self) -> Result<Vec<Chunk>, Defect> {
        self.have_room()?;
        Ok(std::mem::take(&mut self.state().whole))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overflow for Waiting {
    fn put(&mut self, part: usize, visit: &[u8]) {
        let mut state = self.state();
        if !state.is_full && state.put(part, visit).is_none() {
            state.is_full = true;
        }
    }

    fn take(&mut self, part: usize) -> Option<Vec<u8>> {
        let mut state = self.state();
        let place = match state.parts.get_mut(part)?.next()? {
            Next::Last(visits) => return Some(visits),
            Next::Written(place) => place,
        };
        let visits = state.visits.spool().and_then(|spool| spool.read(place));
        state.is_full |= visits.is_err();
        visits.ok()
    }

    fn hand_on(&mut self, kept: &ObjectStatistics) {
        let mut state = self.state();
        if state.is_full {
            return;
        }
        let tables = PatientTables::of(&state.object, kept);
        match state.shelf.put(&tables) {
            Ok(chunk) => state.whole.push(chunk),
            Err(_) => state.is_full = true,
        }
    }
}

/// `None` if the disk has no room, or fails.
impl State {
    fn put(&mut self, part: usize, visit: &[u8]) -> Option<()> {
        self.parts.resize(OVERFLOW_PARTS, Part::default());
        let part = &mut self.parts[part];
        part.last.extend_from_slice(visit);
        if part.last.len() >= WRITTEN_BYTES {
            part.written.push_back(self.visits.spool().ok()?.append(&part.last).ok()?);
            part.last.clear();
        }
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn visits_come_back_by_part_in_the_order_they_came() {
        let mut waiting = Waiting::new("a", &std::env::temp_dir());
        let visit = |number: u32| [number.to_le_bytes(); 25].concat();
        for number in 0..3000 {
            waiting.put(number as usize % 3, &visit(number));
        }
        for (part, first) in (0..3).zip(0_u32..) {
            let mut found = Vec::new();
            let mut pieces = 0;
            while let Some(visits) = waiting.take(part) {
                found.extend(visits);
                pieces += 1;
            }
            let expected: Vec<u8> = (first..3000).step_by(3).flat_map(visit).collect();
            assert!(found == expected && pieces > 2);
            assert_eq!(waiting.take(part), None);
        }
        assert_eq!(waiting.take(3), None);
        waiting.have_room().unwrap();
    }

    #[test]
    fn a_disk_without_room_is_told() {
        let mut waiting = Waiting::new("a", Path::new("/nonexistent"));
        waiting.put(0, &[0; WRITTEN_BYTES - 1]);
        waiting.have_room().unwrap();
        waiting.put(0, &[0]);
        assert_eq!(waiting.have_room(), Err(Defect::NoScratch));
    }
}
