//! What of an object of many patients is on disk: visits that wait, and
//! patients who are whole.
//!
//! Used by [`super::input`], for the accumulator. If the disk has no room that
//! is kept until it is asked for: an accumulator cannot fail.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sce_core::vitals::{OVERFLOW_PARTS, ObjectStatistics, Overflow};

use super::chunk::{Chunk, Shelf};
use super::patient_tables::PatientTables;
use super::spool::Place;
use crate::study::Defect;

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
    written: Vec<Place>,
    last: Vec<u8>,
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

    fn take(&mut self, part: usize) -> Vec<u8> {
        let mut state = self.state();
        state.take(part).unwrap_or_else(|| {
            state.is_full = true;
            Vec::new()
        })
    }

    fn hand_on(&mut self, kept: &ObjectStatistics) {
        let mut state = self.state();
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
            part.written.push(self.visits.spool().ok()?.append(&part.last).ok()?);
            part.last.clear();
        }
        Some(())
    }

    fn take(&mut self, part: usize) -> Option<Vec<u8>> {
        let part = std::mem::take(self.parts.get_mut(part)?);
        let mut visits = Vec::new();
        for place in part.written {
            visits.extend(self.visits.spool().ok()?.read(place).ok()?);
        }
        visits.extend(part.last);
        Some(visits)
    }
}
