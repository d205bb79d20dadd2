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

use super::chunk::{Chunk, Shelf};
use super::derived::derived_rows;
use super::effects::{self, EXTREMES};
use super::object_tables::ObjectTables;
use super::partial::{VitalsPartial, engine};
use super::patient_tables::{DAYS, PatientTables, cell_and_bin};
use super::ranges::Ranges;
use super::timelines;
use crate::study::StudyError;
use polars::prelude::*;
use polars_io::SerReader;
use polars_io::prelude::{ParquetReader, ParquetWriter, StatisticsOptions};
use sce_core::vitals::{Derived, Sums, TimeSums, Vital};
use sha2::{Digest, Sha256};
use std::io::Cursor;
use std::path::Path;

/// Magic and version: change the last byte with any change of the tables.
const MAGIC: &[u8; 8] = b"SCEVIT\x00\x06";

/// Largest partial written or read: some three million patients of one unit.
pub const PARTIAL_LIMIT_BYTES: usize = 1 << 30;

const DIGEST_BYTES: usize = 32;

/// The bytes of a partial: of its objects, then of its patients, each once.
pub fn encode(partial: &VitalsPartial, scratch: &Path) -> Result<Vec<u8>, StudyError> {
    let ranges = Ranges::of(&partial.patients, scratch)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((ranges.len() as u64 + 1).to_le_bytes());
    let mut add = |section: &[u8]| {
        bytes.extend((section.len() as u64).to_le_bytes());
        bytes.extend(section);
        let (bytes, limit) = (bytes.len(), PARTIAL_LIMIT_BYTES);
        if bytes > limit { Err(StudyError::TooLarge { bytes, limit }) } else { Ok(()) }
    };
    add(&section(&partial.objects.all())?)?;
    for range in ranges.load_each() {
        add(&section(&range?.all())?)?;
    }
    Ok(bytes)
}

/// Tables with their digest.
pub fn section(tables: &[&DataFrame]) -> Result<Vec<u8>, StudyError> {
    let mut bytes = vec![0; DIGEST_BYTES];
    for table in tables {
        let part = parquet((*table).clone()).map_err(engine("write partial"))?;
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    let digest = Sha256::digest(&bytes[DIGEST_BYTES..]);
    bytes[..DIGEST_BYTES].copy_from_slice(&digest);
    Ok(bytes)
}

/// A table as Parquet, without the statistics nobody will read.
pub fn parquet(mut table: DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut table)?;
    Ok(bytes)
}

/// The tables of a section.
pub fn tables<const N: usize>(section: &[u8]) -> Result<[DataFrame; N], StudyError> {
    let (digest, mut rest) =
        section.split_at_checked(DIGEST_BYTES).ok_or(StudyError::Damaged("it is cut short"))?;
    if digest != Sha256::digest(rest).as_slice() {
        return Err(StudyError::Damaged("its digest does not verify"));
    }
    let mut tables = Vec::new();
    while !rest.is_empty() {
        let (table, after) = split_part(rest).ok_or(StudyError::Damaged("it is cut short"))?;
        let table = ParquetReader::new(Cursor::new(table)).finish();
        tables.push(table.map_err(engine("read partial"))?);
        rest = after;
    }
    tables.try_into().map_err(|_| StudyError::Damaged("it has fewer or more tables"))
}

/// The partial in some bytes; of many patients, those wait in the directory
/// `scratch`.
pub fn decode(bytes: &[u8], scratch: &Path) -> Result<VitalsPartial, StudyError> {
    if bytes.len() > PARTIAL_LIMIT_BYTES {
        return Err(StudyError::Damaged("it is larger than any partial"));
    }
    let (magic, rest) =
        bytes.split_at_checked(MAGIC.len()).ok_or(StudyError::Damaged("it is cut short"))?;
    if magic != MAGIC {
        return Err(StudyError::Damaged("it is not of this version"));
    }
    let sections = sections(rest).ok_or(StudyError::Damaged("it is cut short"))?;
    let (of_objects, of_patients) =
        sections.split_first().ok_or(StudyError::Damaged("it has no objects"))?;
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

fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// What merge and results rely on.
fn check_objects(objects: &ObjectTables) -> Result<(), StudyError> {
    check_columns(&objects.all(), &ObjectTables::empty().all())?;
    let is_possible = || -> PolarsResult<bool> {
        Ok(are_vitals(&objects.quality)?
            && effects::are_possible_of_objects(&objects.rules, &objects.extremes)?)
    };
    possible(is_possible())
}

fn check_patients(patients: &PatientTables) -> Result<(), StudyError> {
    check_columns(&patients.all(), &PatientTables::empty().all())?;
    if !patients.are_scored_once().map_err(engine("read partial"))? {
        return Err(StudyError::Damaged("its patients differ from table to table"));
    }
    possible(are_possible(patients))
}

fn possible(checked: PolarsResult<bool>) -> Result<(), StudyError> {
    match checked.map_err(engine("read partial"))? {
        true => Ok(()),
        false => Err(StudyError::Damaged("a value is impossible")),
    }
}

fn are_vitals(table: &DataFrame) -> PolarsResult<bool> {
    Ok(table.column("vital")?.u8()?.iter().flatten().all(|v| Vital::from_code(v).is_some()))
}

fn check_columns(tables: &[&DataFrame], models: &[&DataFrame]) -> Result<(), StudyError> {
    for (table, model) in tables.iter().zip(models) {
        if table.schema() != model.schema() {
            return Err(StudyError::Damaged("a table has other columns"));
        }
        for column in table.columns() {
            let name = column.name().as_str();
            let optional =
                matches!(name, "min" | "max" | "first_time" | "last_time" | "adult_from")
                    || DAYS.contains(&name)
                    || EXTREMES.as_flattened().contains(&name);
            if column.null_count() > 0 && !optional {
                return Err(StudyError::Damaged("a value is missing"));
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
