//! The patients of a run in ranges of their natural order, each patient once.
//!
//! Used when a partial is stored and when results are delivered. Few patients
//! are one range, in memory. Of more, every chunk is dealt out to ranges on
//! disk, and each range is put together by itself: memory is one range, whatever
//! the number of patients, and how often they come.

use std::path::Path;

use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::rules::timeline::MOMENTS_MAX;
use polars::prelude::*;
use rustc_hash::FxHashMap;

use crate::spill::chunk::{Chunk, NOTED_OF, Shelf};
use crate::tables::column::engine;
use crate::tables::merge::{collapsed, merge_patients};
use crate::tables::natural::natural;
use crate::tables::patients::{PatientTables, cell_and_bin};
use sce_study::AnalysisError;

/// Patients that a range aims at: as many as one object keeps at a time.
const RANGE_PATIENTS: usize = PATIENTS_KEPT_MAX / 2;
/// Chunks that are dealt out together.
const DEALT_CHUNKS: usize = 2;

/// The ranges, ascending.
pub struct Ranges {
    ranges: Vec<Chunk>,
}

impl Ranges {
    /// The ranges of all these patients.
    pub fn of(chunks: &[Chunk], scratch: &Path) -> Result<Self, AnalysisError> {
        let moments: usize = chunks.iter().map(Chunk::moments).sum();
        // Where there are pieces, some part had too many moments already.
        let pieces = chunks.iter().any(|chunk| chunk.pieces() > 0);
        let collapse = moments as u64 > MOMENTS_MAX || pieces;
        let patients: usize = chunks.iter().map(Chunk::patients).sum();
        let ranges = if patients <= PATIENTS_KEPT_MAX {
            vec![Chunk::Here(Box::new(merge_patients(loaded(chunks, collapse)?)?))]
        } else {
            dealt(chunks, collapse, scratch)?
        };
        Ok(Self { ranges })
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Each range's patients, put together.
    pub fn load_each(&self) -> impl Iterator<Item = Result<PatientTables, AnalysisError>> {
        self.ranges.iter().map(Chunk::load)
    }
}

/// The patients of some chunks; if there are too many moments, as pieces.
fn loaded(chunks: &[Chunk], collapse: bool) -> Result<Vec<PatientTables>, AnalysisError> {
    let load = |chunk: &Chunk| {
        let tables = chunk.load()?;
        if collapse { collapsed(tables) } else { Ok(tables) }
    };
    chunks.iter().map(load).collect()
}

/// Deals the chunks out to ranges.
fn dealt(chunks: &[Chunk], collapse: bool, scratch: &Path) -> Result<Vec<Chunk>, AnalysisError> {
    let bounds = bounds(chunks.iter().flat_map(Chunk::noted).collect());
    let mut ranges = vec![Shelf::new(scratch).away()?; bounds.len() + 1];
    // Of two chunks at a time: the smaller the parts on disk, the longer they take.
    for some in chunks.chunks(DEALT_CHUNKS) {
        let all = merge_patients(loaded(some, collapse)?)?;
        let parts = deal(&all, &bounds).map_err(engine("deal patients out"))?;
        for (range, part) in ranges.iter_mut().zip(parts) {
            if part.patients() > 0 {
                range.add(&part)?;
            }
        }
    }
    Ok(ranges.into_iter().map(Chunk::Away).collect())
}

/// The first patients of all ranges but the first, out of those that were
/// noted.
fn bounds(mut noted: Vec<String>) -> Vec<String> {
    noted.sort_by(|a, b| natural(a, b));
    noted.dedup();
    let of_range = RANGE_PATIENTS / NOTED_OF;
    noted.into_iter().skip(of_range).step_by(of_range).collect()
}

/// The tables of each range's patients.
fn deal(tables: &PatientTables, bounds: &[String]) -> PolarsResult<Vec<PatientTables>> {
    let range_of = |name: &str| bounds.partition_point(|bound| natural(bound, name).is_le());
    let names = tables.scores.column("patient")?.str()?;
    let ranges: FxHashMap<&str, usize> =
        names.iter().flatten().map(|name| (name, range_of(name))).collect();
    let many = bounds.len() + 1;
    let by_patient = |table: &DataFrame| -> PolarsResult<Vec<usize>> {
        let names = table.column("patient")?.str()?.iter().flatten();
        Ok(names.map(|name| ranges.get(name).copied().unwrap_or(0)).collect())
    };
    // Rows of cells keep their order, and get the number they have in their range.
    let of_cells = by_patient(&tables.cells)?;
    let mut next = vec![0_u32; many];
    let numbers: Vec<u32> = of_cells
        .iter()
        .map(|range| {
            next[*range] += 1;
            next[*range] - 1
        })
        .collect();
    let of_cell =
        |cell: u64| usize::try_from(cell).ok().and_then(|cell| of_cells.get(cell).copied());
    let by_cell = |table: &DataFrame| -> PolarsResult<Vec<usize>> {
        let cells = table.column("cell")?.u64()?.iter().flatten();
        Ok(cells.map(|cell| of_cell(cell).unwrap_or(0)).collect())
    };
    let places = tables.bins.column("place")?.u64()?.iter().flatten();
    let of_bins: Vec<usize> =
        places.map(|place| of_cell(cell_and_bin(place).0.into()).unwrap_or(0)).collect();
    let named = tables.naming(&numbers)?;
    let split = |table: &DataFrame, ranges: &[usize]| rows_by(table, ranges, many);
    let mut all = [
        split(&tables.cells, &of_cells)?,
        split(&named.bins, &of_bins)?,
        split(&named.moments, &by_cell(&tables.moments)?)?,
        split(&named.pieces, &by_cell(&tables.pieces)?)?,
        split(&tables.scores, &by_patient(&tables.scores)?)?,
        split(&tables.derived, &by_patient(&tables.derived)?)?,
        split(&tables.pairs, &by_patient(&tables.pairs)?)?,
        split(&tables.fits, &by_patient(&tables.fits)?)?,
    ]
    .map(Vec::into_iter);
    let part = |_| PatientTables::from_all(all.each_mut().map(|of| of.next().unwrap_or_default()));
    Ok((0..many).map(part).collect())
}

/// The rows of each range, in their order.
fn rows_by(table: &DataFrame, ranges: &[usize], many: usize) -> PolarsResult<Vec<DataFrame>> {
    let mut order: Vec<IdxSize> = (0..).take(ranges.len()).collect();
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
    fn a_bound_is_every_so_many_patients_who_were_noted_whichever_chunk_they_are_in() {
        let of_range = RANGE_PATIENTS / NOTED_OF;
        let noted = (0..3 * of_range).flat_map(|id| [id.to_string(), id.to_string()]);
        assert_eq!(bounds(noted.collect()), [of_range.to_string(), (2 * of_range).to_string()]);
        assert!(bounds(vec!["7".to_owned(); of_range + 1]).is_empty());
    }
}
