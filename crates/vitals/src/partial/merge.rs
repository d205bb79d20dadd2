//! Merges partials, exactly.
//!
//! Used after each object of a unit and by the finalizer. Every merge is of integer sums and of
//! extremes, so its result does not depend on order or grouping. It must never average.

use std::path::Path;

use sce_study::AnalysisError;

use crate::partial::vitals_partial::VitalsPartial;
use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::spill::file::Scratch;
use crate::spill::patients::{Patients, spill};
use crate::tables::merge::PatientFold;
use crate::tables::objects::ObjectTables;

/// Merges partials over disjoint objects; without any, returns the partial of no object. With
/// many patients, some are spilled to the directory `scratch`.
///
/// # Errors
/// [`AnalysisError::ObjectTwice`] if the objects are not disjoint; the scratch directory has no
/// space left.
pub fn merge(parts: Vec<VitalsPartial>, scratch: &Path) -> Result<VitalsPartial, AnalysisError> {
    let (mut objects, mut patients) = (Vec::new(), Vec::new());
    for part in parts {
        objects.push(part.objects);
        patients.extend(part.patients);
    }
    let objects = ObjectTables::merge(objects)?;
    Ok(VitalsPartial { objects, patients: merge_in_memory(patients, scratch)? })
}

/// Merges the patients in memory, and spills them whenever there are many. At
/// most one part stays in memory, and no spilled one is small.
fn merge_in_memory(parts: Vec<Patients>, scratch: &Path) -> Result<Vec<Patients>, AnalysisError> {
    let (mut merged, mut here) = (Vec::new(), PatientFold::default());
    let mut scratch = Scratch::new(scratch);
    for part in parts {
        let Patients::InMemory(tables) = part else {
            merged.push(part);
            continue;
        };
        here.add(*tables)?;
        if here.patients > PATIENTS_KEPT_MAX {
            // Folding removes repeated patients: only then is it known whether there are many.
            let folded = here.fold()?;
            if folded.patients() > PATIENTS_KEPT_MAX / 2 {
                merged.push(spill(&mut scratch, &folded)?);
            } else {
                here.add(folded)?;
            }
        }
    }
    if here.patients > 0 {
        merged.push(Patients::InMemory(Box::new(here.fold()?)));
    }
    Ok(merged)
}
