//! Encodes some tables as one byte string with a digest, and decodes them.
//!
//! Used by [`crate::partial::codec`] for the sections of a partial, and by [`crate::spill`] for
//! spilled patients.

use std::io::Cursor;

use polars::prelude::*;
use polars_io::SerReader;
use polars_io::prelude::{ParquetReader, ParquetWriter, StatisticsOptions};
use sce_study::AnalysisError;
use sha2::{Digest, Sha256};

use crate::tables::column::engine;

const DIGEST_BYTES: usize = 32;

/// Encodes tables, with their digest.
pub fn write_section(tables: &[&DataFrame]) -> Result<Vec<u8>, AnalysisError> {
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

/// Encodes a table as Parquet, without statistics, which nothing reads.
fn parquet(mut table: DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut table)?;
    Ok(bytes)
}

/// Decodes the tables of a section.
pub fn read_section<const N: usize>(section: &[u8]) -> Result<[DataFrame; N], AnalysisError> {
    let (digest, mut rest) = section
        .split_at_checked(DIGEST_BYTES)
        .ok_or_else(|| AnalysisError::damaged("it is truncated"))?;
    // Before Parquet is read: damaged bytes could make its reader panic.
    if digest != Sha256::digest(rest).as_slice() {
        return Err(AnalysisError::damaged("its digest does not verify"));
    }
    let mut tables = Vec::new();
    while !rest.is_empty() {
        let (table, after) =
            split_part(rest).ok_or_else(|| AnalysisError::damaged("it is truncated"))?;
        let table = ParquetReader::new(Cursor::new(table)).finish();
        tables.push(table.map_err(engine("read partial"))?);
        rest = after;
    }
    tables.try_into().map_err(|_| AnalysisError::damaged("it has another number of tables"))
}

pub fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}
