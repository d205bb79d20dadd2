//! Derived measures: their table in a partial, and `derived.csv`.
//!
//! Used by [`super::partial`], [`super::merge`], [`super::codec`],
//! [`super::results`] and delivery. One row per patient and measure that has
//! values; sums are exact, so that a merge is a group-by.

use polars::prelude::*;
use sce_core::vitals::{Derived, DerivedSums, ObjectStatistics, Sums, mean_units};

use super::partial::{counts, small_numbers, sums, table, texts, whole_numbers};
use super::patients::{csv_bytes, csv_failed, number};
use super::results::natural;
use crate::study::StudyError;

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

/// Many as one.
pub fn merge_derived(tables: LazyFrame) -> LazyFrame {
    tables.group_by_stable([col("patient"), col("measure")]).agg([
        col("n").sum(),
        col("flagged").sum(),
        col("sum").sum(),
        col("sum_squares").sum(),
        col("least").min(),
        col("most").max(),
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

/// `derived.csv`.
pub fn derived_csv(rows: &[DerivedRow]) -> Result<Vec<u8>, StudyError> {
    const STEP: &str = "write table of derived measures";
    let header = ["patient", "measure", "unit", "n", "mean", "sd", "min", "max", "flag", "flagged"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for row in rows {
        let (kept, flag) = (&row.kept, row.measure.flag());
        let units = |steps: i64| number(Some(mean_units(i128::from(steps), 1)));
        let flagged = if flag.is_empty() { String::new() } else { kept.flagged.to_string() };
        writer
            .write_record([
                &row.patient,
                row.measure.name(),
                row.measure.unit(),
                &kept.sums.n.to_string(),
                &number(kept.sums.mean()),
                &number(kept.sums.sd()),
                &units(kept.extremes.0),
                &units(kept.extremes.1),
                flag,
                &flagged,
            ])
            .map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}
