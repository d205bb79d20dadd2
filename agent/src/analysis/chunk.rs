//! Some patients of a partial: in memory, or waiting on disk.
//!
//! Used by [`super::merge`] and [`super::codec`], and cut into ranges by
//! [`super::ranges`]. As long as there are few patients nothing is written.

use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::codec;
use super::merge::merge_patients;
use super::patient_tables::PatientTables;
use super::spool::{Place, Spool};
use crate::study::StudyError;

/// One of so many patients is noted, to find the ranges by: the same ones in
/// every chunk, so that who comes in many chunks is one patient all the same.
pub const NOTED_OF: usize = 64;

/// Some patients.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// In memory.
    Here(Box<PatientTables>),
    /// On disk, encoded.
    Away(Away),
}

/// Patients on disk.
#[derive(Debug, Clone)]
pub struct Away {
    spool: Arc<Spool>,
    /// Where; a patient may be in several.
    places: Vec<Place>,
    patients: usize,
    moments: usize,
    noted: Vec<String>,
}

impl Away {
    /// Lets some patients wait too.
    pub fn add(&mut self, tables: &PatientTables) -> Result<(), StudyError> {
        let bytes = codec::section(&tables.all())?;
        self.places.push(self.spool.append(&bytes).map_err(no_room)?);
        self.patients += tables.patients();
        self.moments += tables.moments.height();
        self.noted.extend(noted(tables));
        Ok(())
    }
}

/// The disk has no room, or fails.
fn no_room(_: std::io::Error) -> StudyError {
    StudyError::NoScratch
}

/// Those to be noted, in any order.
fn noted(tables: &PatientTables) -> Vec<String> {
    let is_noted = |name: &&str| FxBuildHasher.hash_one(name).is_multiple_of(NOTED_OF as u64);
    let names = tables.scores.column("patient").and_then(|names| names.str());
    names.map_or_else(
        |_| Vec::new(),
        |names| names.iter().flatten().filter(is_noted).map(str::to_owned).collect(),
    )
}

impl Chunk {
    /// How many patients at most.
    pub fn patients(&self) -> usize {
        match self {
            Self::Here(tables) => tables.patients(),
            Self::Away(away) => away.patients,
        }
    }

    /// How many values are kept one by one.
    pub fn moments(&self) -> usize {
        match self {
            Self::Here(tables) => tables.moments.height(),
            Self::Away(away) => away.moments,
        }
    }

    /// One of [`NOTED_OF`] patients.
    pub fn noted(&self) -> Vec<String> {
        match self {
            Self::Here(tables) => noted(tables),
            Self::Away(away) => away.noted.clone(),
        }
    }

    /// The tables, each patient once.
    pub fn load(&self) -> Result<PatientTables, StudyError> {
        match self {
            Self::Here(tables) => Ok((**tables).clone()),
            Self::Away(away) => {
                let load = |place: &Place| {
                    let bytes = away.spool.read(*place).map_err(no_room)?;
                    codec::tables(&bytes).map(PatientTables::from_all)
                };
                let all = away.places.iter().map(load).collect::<Result<Vec<_>, _>>()?;
                merge_patients(all)
            }
        }
    }
}

/// Where chunks are put that are to wait on disk.
#[derive(Debug)]
pub struct Shelf {
    scratch: PathBuf,
    /// There once something waits.
    spool: Option<Arc<Spool>>,
}

impl Shelf {
    /// One in the directory `scratch`.
    pub fn new(scratch: &Path) -> Self {
        Self { scratch: scratch.to_owned(), spool: None }
    }

    /// Lets some patients wait.
    pub fn put(&mut self, tables: &PatientTables) -> Result<Chunk, StudyError> {
        let mut away = self.away()?;
        away.add(tables)?;
        Ok(Chunk::Away(away))
    }

    /// Room for some patients.
    pub fn away(&mut self) -> Result<Away, StudyError> {
        let spool = match &self.spool {
            Some(spool) => spool.clone(),
            None => {
                let spool = Arc::new(Spool::new(&self.scratch).map_err(no_room)?);
                self.spool.insert(spool).clone()
            }
        };
        Ok(Away { spool, places: Vec::new(), patients: 0, moments: 0, noted: Vec::new() })
    }
}
