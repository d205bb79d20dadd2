//! Derived measures: their table in a partial, and its rows.
//!
//! Used by [`crate::tables::patients`], [`crate::partial::merge`], [`crate::partial::codec`] and
//! [`crate::results::cohort`]. One row per patient and measure that has
//! values; sums are exact, so that a merge is a group-by.

use crate::rules::moments::Sums;
use crate::rules::statistics::ObjectStatistics;
use polars::prelude::*;

use crate::rules::derived::{Derived, DerivedSums};
use crate::tables::column::{counts, small_numbers, sums, table, texts, whole_numbers};
use crate::tables::groups::{Groups, least, most, sum};
use crate::tables::natural::natural;

/// One measure of one patient.
#[derive(Debug, Clone)]
pub struct DerivedRow {
    pub patient: String,
    pub measure: Derived,
    pub kept: DerivedSums,
}

/// The table of one object.
pub fn derived_of(statistics: &ObjectStatistics) -> DataFrame {
    let all = statistics.patients().flat_map(|(patient, kept)| {
        Derived::ALL.into_iter().zip(&kept.derived).map(move |(measure, of)| (patient, measure, of))
    });
    let rows: Vec<_> = all.filter(|(.., of)| of.sums.n > 0).collect();
    derived_table(&rows)
}

/// The table of some rows.
pub fn derived_table(rows: &[(&str, Derived, &DerivedSums)]) -> DataFrame {
    let all = || rows.iter().map(|(.., of)| *of);
    table(vec![
        texts("patient", rows.iter().map(|(patient, ..)| *patient)),
        small_numbers("measure", rows.iter().map(|(_, measure, _)| *measure as usize)),
        counts("n", all().map(|of| of.sums.n)),
        counts("flagged", all().map(|of| of.flagged)),
        sums("sum", all().map(|of| of.sums.sum)),
        sums("sum_squares", all().map(|of| of.sums.sum_squares)),
        whole_numbers("least", all().map(|of| of.extremes.0)),
        whole_numbers("most", all().map(|of| of.extremes.1)),
    ])
}

/// Each patient and measure once.
pub fn merge_derived(table: &DataFrame) -> PolarsResult<DataFrame> {
    Groups::by(table, &["patient", "measure"])?.merged(&[
        sum("n"),
        sum("flagged"),
        sum("sum"),
        sum("sum_squares"),
        least("least"),
        most("most"),
    ])
}

/// The rows in a table, patients in natural order.
pub fn derived_rows(table: &DataFrame) -> PolarsResult<Vec<DerivedRow>> {
    let keys = table.column("patient")?.str()?.iter().zip(table.column("measure")?.u8()?.iter());
    let count = |name: &str| table.column(name)?.u64();
    let sum = |name: &str| table.column(name)?.i128();
    let (n, flagged) = (count("n")?, count("flagged")?);
    let (total, squares) = (sum("sum")?, sum("sum_squares")?);
    let (least, most) = (table.column("least")?.i64()?, table.column("most")?.i64()?);
    let mut rows = Vec::with_capacity(table.height());
    for (at, (patient, measure)) in keys.enumerate() {
        let Some((patient, measure)) = patient.zip(measure.and_then(Derived::from_code)) else {
            continue;
        };
        let sums = Sums {
            n: n.get(at).unwrap_or(0),
            sum: total.get(at).unwrap_or(0),
            sum_squares: squares.get(at).unwrap_or(0),
        };
        let extremes = (least.get(at).unwrap_or(0), most.get(at).unwrap_or(0));
        let kept = DerivedSums { sums, extremes, flagged: flagged.get(at).unwrap_or(0) };
        rows.push(DerivedRow { patient: patient.to_owned(), measure, kept });
    }
    rows.sort_by(|a, b| natural(&a.patient, &b.patient).then(a.measure.cmp(&b.measure)));
    Ok(rows)
}
