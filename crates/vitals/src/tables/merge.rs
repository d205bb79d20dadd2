//! Merges tables of patients, exactly.
//!
//! Used by [`crate::partial::merge`] and [`crate::spill`]. Every merge is of integer sums and of
//! extremes, so its result does not depend on order or grouping. It must never average.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::rules::moments::MAX_COUNT;
use crate::rules::timeline::MOMENTS_MAX;
use crate::rules::vital::Vital;
use crate::tables::column::engine;
use crate::tables::derived::DerivedRow;
use crate::tables::effects::{FitRow, PairRow};
use crate::tables::groups::{Groups, merged};
use crate::tables::objects::stack;
use crate::tables::patients::{BinRow, CellRow, PatientTables, ScoreRow, column};
use crate::tables::rows::Row;
use crate::tables::timelines::{MomentRow, PieceRow, pieces_of};

const MERGE: &str = "merge partials";

/// Merges the patients of many tables as they come: memory holds little more than each patient
/// once.
#[derive(Default)]
pub struct PatientFold {
    parts: Vec<PatientTables>,
    /// The number of patients, in which repeated ones count again.
    pub patients: usize,
    /// The number of patients after the last merge.
    folded: usize,
}

impl PatientFold {
    pub fn add(&mut self, part: PatientTables) -> Result<(), AnalysisError> {
        self.patients += part.patients();
        self.parts.push(part);
        // Merging only when they have doubled keeps the total work linear.
        if self.patients > 2 * self.folded.max(PATIENTS_KEPT_MAX) {
            let folded = self.fold()?;
            self.folded = folded.patients();
            self.patients = self.folded;
            self.parts.push(folded);
        }
        Ok(())
    }

    /// Merges all tables so far, which removes them.
    pub fn fold(&mut self) -> Result<PatientTables, AnalysisError> {
        self.patients = 0;
        limit_moments(merge_patients(std::mem::take(&mut self.parts))?)
    }

    /// Merges all tables.
    pub fn finish(mut self) -> Result<PatientTables, AnalysisError> {
        self.fold()
    }
}

/// Merges the patients of many tables, so that each occurs once.
///
/// # Errors
/// A table is damaged, or a patient has more values than sums hold.
pub fn merge_patients(parts: Vec<PatientTables>) -> Result<PatientTables, AnalysisError> {
    let all = stack_patients(parts)?;
    let patients = Groups::of::<ScoreRow<'_>>(&all.scores).map_err(engine(MERGE))?;
    // Usually each patient is in one part.
    if patients.len() == all.patients() {
        return Ok(all);
    }
    let cells = Groups::of::<CellRow<'_>>(&all.cells).map_err(engine(MERGE))?;
    // Rows of the same cell get one number, so that their bins merge.
    let renumbered = all.renumbered(cells.numbers())?;
    let merge = || -> PolarsResult<PatientTables> {
        let bins = merged::<BinRow>(&renumbered.bins)?;
        Ok(PatientTables {
            // Quantiles need ascending bins; the merge keeps the order of first rows.
            bins: bins.sort(["place"], SortMultipleOptions::default())?,
            cells: cells.merged()?,
            moments: renumbered.moments.clone(),
            pieces: renumbered.pieces.clone(),
            scores: patients.merged()?,
            derived: merged::<DerivedRow<'_>>(&all.derived)?,
            pairs: merged::<PairRow<'_>>(&all.pairs)?,
            fits: merged::<FitRow<'_>>(&all.fits)?,
        })
    };
    let merged = merge().map_err(engine(MERGE))?;
    refuse_too_many(&merged)?;
    Ok(merged)
}

/// Stacks the rows of many tables; a patient may be in more than one.
fn stack_patients(mut parts: Vec<PatientTables>) -> Result<PatientTables, AnalysisError> {
    match parts.len() {
        0 => return Ok(PatientTables::empty()),
        1 => return Ok(parts.remove(0)),
        _ => {}
    }
    // Rows that refer to a row of cells keep referring to the same one.
    let mut before = 0;
    for part in &mut parts {
        let rows: Vec<u32> = (before..).take(part.cells.height()).collect();
        *part = part.renumbered(&rows)?;
        before = rows.last().map_or(before, |last| last + 1);
    }
    let all = stack(parts.into_iter().map(PatientTables::into_all));
    all.map(PatientTables::from_all).map_err(engine(MERGE))
}

/// Replaces the moments by pieces, if there are too many of them: then there are too many in the
/// run.
fn limit_moments(tables: PatientTables) -> Result<PatientTables, AnalysisError> {
    if tables.moments.height() as u64 > MOMENTS_MAX { collapse_moments(tables) } else { Ok(tables) }
}

/// Replaces all moments by pieces.
///
/// # Errors
/// A table is damaged.
pub fn collapse_moments(mut tables: PatientTables) -> Result<PatientTables, AnalysisError> {
    let vitals: Vec<Vital> = column(&tables.cells, "cells", "vital")?;
    let found = pieces_of(MomentRow::read(&tables.moments)?, &vitals)?;
    let stacked = tables.pieces.vstack(&PieceRow::write(&found));
    tables.pieces = stacked.map_err(engine(MERGE))?;
    tables.moments = MomentRow::empty();
    Ok(tables)
}

/// Refuses counts beyond the limit. Each part is within it, and fewer than 2^30 parts fit in
/// memory, so the counts themselves cannot have overflowed.
fn refuse_too_many(tables: &PatientTables) -> Result<(), AnalysisError> {
    let counts: Vec<u64> = column(&tables.cells, "cells", "n")?;
    match counts.into_iter().any(|n| n > MAX_COUNT) {
        true => Err(AnalysisError::TooManyValues),
        false => Ok(()),
    }
}
