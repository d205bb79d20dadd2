//! The patients of a run in ranges of their natural order, each patient once.
//!
//! Used when a partial is stored and when results are delivered. Few patients are one range, in
//! memory. Many are distributed over ranges on disk, and each range is merged on its own: memory
//! must hold one range only, whatever the number of patients, and however often each occurs.

use std::path::Path;

use polars::prelude::*;
use rustc_hash::FxHashMap;
use sce_study::AnalysisError;

use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::rules::timeline::MOMENTS_MAX;
use crate::spill::file::Scratch;
use crate::spill::patients::{Patients, SAMPLED_OF, SpilledPatients};
use crate::tables::column::engine;
use crate::tables::merge::{collapse_moments, merge_patients};
use crate::tables::natural::natural;
use crate::tables::patients::{PatientTables, cell_and_bin, column};

/// The number of patients that a range aims at: half of those in memory at a time.
const RANGE_PATIENTS: usize = PATIENTS_KEPT_MAX / 2;
/// Parts that are distributed together: the fewer rows go to a range at a time, the longer it
/// takes.
const PARTS_AT_A_TIME: usize = 2;

/// The ranges, ascending.
pub struct Ranges {
    ranges: Vec<Patients>,
}

impl Ranges {
    /// Divides all these patients into ranges.
    ///
    /// # Errors
    /// The scratch directory has no space left, or a part is damaged.
    pub fn of(parts: &[Patients], scratch: &Path) -> Result<Self, AnalysisError> {
        let moments: usize = parts.iter().map(Patients::moments).sum();
        // A part with pieces had too many moments, and so has the whole.
        let has_pieces = parts.iter().any(|part| part.pieces() > 0);
        let collapse = moments as u64 > MOMENTS_MAX || has_pieces;
        let patients: usize = parts.iter().map(Patients::patients).sum();
        let ranges = if patients <= PATIENTS_KEPT_MAX {
            vec![Patients::InMemory(Box::new(merge_patients(load_all(parts, collapse)?)?))]
        } else {
            distribute(parts, collapse, scratch)?
        };
        Ok(Self { ranges })
    }

    /// Returns the number of ranges.
    pub const fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Loads the patients of each range, merged.
    pub fn load_each(&self) -> impl Iterator<Item = Result<PatientTables, AnalysisError>> {
        self.ranges.iter().map(Patients::load)
    }
}

/// Loads the patients of some parts; with `collapse`, their moments become pieces.
fn load_all(parts: &[Patients], collapse: bool) -> Result<Vec<PatientTables>, AnalysisError> {
    let load = |part: &Patients| {
        let tables = part.load()?;
        if collapse { collapse_moments(tables) } else { Ok(tables) }
    };
    parts.iter().map(load).collect()
}

/// Distributes the patients over ranges on disk.
fn distribute(
    parts: &[Patients],
    collapse: bool,
    scratch: &Path,
) -> Result<Vec<Patients>, AnalysisError> {
    let mut sampled = Vec::new();
    for part in parts {
        sampled.extend(part.sample()?);
    }
    let bounds = bounds(sampled);
    // All ranges share one file.
    let mut ranges = vec![SpilledPatients::new(&mut Scratch::new(scratch))?; bounds.len() + 1];
    for some in parts.chunks(PARTS_AT_A_TIME) {
        let all = merge_patients(load_all(some, collapse)?)?;
        for (range, part) in ranges.iter_mut().zip(split(&all, &bounds)?) {
            // Most parts have patients in few ranges only.
            if part.patients() > 0 {
                range.add(&part)?;
            }
        }
    }
    Ok(ranges.into_iter().map(Patients::Spilled).collect())
}

/// Returns the first patient of every range but the first, chosen from those sampled.
fn bounds(mut sampled: Vec<String>) -> Vec<String> {
    sampled.sort_by(|a, b| natural(a, b));
    // A patient in many parts was sampled in each.
    sampled.dedup();
    let of_range = RANGE_PATIENTS / SAMPLED_OF;
    sampled.into_iter().skip(of_range).step_by(of_range).collect()
}

/// Divides the tables by range.
fn split(tables: &PatientTables, bounds: &[String]) -> Result<Vec<PatientTables>, AnalysisError> {
    let many = bounds.len() + 1;
    let by_patient = Assignment::of(tables, bounds)?;
    let of_cells = by_patient.of_patients(&tables.cells, "cells")?;
    // Rows of cells keep their order, and are numbered within their range.
    let mut next = vec![0_u32; many];
    let numbers: Vec<u32> = of_cells
        .iter()
        .map(|range| {
            next[*range] += 1;
            next[*range] - 1
        })
        .collect();
    let of_cell = |cell: u64, of: &'static str| {
        let range = usize::try_from(cell).ok().and_then(|cell| of_cells.get(cell).copied());
        range.ok_or_else(|| {
            AnalysisError::damaged(format!("table {of}: a row refers to no row of cells"))
        })
    };
    let by_cell = |table: &DataFrame, of: &'static str| -> Result<Vec<usize>, AnalysisError> {
        column::<u64>(table, of, "cell")?.into_iter().map(|cell| of_cell(cell, of)).collect()
    };
    let places = column::<u64>(&tables.bins, "bins", "place")?.into_iter();
    let of_bins: Result<Vec<usize>, AnalysisError> =
        places.map(|place| of_cell(cell_and_bin(place).0.into(), "bins")).collect();
    let renumbered = tables.renumbered(&numbers)?;
    let rows = |table: &DataFrame, ranges: &[usize]| {
        rows_by(table, ranges, many).map_err(engine("distribute patients"))
    };
    let of_patients = |table: &DataFrame, of| rows(table, &by_patient.of_patients(table, of)?);
    let all = [
        rows(&tables.cells, &of_cells)?,
        rows(&renumbered.bins, &of_bins?)?,
        rows(&renumbered.moments, &by_cell(&tables.moments, "moments")?)?,
        rows(&renumbered.pieces, &by_cell(&tables.pieces, "pieces")?)?,
        of_patients(&tables.scores, "scores")?,
        of_patients(&tables.derived, "derived")?,
        of_patients(&tables.pairs, "pairs")?,
        of_patients(&tables.fits, "fits")?,
    ];
    let part = |range: usize| PatientTables::from_all(all.each_ref().map(|of| of[range].clone()));
    Ok((0..many).map(part).collect())
}

/// The range of each patient.
struct Assignment<'a>(FxHashMap<&'a str, usize>);

impl<'a> Assignment<'a> {
    fn of(tables: &'a PatientTables, bounds: &[String]) -> Result<Self, AnalysisError> {
        // A bound is the first patient of its range, so it belongs to that range.
        let range_of = |name: &str| bounds.partition_point(|bound| natural(bound, name).is_le());
        let names = tables.names()?.into_iter();
        Ok(Self(names.map(|name| (name, range_of(name))).collect()))
    }

    /// Returns the range of each row of a table.
    fn of_patients(
        &self,
        table: &DataFrame,
        of: &'static str,
    ) -> Result<Vec<usize>, AnalysisError> {
        let names = column::<&str>(table, of, "patient")?.into_iter();
        let ranges: Option<Vec<usize>> = names.map(|name| self.0.get(name).copied()).collect();
        ranges.ok_or_else(|| {
            AnalysisError::damaged(format!("table {of}: a patient is not in table scores"))
        })
    }
}

/// Returns the rows of each range, in their order.
fn rows_by(table: &DataFrame, ranges: &[usize], many: usize) -> PolarsResult<Vec<DataFrame>> {
    let mut order: Vec<IdxSize> = (0..).take(ranges.len()).collect();
    // A stable sort keeps the order of rows within a range.
    order.sort_by_key(|row| ranges[*row as usize]);
    let sorted = table.take(&IdxCa::from_vec("row".into(), order))?;
    let mut sizes = vec![0; many];
    ranges.iter().for_each(|range| sizes[*range] += 1);
    let mut at = 0_i64;
    let slice = |size: usize| {
        let slice = sorted.slice(at, size);
        at += i64::try_from(size).unwrap_or(i64::MAX);
        slice
    };
    Ok(sizes.into_iter().map(slice).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_evenly_spaced_among_the_sampled_patients() {
        let of_range = RANGE_PATIENTS / SAMPLED_OF;
        let sampled = (0..3 * of_range).flat_map(|id| [id.to_string(), id.to_string()]);
        assert_eq!(bounds(sampled.collect()), [of_range.to_string(), (2 * of_range).to_string()]);
        assert!(bounds(vec!["7".to_owned(); of_range + 1]).is_empty());
    }
}
