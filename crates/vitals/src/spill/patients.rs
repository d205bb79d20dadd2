//! Some patients of a partial: in memory, or spilled.
//!
//! Used by [`crate::partial`], and divided into ranges by [`crate::spill::ranges`]. As long as
//! there are few patients, nothing is written.

use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use sce_study::AnalysisError;

use crate::spill::file::{Extent, Scratch, SpillFile};
use crate::tables::merge::PatientFold;
use crate::tables::patients::PatientTables;
use crate::tables::section;

/// One in this many patients is sampled, to find the bounds of ranges: the same ones wherever
/// they occur, so that a patient in many places counts once.
pub const SAMPLED_OF: usize = 64;

/// Some patients.
#[derive(Clone)]
pub enum Patients {
    /// In memory.
    InMemory(Box<PatientTables>),
    /// On disk.
    Spilled(SpilledPatients),
}

/// Patients on disk, as sections ([`section`]).
#[derive(Clone)]
pub struct SpilledPatients {
    file: Arc<SpillFile>,
    /// The same patient may be in several.
    sections: Vec<Extent>,
    patients: usize,
    moments: usize,
    pieces: usize,
    sampled: Vec<String>,
}

impl SpilledPatients {
    /// Creates an empty list in the file of `scratch`.
    pub fn new(scratch: &mut Scratch) -> Result<Self, AnalysisError> {
        Ok(Self {
            file: scratch.file().map_err(no_space)?,
            sections: Vec::new(),
            patients: 0,
            moments: 0,
            pieces: 0,
            sampled: Vec::new(),
        })
    }

    /// Writes some patients.
    pub fn add(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        self.add_section(&section::write_section(&tables.all())?, tables)
    }

    /// Writes some patients whose section exists already.
    pub fn add_section(
        &mut self,
        section: &[u8],
        tables: &PatientTables,
    ) -> Result<(), AnalysisError> {
        self.sections.push(self.file.append(section).map_err(no_space)?);
        self.patients += tables.patients();
        self.moments += tables.moments.height();
        self.pieces += tables.pieces.height();
        self.sampled.extend(sample(tables)?);
        Ok(())
    }
}

/// Maps an I/O error: the disk has no space left, or fails.
fn no_space(_: io::Error) -> AnalysisError {
    AnalysisError::NoScratch
}

/// Returns the sampled patients, in any order.
fn sample(tables: &PatientTables) -> Result<Vec<String>, AnalysisError> {
    // Chosen by a hash of the name, which is the same in every part.
    let is_sampled = |name: &&str| FxBuildHasher.hash_one(name).is_multiple_of(SAMPLED_OF as u64);
    Ok(tables.names()?.into_iter().filter(is_sampled).map(str::to_owned).collect())
}

impl Patients {
    /// Returns the most patients there can be: repeated ones count again.
    pub fn patients(&self) -> usize {
        match self {
            Self::InMemory(tables) => tables.patients(),
            Self::Spilled(spilled) => spilled.patients,
        }
    }

    /// Returns the number of values that are kept individually.
    pub fn moments(&self) -> usize {
        match self {
            Self::InMemory(tables) => tables.moments.height(),
            Self::Spilled(spilled) => spilled.moments,
        }
    }

    /// Returns the number of pieces that replace such values.
    pub fn pieces(&self) -> usize {
        match self {
            Self::InMemory(tables) => tables.pieces.height(),
            Self::Spilled(spilled) => spilled.pieces,
        }
    }

    /// Returns one in [`SAMPLED_OF`] patients.
    pub fn sample(&self) -> Result<Vec<String>, AnalysisError> {
        match self {
            Self::InMemory(tables) => sample(tables),
            Self::Spilled(spilled) => Ok(spilled.sampled.clone()),
        }
    }

    /// Loads the tables, each patient once.
    pub fn load(&self) -> Result<PatientTables, AnalysisError> {
        match self {
            Self::InMemory(tables) => Ok((**tables).clone()),
            Self::Spilled(spilled) => {
                // One section at a time, because a patient may be in several.
                let mut folded = PatientFold::default();
                for extent in &spilled.sections {
                    let bytes = spilled.file.read(*extent).map_err(no_space)?;
                    folded.add(PatientTables::from_all(section::read_section(&bytes)?))?;
                }
                folded.finish()
            }
        }
    }
}

/// Writes some patients to the file of `scratch`.
pub fn spill(scratch: &mut Scratch, tables: &PatientTables) -> Result<Patients, AnalysisError> {
    let mut spilled = SpilledPatients::new(scratch)?;
    spilled.add(tables)?;
    Ok(Patients::Spilled(spilled))
}
