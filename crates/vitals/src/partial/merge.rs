//! Merges partials, exactly.
//!
//! Used after each object of a unit and by the finalizer. Every merge is of
//! integer sums and of extremes, so its result does not depend on order or
//! grouping. It must never average.

use std::path::Path;

use crate::partial::vitals_partial::VitalsPartial;
use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::spill::chunk::{Chunk, Shelf};
use crate::tables::column::{BAND_COUNTS, engine};
use crate::tables::effects;
use crate::tables::groups::{Groups, sum};
use crate::tables::merge::{Folded, MERGE, stacked};
use crate::tables::objects::ObjectTables;
use polars::prelude::*;
use sce_study::AnalysisError;

/// One partial out of many over disjoint objects; none give the empty one. Of
/// many patients some wait in the directory `scratch`.
pub fn merge(parts: Vec<VitalsPartial>, scratch: &Path) -> Result<VitalsPartial, AnalysisError> {
    let (mut objects, mut patients) = (Vec::new(), Vec::new());
    for part in parts {
        objects.push(part.objects);
        patients.extend(part.patients);
    }
    Ok(VitalsPartial { objects: merge_objects(objects)?, patients: gathered(patients, scratch)? })
}

/// Puts together what is in memory, and away whenever that is of many patients:
/// at most one chunk stays, and none that waits is small.
fn gathered(chunks: Vec<Chunk>, scratch: &Path) -> Result<Vec<Chunk>, AnalysisError> {
    let (mut away, mut here) = (Vec::new(), Folded::default());
    let mut shelf = Shelf::new(scratch);
    for chunk in chunks {
        let Chunk::Here(tables) = chunk else {
            away.push(chunk);
            continue;
        };
        here.add(*tables)?;
        if here.patients > PATIENTS_KEPT_MAX {
            let merged = here.fold()?;
            if merged.patients() > PATIENTS_KEPT_MAX / 2 {
                away.push(shelf.put(&merged)?);
            } else {
                here.add(merged)?;
            }
        }
    }
    if here.patients > 0 {
        away.push(Chunk::Here(Box::new(here.fold()?)));
    }
    Ok(away)
}

fn merge_objects(mut parts: Vec<ObjectTables>) -> Result<ObjectTables, AnalysisError> {
    match parts.len() {
        0 => return Ok(ObjectTables::empty()),
        1 => return Ok(parts.remove(0)),
        _ => {}
    }
    let merged = || -> PolarsResult<ObjectTables> {
        let all = stacked(parts.into_iter().map(ObjectTables::into_all))?;
        let all = ObjectTables::from_all(all);
        Ok(ObjectTables {
            months: Groups::by(&all.months, &["month"])?.merged(&BAND_COUNTS.map(sum))?,
            quality: all.quality.sort(["object", "vital"], SortMultipleOptions::default())?,
            inputs: all.inputs.sort(["object"], SortMultipleOptions::default())?,
            rules: effects::merge_rules(&all.rules)?,
            extremes: effects::merge_extremes(&all.extremes)?,
        })
    };
    let merged = merged().map_err(engine(MERGE))?;
    refuse_repeats(&merged.inputs).map_err(engine(MERGE))??;
    Ok(merged)
}

/// `inputs` must ascend by object.
fn refuse_repeats(inputs: &DataFrame) -> PolarsResult<Result<(), AnalysisError>> {
    let mut before = None;
    for object in inputs.column("object")?.str()?.iter().flatten() {
        if before == Some(object) {
            return Ok(Err(AnalysisError::ObjectTwice { object: object.to_owned() }));
        }
        before = Some(object);
    }
    Ok(Ok(()))
}
