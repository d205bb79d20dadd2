//! A partial as one byte string, and back.
//!
//! Used to seal partials between the worker and the finalizer. Layout: magic
//! (with the version), SHA-256 of all that follows, then for each table its
//! length (u64, little endian) and its Parquet bytes. Sealing already proves
//! who wrote it; the digest and the checks here keep accidents away from the
//! Parquet reader, so that no damaged byte can make it panic.

use super::derived::derived_rows;
use super::effects::{EXTREMES, EffectTables};
use super::partial::{DAYS, VitalsPartial, cell_and_bin, engine};
use super::timelines;
use crate::study::StudyError;
use polars::prelude::*;
use polars_io::SerReader;
use polars_io::prelude::{ParquetReader, ParquetWriter, StatisticsOptions};
use sce_core::vitals::{Derived, Sums, TimeSums, Vital};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// Magic and version: change the last byte with any change of the tables.
const MAGIC: &[u8; 8] = b"SCEVIT\x00\x05";

/// Largest partial written or read: far above a million patients of one unit.
pub const PARTIAL_LIMIT_BYTES: usize = 1 << 30;

/// How many tables there are.
const TABLES: usize = 13;

const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + DIGEST_BYTES;

/// The bytes of a partial.
pub fn encode(partial: &VitalsPartial) -> Result<Vec<u8>, StudyError> {
    let mut bytes = vec![0; HEADER_BYTES];
    for table in partial.tables() {
        let part = parquet(table.clone()).map_err(engine("write partial"))?;
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    if bytes.len() > PARTIAL_LIMIT_BYTES {
        return Err(StudyError::TooLarge { bytes: bytes.len(), limit: PARTIAL_LIMIT_BYTES });
    }
    let digest = Sha256::digest(&bytes[HEADER_BYTES..]);
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len()..HEADER_BYTES].copy_from_slice(&digest);
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

/// The partial in some bytes.
pub fn decode(bytes: &[u8]) -> Result<VitalsPartial, StudyError> {
    if bytes.len() > PARTIAL_LIMIT_BYTES {
        return Err(StudyError::Damaged("it is larger than any partial"));
    }
    let (header, mut rest) =
        bytes.split_at_checked(HEADER_BYTES).ok_or(StudyError::Damaged("it is cut short"))?;
    let (magic, digest) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(StudyError::Damaged("it is not of this version"));
    }
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
    let tables = <[DataFrame; TABLES]>::try_from(tables)
        .map_err(|_| StudyError::Damaged("it has fewer or more tables"))?;
    let partial = VitalsPartial::from_tables(tables);
    check(&partial)?;
    Ok(partial)
}

fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// What merge and results rely on.
fn check(partial: &VitalsPartial) -> Result<(), StudyError> {
    let empty = VitalsPartial::empty();
    for (table, model) in partial.tables().into_iter().zip(empty.tables()) {
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
    let possible = possible(partial).map_err(engine("read partial"))?;
    if possible { Ok(()) } else { Err(StudyError::Damaged("a value is impossible")) }
}

fn possible(partial: &VitalsPartial) -> PolarsResult<bool> {
    let cells = &partial.cells;
    let known = |table: &DataFrame| -> PolarsResult<bool> {
        Ok(table.column("vital")?.u8()?.iter().flatten().all(|v| Vital::from_code(v).is_some()))
    };
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
    let places = partial.bins.column("place")?.u64()?;
    let measures = partial.derived.column("measure")?.u8()?;
    let derived = derived_rows(&partial.derived)?;
    Ok(known(cells)?
        && measures.iter().flatten().all(|measure| Derived::from_code(measure).is_some())
        && derived.iter().all(|row| row.kept.is_possible())
        && partial.effects.are_possible()?
        && known(&partial.quality)?
        && timelines::are_possible(&partial.moments, &partial.pieces, height)?
        && sums.zip(times).all(|(sums, times)| sums.is_possible() && times.is_possible(sums.n))
        && places.iter().flatten().all(|place| u64::from(cell_and_bin(place).0) < height))
}

impl VitalsPartial {
    /// The tables in the order they are stored in.
    const fn tables(&self) -> [&DataFrame; TABLES] {
        [
            &self.cells,
            &self.bins,
            &self.moments,
            &self.pieces,
            &self.scores,
            &self.months,
            &self.derived,
            &self.quality,
            &self.inputs,
            &self.effects.pairs,
            &self.effects.fits,
            &self.effects.rules,
            &self.effects.extremes,
        ]
    }

    fn from_tables(tables: [DataFrame; TABLES]) -> Self {
        let [
            cells,
            bins,
            moments,
            pieces,
            scores,
            months,
            derived,
            quality,
            inputs,
            pairs,
            fits,
            rules,
            extremes,
        ] = tables;
        let effects = EffectTables { pairs, fits, rules, extremes };
        Self { cells, bins, moments, pieces, scores, months, derived, quality, inputs, effects }
    }
}
