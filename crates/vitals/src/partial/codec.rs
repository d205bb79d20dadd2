//! Encodes a partial as one byte string, and decodes it.
//!
//! Used to seal partials between the worker and the finalizer; spilled patients use its sections.
//! Layout: magic (with the version), the number of sections, then each section after its length
//! (numbers are u64, little endian): the tables of objects, then those of some patients each, in
//! natural order. A section is the SHA-256 of the rest of it, then for each table its length and
//! its Parquet bytes. Sealing already proves who wrote it; the digests and the checks here keep
//! accidental damage away from the Parquet reader, so that no damaged byte can make it panic.

use std::path::Path;

use sce_study::{AnalysisError, PARTIAL_BYTES_MAX};

use crate::partial::vitals_partial::VitalsPartial;
use crate::spill::file::Scratch;
use crate::spill::patients::{Patients, SpilledPatients};
use crate::spill::ranges::Ranges;
use crate::tables::objects::ObjectTables;
use crate::tables::patients::PatientTables;
use crate::tables::section::{read_section, split_part, write_section};

/// Magic and version: change the last byte with any change of the tables.
const MAGIC: &[u8; 8] = b"SCEVIT\x00\x06";

/// Encodes a partial: its objects, then its patients, each once.
pub fn encode(partial: &VitalsPartial, scratch: &Path) -> Result<Vec<u8>, AnalysisError> {
    let ranges = Ranges::of(&partial.patients, scratch)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((ranges.len() as u64 + 1).to_le_bytes());
    let mut add = |section: &[u8]| {
        bytes.extend((section.len() as u64).to_le_bytes());
        bytes.extend(section);
        // Checked after each section, so that memory is bounded as well.
        let (bytes, limit) = (bytes.len(), PARTIAL_BYTES_MAX);
        if bytes > limit { Err(AnalysisError::TooLarge { bytes, limit }) } else { Ok(()) }
    };
    add(&write_section(&partial.objects.all())?)?;
    for range in ranges.load_each() {
        add(&write_section(&range?.all())?)?;
    }
    Ok(bytes)
}

/// Decodes a partial; many patients are spilled to the directory `scratch`.
pub fn decode(bytes: &[u8], scratch: &Path) -> Result<VitalsPartial, AnalysisError> {
    if bytes.len() > PARTIAL_BYTES_MAX {
        return Err(AnalysisError::damaged("it is larger than any partial can be"));
    }
    let (magic, rest) = bytes
        .split_at_checked(MAGIC.len())
        .ok_or_else(|| AnalysisError::damaged("it is truncated"))?;
    if magic != MAGIC {
        return Err(AnalysisError::damaged("it is of another version"));
    }
    let sections = sections(rest).ok_or_else(|| AnalysisError::damaged("it is truncated"))?;
    let (of_objects, of_patients) =
        sections.split_first().ok_or_else(|| AnalysisError::damaged("it has no objects"))?;
    let objects = ObjectTables::from_all(read_section(of_objects)?);
    objects.check()?;
    let (mut patients, mut scratch) = (Vec::new(), Scratch::new(scratch));
    for section in of_patients {
        let found = PatientTables::from_all(read_section(section)?);
        found.check()?;
        // One section has few patients; several could exceed the memory together.
        patients.push(if of_patients.len() == 1 {
            Patients::InMemory(Box::new(found))
        } else {
            let mut spilled = SpilledPatients::new(&mut scratch)?;
            spilled.add_section(section, &found)?;
            Patients::Spilled(spilled)
        });
    }
    Ok(VitalsPartial { objects, patients })
}

/// Returns as many sections as are announced, which must end with the last byte.
fn sections(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (many, mut rest) = bytes.split_first_chunk::<8>()?;
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let (section, after) = split_part(rest)?;
        sections.push(section);
        rest = after;
    }
    (sections.len() as u64 == u64::from_le_bytes(*many)).then_some(sections)
}
