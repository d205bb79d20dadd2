//! Merges partials, exactly.
//!
//! Used after each object of a unit and by the finalizer. Every merge is a
//! group-by of integer sums and of extremes, so its result does not depend on
//! order or grouping. It must never average.

use super::derived::merge_derived;
use super::effects::EffectTables;
use super::partial::{AGES, BAND_COUNTS, DAYS, VitalsPartial, cell_and_bin, counts, engine, place};
use super::timelines;
use crate::study::StudyError;
use polars::prelude::*;
use rustc_hash::FxHashMap;
use sce_core::vitals::{MAX_COUNT, Vital};

const MERGE: &str = "merge partials";

/// One partial out of many over disjoint objects; none give the empty one.
pub fn merge(mut parts: Vec<VitalsPartial>) -> Result<VitalsPartial, StudyError> {
    match parts.len() {
        0 => return Ok(VitalsPartial::empty()),
        1 => return Ok(parts.remove(0)),
        _ => {}
    }
    let inputs = stacked(&parts, |p| &p.inputs)?
        .sort(["object"], SortMultipleOptions::default())
        .collect()
        .map_err(engine(MERGE))?;
    refuse_repeats(&inputs).map_err(engine(MERGE))??;
    let cells = merge_cells(stacked(&parts, |p| &p.cells)?).collect().map_err(engine(MERGE))?;
    refuse_too_many(&cells).map_err(engine(MERGE))??;
    let scores = merge_scores(stacked(&parts, |p| &p.scores)?).collect().map_err(engine(MERGE))?;
    let months = merge_months(stacked(&parts, |p| &p.months)?).collect().map_err(engine(MERGE))?;
    let derived =
        merge_derived(stacked(&parts, |p| &p.derived)?).collect().map_err(engine(MERGE))?;
    let effects: Vec<&EffectTables> = parts.iter().map(|part| &part.effects).collect();
    let effects = EffectTables::merged(&effects).map_err(engine(MERGE))?;
    let quality = stacked(&parts, |p| &p.quality)?
        .sort(["object", "vital"], SortMultipleOptions::default())
        .collect()
        .map_err(engine(MERGE))?;
    let Placed { bins, moments, pieces } = place_again(parts, &cells).map_err(engine(MERGE))?;
    Ok(VitalsPartial {
        cells,
        bins,
        moments,
        pieces,
        scores,
        months,
        derived,
        quality,
        inputs,
        effects,
    })
}

fn stacked(
    parts: &[VitalsPartial],
    table: impl Fn(&VitalsPartial) -> &DataFrame,
) -> Result<LazyFrame, StudyError> {
    let tables: Vec<LazyFrame> = parts.iter().map(|part| table(part).clone().lazy()).collect();
    concat(tables, UnionArgs::default()).map_err(engine(MERGE))
}

fn merge_cells(cells: LazyFrame) -> LazyFrame {
    let at = |time: &str, extreme: Expr| col(time).eq(extreme);
    let first = at("first_time", col("first_time").min());
    let last = at("last_time", col("last_time").max());
    cells.group_by_stable([col("patient"), col("vital")]).agg([
        col("n").sum(),
        col("missing").sum(),
        col("implausible").sum(),
        col("sum").sum(),
        col("sum_squares").sum(),
        col("time_sum").sum(),
        col("time_sum_squares").sum(),
        col("time_sum_products").sum(),
        col(DAYS[0]).min(),
        col(DAYS[1]).max(),
        day_between(),
        col("min").min(),
        col("max").max(),
        col("first_time").min(),
        col("first_sum").filter(first.clone()).sum(),
        col("first_count").filter(first).sum(),
        col("last_time").max(),
        col("last_sum").filter(last.clone()).sum(),
        col("last_count").filter(last).sum(),
    ])
}

/// The earliest day strictly between the first and the last of a group.
fn day_between() -> Expr {
    let (first, last) = (col(DAYS[0]).min(), col(DAYS[1]).max());
    let within = |day: &str| {
        col(day).filter(col(day).gt(first.clone()).and(col(day).lt(last.clone()))).min()
    };
    // A missing day is less than none: the minimum passes it over.
    polars::lazy::dsl::min_horizontal(DAYS.map(within)).expect("three days").alias(DAYS[2])
}

fn merge_scores(scores: LazyFrame) -> LazyFrame {
    let mut totals = band_sums();
    let at_last = col("last_time").eq(col("last_time").max());
    totals.extend([
        col("max").max(),
        col("last_time").max(),
        col("last").filter(at_last).max().fill_null(lit(0_u64)),
        col(AGES[0]).sum(),
        col(AGES[1]).sum(),
        col("adult_from").max(),
    ]);
    scores.group_by_stable([col("patient")]).agg(totals)
}

fn merge_months(months: LazyFrame) -> LazyFrame {
    months.group_by_stable([col("month")]).agg(band_sums())
}

fn band_sums() -> Vec<Expr> {
    BAND_COUNTS.iter().map(|band| col(*band).sum()).collect()
}

/// The tables that name rows of `cells`.
struct Placed {
    bins: DataFrame,
    moments: DataFrame,
    pieces: DataFrame,
}

/// Tables name rows of their own part's cells; they are renamed to rows of the
/// merged cells first, so that a group-by has a single whole-number key.
fn place_again(parts: Vec<VitalsPartial>, merged: &DataFrame) -> PolarsResult<Placed> {
    let names = merged.column("patient")?.str()?;
    let vitals = merged.column("vital")?.u8()?;
    let keys = names.iter().flatten().zip(vitals.iter().flatten());
    let rows: FxHashMap<(&str, u8), u32> = keys.zip(0_u32..).collect();
    let (mut bins, mut moments, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let names = part.cells.column("patient")?.str()?;
        let vitals = part.cells.column("vital")?.u8()?;
        let keys = names.iter().flatten().zip(vitals.iter().flatten());
        let renamed: Vec<u32> = keys.filter_map(|key| rows.get(&key).copied()).collect();
        let places = part.bins.column("place")?.u64()?.iter().flatten().map(|old| {
            let (cell, bin) = cell_and_bin(old);
            place(renamed[cell as usize], bin)
        });
        let columns = vec![counts("place", places), part.bins.column("count")?.clone()];
        bins.push(DataFrame::new_infer_height(columns)?.lazy());
        moments.push(renumbered(part.moments, &renamed)?.lazy());
        pieces.push(renumbered(part.pieces, &renamed)?.lazy());
    }
    let bins = concat(bins, UnionArgs::default())?
        .group_by([col("place")])
        .agg([col("count").sum()])
        .sort(["place"], SortMultipleOptions::default())
        .collect()?;
    let vitals: Vec<Option<Vital>> =
        vitals.iter().map(|code| code.and_then(Vital::from_code)).collect();
    let moments = concat(moments, UnionArgs::default())?.collect()?;
    let pieces = concat(pieces, UnionArgs::default())?.collect()?;
    let (moments, pieces) = timelines::limit(moments, pieces, &vitals)?;
    Ok(Placed { bins, moments, pieces })
}

/// A table whose column `cell` names other rows.
fn renumbered(mut table: DataFrame, renamed: &[u32]) -> PolarsResult<DataFrame> {
    let cells = table.column("cell")?.u64()?.iter().flatten();
    let cells = cells.map(|cell| {
        usize::try_from(cell)
            .ok()
            .and_then(|cell| renamed.get(cell))
            .map_or(0, |new| u64::from(*new))
    });
    let cells = counts("cell", cells);
    table.with_column(cells)?;
    Ok(table)
}

/// `inputs` must ascend by object.
fn refuse_repeats(inputs: &DataFrame) -> PolarsResult<Result<(), StudyError>> {
    let mut before = None;
    for object in inputs.column("object")?.str()?.iter().flatten() {
        if before == Some(object) {
            return Ok(Err(StudyError::ObjectTwice { object: object.to_owned() }));
        }
        before = Some(object);
    }
    Ok(Ok(()))
}

/// Each part is within the limit, and fewer than 2^30 parts fit in memory, so
/// the counts themselves cannot have overflowed.
fn refuse_too_many(cells: &DataFrame) -> PolarsResult<Result<(), StudyError>> {
    let most = cells.column("n")?.u64()?.max().unwrap_or(0);
    Ok(if most > MAX_COUNT { Err(StudyError::TooManyValues) } else { Ok(()) })
}
