//! A partial as one byte string, and back.
//!
//! Used to seal partials between the worker and the finalizer, and for what
//! waits on disk. Layout: magic (with the version), how many sections follow,
//! then these, each behind its length (numbers are u64, little endian): the
//! objects' tables, then those of some patients each, in their natural order. A
//! section is the SHA-256 of all that follows in it, then for each table its
//! length and its Parquet bytes. Sealing already proves who wrote it; the digests
//! and the checks here keep accidents away from the Parquet reader, so that no
//! damaged byte can make it panic.

use crate::partial::vitals_partial::VitalsPartial;
use crate::rules::derived::Derived;
use crate::rules::moments::Sums;
use crate::rules::trend::TimeSums;
use crate::rules::vital::Vital;
use crate::spill::chunk::{Chunk, Shelf};
use crate::spill::ranges::Ranges;
use crate::tables::column::engine;
use crate::tables::derived::derived_rows;
use crate::tables::effects::{self, EXTREMES};
use crate::tables::objects::ObjectTables;
use crate::tables::patients::{DAYS, PatientTables, cell_and_bin};
use crate::tables::section::{section, split_part, tables};
use crate::tables::timelines;
use polars::prelude::*;
use sce_study::AnalysisError;
use std::path::Path;

/// Magic and version: change the last byte with any change of the tables.
const MAGIC: &[u8; 8] = b"SCEVIT\x00\x06";

/// Largest partial written or read: some three million patients of one unit.
pub const PARTIAL_LIMIT_BYTES: usize = 1 << 30;

/// The bytes of a partial: of its objects, then of its patients, each once.
pub fn encode(partial: &VitalsPartial, scratch: &Path) -> Result<Vec<u8>, AnalysisError> {
    let ranges = Ranges::of(&partial.patients, scratch)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((ranges.len() as u64 + 1).to_le_bytes());
    let mut add = |section: &[u8]| {
        bytes.extend((section.len() as u64).to_le_bytes());
        bytes.extend(section);
        let (bytes, limit) = (bytes.len(), PARTIAL_LIMIT_BYTES);
        if bytes > limit { Err(AnalysisError::TooLarge { bytes, limit }) } else { Ok(()) }
    };
    add(&section(&partial.objects.all())?)?;
    for range in ranges.load_each() {
        add(&section(&range?.all())?)?;
    }
    Ok(bytes)
}

/// The partial in some bytes; of many patients, those wait in the directory
/// `scratch`.
pub fn decode(bytes: &[u8], scratch: &Path) -> Result<VitalsPartial, AnalysisError> {
    if bytes.len() > PARTIAL_LIMIT_BYTES {
        return Err(AnalysisError::damaged("it is larger than any partial"));
    }
    let (magic, rest) = bytes
        .split_at_checked(MAGIC.len())
        .ok_or_else(|| AnalysisError::damaged("it is cut short"))?;
    if magic != MAGIC {
        return Err(AnalysisError::damaged("it is not of this version"));
    }
    let sections = sections(rest).ok_or_else(|| AnalysisError::damaged("it is cut short"))?;
    let (of_objects, of_patients) =
        sections.split_first().ok_or_else(|| AnalysisError::damaged("it has no objects"))?;
    let objects = ObjectTables::from_all(tables(of_objects)?);
    check_objects(&objects)?;
    let (mut patients, mut shelf) = (Vec::new(), Shelf::new(scratch));
    for section in of_patients {
        let found = PatientTables::from_all(tables(section)?);
        check_patients(&found)?;
        let is_alone = of_patients.len() == 1;
        patients.push(if is_alone {
            Chunk::Here(Box::new(found))
        } else {
            shelf.put_encoded(section, &found)?
        });
    }
    Ok(VitalsPartial { objects, patients })
}

/// As many sections as are said to follow, to the last byte.
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

/// What merge and results rely on.
fn check_objects(objects: &ObjectTables) -> Result<(), AnalysisError> {
    check_columns(&objects.all(), &ObjectTables::empty().all())?;
    let is_possible = || -> PolarsResult<bool> {
        Ok(are_vitals(&objects.quality)?
            && effects::are_possible_of_objects(&objects.rules, &objects.extremes)?)
    };
    possible(is_possible())
}

fn check_patients(patients: &PatientTables) -> Result<(), AnalysisError> {
    check_columns(&patients.all(), &PatientTables::empty().all())?;
    if !patients.are_scored_once().map_err(engine("read partial"))? {
        return Err(AnalysisError::damaged("its patients differ from table to table"));
    }
    possible(are_possible(patients))
}

fn possible(checked: PolarsResult<bool>) -> Result<(), AnalysisError> {
    match checked.map_err(engine("read partial"))? {
        true => Ok(()),
        false => Err(AnalysisError::damaged("a value is impossible")),
    }
}

fn are_vitals(table: &DataFrame) -> PolarsResult<bool> {
    Ok(table.column("vital")?.u8()?.iter().flatten().all(|v| Vital::from_code(v).is_some()))
}

fn check_columns(tables: &[&DataFrame], models: &[&DataFrame]) -> Result<(), AnalysisError> {
    for (table, model) in tables.iter().zip(models) {
        if table.schema() != model.schema() {
            return Err(AnalysisError::damaged("a table has other columns"));
        }
        for column in table.columns() {
            let name = column.name().as_str();
            let optional =
                matches!(name, "min" | "max" | "first_time" | "last_time" | "adult_from")
                    || DAYS.contains(&name)
                    || EXTREMES.as_flattened().contains(&name);
            if column.null_count() > 0 && !optional {
                return Err(AnalysisError::damaged("a value is missing"));
            }
        }
    }
    Ok(())
}

fn are_possible(patients: &PatientTables) -> PolarsResult<bool> {
    let cells = &patients.cells;
    let (n, sum) = (cells.column("n")?.u64()?, cells.column("sum")?.i128()?);
    let squares = cells.column("sum_squares")?.i128()?;
    let sums = n.iter().flatten().zip(sum.iter().flatten()).zip(squares.iter().flatten());
    let sums = sums.map(|((n, sum), sum_squares)| Sums { n, sum, sum_squares });
    let time = |name: &str| cells.column(name)?.i128();
    let products = time("time_sum_products")?;
    let times = time("time_sum")?.iter().flatten().zip(time("time_sum_squares")?.iter().flatten());
    let times = times.zip(products.iter().flatten());
    let times =
        times.map(|((sum, sum_squares), sum_products)| TimeSums { sum, sum_squares, sum_products });
    let height = cells.height() as u64;
    let places = patients.bins.column("place")?.u64()?;
    let measures = patients.derived.column("measure")?.u8()?;
    let derived = derived_rows(&patients.derived)?;
    Ok(are_vitals(cells)?
        && measures.iter().flatten().all(|measure| Derived::from_code(measure).is_some())
        && derived.iter().all(|row| row.kept.is_possible())
        && effects::are_possible_of_patients(&patients.pairs, &patients.fits)?
        && timelines::are_possible(&patients.moments, &patients.pieces, height)?
        && sums.zip(times).all(|(sums, times)| sums.is_possible() && times.is_possible(sums.n))
        && places.iter().flatten().all(|place| u64::from(cell_and_bin(place).0) < height))
}
