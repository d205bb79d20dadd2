//! Merges tables of patients, exactly.
//!
//! Used by [`crate::partial::merge`] and [`crate::spill`]. Every merge is of
//! integer sums and of extremes, so its result does not depend on order or
//! grouping. It must never average.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::rules::accumulator::PATIENTS_KEPT_MAX;
use crate::rules::moments::MAX_COUNT;
use crate::rules::timeline::MOMENTS_MAX;
use crate::rules::vital::Vital;
use crate::tables::column::{BAND_COUNTS, engine, times};
use crate::tables::derived::merge_derived;
use crate::tables::effects;
use crate::tables::groups::{Groups, How, least, most, sum};
use crate::tables::patients::{AGES, DAYS, PatientTables};
use crate::tables::timelines;

/// What a merge is called in errors.
pub const MERGE: &str = "merge partials";

/// Patients that come in many tables, put together as they come: in memory is
/// little more than each patient once.
#[derive(Default)]
pub struct Folded {
    parts: Vec<PatientTables>,
    /// How many, who comes twice counted twice; and how many when last put
    /// together.
    pub patients: usize,
    folded: usize,
}

impl Folded {
    pub fn add(&mut self, part: PatientTables) -> Result<(), AnalysisError> {
        self.patients += part.patients();
        self.parts.push(part);
        if self.patients > 2 * self.folded.max(PATIENTS_KEPT_MAX) {
            let folded = self.fold()?;
            self.folded = folded.patients();
            self.patients = self.folded;
            self.parts.push(folded);
        }
        Ok(())
    }

    /// All so far, each once; nothing is left.
    pub fn fold(&mut self) -> Result<PatientTables, AnalysisError> {
        self.patients = 0;
        limited(merge_patients(std::mem::take(&mut self.parts))?)
    }

    /// All, each once.
    pub fn finish(mut self) -> Result<PatientTables, AnalysisError> {
        self.fold()
    }
}

/// The patients of many tables, each once.
pub fn merge_patients(parts: Vec<PatientTables>) -> Result<PatientTables, AnalysisError> {
    let merged = || -> PolarsResult<PatientTables> {
        let all = stacked_patients(parts)?;
        let patients = Groups::by(&all.scores, &["patient"])?;
        // Most often each patient is in one part.
        if patients.len() == all.patients() {
            return Ok(all);
        }
        let cells = Groups::by(&all.cells, &["patient", "vital"])?;
        let named = all.naming(cells.numbers())?;
        let bins = Groups::by(&named.bins, &["place"])?.merged(&[sum("count")])?;
        Ok(PatientTables {
            bins: bins.sort(["place"], SortMultipleOptions::default())?,
            cells: merge_cells(&all.cells, &cells)?,
            moments: named.moments,
            pieces: named.pieces,
            scores: merge_scores(&patients)?,
            derived: merge_derived(&all.derived)?,
            pairs: effects::merge_pairs(&all.pairs)?,
            fits: effects::merge_fits(&all.fits)?,
        })
    };
    let merged = merged().map_err(engine(MERGE))?;
    refuse_too_many(&merged.cells).map_err(engine(MERGE))??;
    Ok(merged)
}

/// The rows of many tables; a patient may be in more than one.
fn stacked_patients(mut parts: Vec<PatientTables>) -> PolarsResult<PatientTables> {
    match parts.len() {
        0 => return Ok(PatientTables::empty()),
        1 => return Ok(parts.remove(0)),
        _ => {}
    }
    // What names rows of cells goes on naming the same ones.
    let mut before = 0;
    for part in &mut parts {
        let rows: Vec<u32> = (before..).take(part.cells.height()).collect();
        *part = part.naming(&rows)?;
        before = rows.last().map_or(before, |last| last + 1);
    }
    stacked(parts.into_iter().map(PatientTables::into_all)).map(PatientTables::from_all)
}

/// The rows of tables of the same kinds.
pub fn stacked<const N: usize>(
    mut parts: impl Iterator<Item = [DataFrame; N]>,
) -> PolarsResult<[DataFrame; N]> {
    let mut all = parts.next().unwrap_or([const { DataFrame::empty() }; N]);
    for part in parts {
        for (table, more) in all.iter_mut().zip(part) {
            table.vstack_mut(&more)?;
        }
    }
    for table in &mut all {
        table.rechunk_mut();
    }
    Ok(all)
}

/// Makes pieces of the moments, if there are too many of these: then there are
/// too many in the run.
fn limited(tables: PatientTables) -> Result<PatientTables, AnalysisError> {
    if tables.moments.height() as u64 > MOMENTS_MAX { collapsed(tables) } else { Ok(tables) }
}

/// Makes pieces of all moments.
pub fn collapsed(mut tables: PatientTables) -> Result<PatientTables, AnalysisError> {
    let collapse = |tables: &PatientTables| -> PolarsResult<DataFrame> {
        let vitals = tables.cells.column("vital")?.u8()?;
        let vitals: Vec<Option<Vital>> =
            vitals.iter().map(|code| code.and_then(Vital::from_code)).collect();
        timelines::collapsed(&tables.moments, &tables.pieces, &vitals)
    };
    tables.pieces = collapse(&tables).map_err(engine(MERGE))?;
    tables.moments = timelines::no_moments();
    Ok(tables)
}

fn merge_cells(cells: &DataFrame, groups: &Groups<'_>) -> PolarsResult<DataFrame> {
    let mut merged = groups.merged(&[
        sum("n"),
        sum("missing"),
        sum("implausible"),
        sum("sum"),
        sum("sum_squares"),
        sum("time_sum"),
        sum("time_sum_squares"),
        sum("time_sum_products"),
        least(DAYS[0]),
        most(DAYS[1]),
        least(DAYS[2]),
        least("min"),
        most("max"),
        least("first_time"),
        sum("first_sum").at_first("first_time"),
        sum("first_count").at_first("first_time"),
        most("last_time"),
        sum("last_sum").at_last("last_time"),
        sum("last_count").at_last("last_time"),
    ])?;
    let between = days_between(cells, groups, &merged)?;
    merged.with_column(times(DAYS[2], between.into_iter()))?;
    Ok(merged)
}

/// The earliest day of each group strictly between its first and its last.
fn days_between(
    cells: &DataFrame,
    groups: &Groups<'_>,
    merged: &DataFrame,
) -> PolarsResult<Vec<Option<i64>>> {
    let (first, last) = (merged.column(DAYS[0])?.i64()?, merged.column(DAYS[1])?.i64()?);
    let mut between = vec![None; merged.height()];
    for name in DAYS {
        let days = groups.numbers().iter().zip(cells.column(name)?.i64()?.iter());
        let within = days.map(|(group, day)| {
            let group = *group as usize;
            day.filter(|day| Some(*day) > first.get(group) && Some(*day) < last.get(group))
        });
        for (so_far, day) in between.iter_mut().zip(groups.reduced(within, How::Least)) {
            *so_far = [*so_far, day].into_iter().flatten().min();
        }
    }
    Ok(between)
}

fn merge_scores(patients: &Groups<'_>) -> PolarsResult<DataFrame> {
    let mut columns = Vec::from(BAND_COUNTS.map(sum));
    columns.extend([
        most("max"),
        most("last_time"),
        most("last").at_last("last_time"),
        sum(AGES[0]),
        sum(AGES[1]),
        most("adult_from"),
    ]);
    patients.merged(&columns)
}

/// Each part is within the limit, and fewer than 2^30 parts fit in memory, so
/// the counts themselves cannot have overflowed.
fn refuse_too_many(cells: &DataFrame) -> PolarsResult<Result<(), AnalysisError>> {
    let most = cells.column("n")?.u64()?.max().unwrap_or(0);
    Ok(if most > MAX_COUNT { Err(AnalysisError::TooManyValues) } else { Ok(()) })
}
