//! Some patients of a partial: in memory, or waiting on disk.
//!
//! Used by [`crate::partial::merge`] and [`crate::partial::codec`], and cut into ranges by
//! [`crate::spill::ranges`]. As long as there are few patients nothing is written.

use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::spill::spool::{Place, Spool};
use crate::tables::merge::Folded;
use crate::tables::patients::PatientTables;
use crate::tables::section;
use sce_study::AnalysisError;

/// One of so many patients is noted, to find the ranges by: the same ones in
/// every chunk, so that who comes in many chunks is one patient all the same.
pub const NOTED_OF: usize = 64;

/// Some patients.
#[derive(Clone)]
pub enum Chunk {
    /// In memory.
    Here(Box<PatientTables>),
    /// On disk, encoded.
    Away(Away),
}

/// Patients on disk.
#[derive(Clone)]
pub struct Away {
    spool: Arc<Spool>,
    /// Where; a patient may be in several.
    places: Vec<Place>,
    patients: usize,
    /// Values that are kept one by one, and pieces of such.
    moments: usize,
    pieces: usize,
    noted: Vec<String>,
}

impl Away {
    /// Lets some patients wait too.
    pub fn add(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        self.add_encoded(&section::section(&tables.all())?, tables)
    }

    /// The same, where they are encoded already.
    fn add_encoded(&mut self, bytes: &[u8], tables: &PatientTables) -> Result<(), AnalysisError> {
        self.places.push(self.spool.append(bytes).map_err(no_room)?);
        self.patients += tables.patients();
        self.moments += tables.moments.height();
        self.pieces += tables.pieces.height();
        self.noted.extend(noted(tables));
        Ok(())
    }
}

/// The disk has no room, or fails.
fn no_room(_: std::io::Error) -> AnalysisError {
    AnalysisError::NoScratch
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

    /// How many pieces there are of values that were kept one by one.
    pub fn pieces(&self) -> usize {
        match self {
            Self::Here(tables) => tables.pieces.height(),
            Self::Away(away) => away.pieces,
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
    pub fn load(&self) -> Result<PatientTables, AnalysisError> {
        match self {
            Self::Here(tables) => Ok((**tables).clone()),
            Self::Away(away) => {
                let mut folded = Folded::default();
                for place in &away.places {
                    let bytes = away.spool.read(*place).map_err(no_room)?;
                    folded.add(PatientTables::from_all(section::tables(&bytes)?))?;
                }
                folded.finish()
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
    pub fn put(&mut self, tables: &PatientTables) -> Result<Chunk, AnalysisError> {
        let mut away = self.away()?;
        away.add(tables)?;
        Ok(Chunk::Away(away))
    }

    /// Lets some patients wait whose section is at hand.
    pub fn put_encoded(
        &mut self,
        section: &[u8],
        tables: &PatientTables,
    ) -> Result<Chunk, AnalysisError> {
        let mut away = self.away()?;
        away.add_encoded(section, tables)?;
        Ok(Chunk::Away(away))
    }

    /// Room for some patients.
    pub fn away(&mut self) -> Result<Away, AnalysisError> {
        let spool = self.spool().map_err(no_room)?;
        Ok(Away {
            spool,
            places: Vec::new(),
            patients: 0,
            moments: 0,
            pieces: 0,
            noted: Vec::new(),
        })
    }

    /// The file that they wait in.
    pub fn spool(&mut self) -> std::io::Result<Arc<Spool>> {
        match &self.spool {
            Some(spool) => Ok(spool.clone()),
            None => Ok(self.spool.insert(Arc::new(Spool::new(&self.scratch)?)).clone()),
        }
    }
}
