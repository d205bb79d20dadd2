//! OMOP CDM MEASUREMENT as Parquet.
//!
//! Parquet is read from its end, so the object is first written to an unnamed file in the scratch
//! directory (on a worker: on the encrypted volume). It is then read some rows at a time, and
//! only the required columns. The reader's errors about a damaged file may quote it, so they must
//! not be passed on.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::rules::accumulator::ObjectAccumulator;
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use crate::bytes::header;
use crate::defect::Defect;
use crate::formats::decoder::Decoder;
use crate::formats::long::Long;
use crate::formats::omop::{COLUMNS, Row, add_row};
use crate::formats::parquet_cells::{Cells, Kind, read_cells};

/// Rows read at a time.
const ROWS_AT_ONCE: usize = 1 << 16;
/// The most bytes that a row group may declare for a required column, decompressed.
const GROUP_LIMIT_BYTES: i64 = 1 << 30;

/// Decoder of one object.
pub struct OmopParquet {
    /// `None` if it could not be created, or once it is read.
    file: Option<File>,
    long: Long,
}

impl OmopParquet {
    pub fn new(long: Long, scratch: &Path) -> Self {
        Self { file: tempfile::tempfile_in(scratch).ok(), long }
    }
}

impl Decoder for OmopParquet {
    fn push(&mut self, bytes: &[u8], _: &mut ObjectAccumulator) -> Result<(), Defect> {
        let file = self.file.as_mut().ok_or(Defect::NoScratch)?;
        file.write_all(bytes).map_err(|_| Defect::NoScratch)
    }

    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
        let file = self.file.take().ok_or(Defect::NoScratch)?;
        let long = &mut self.long;
        // A file with wrong metadata can still make the reader panic.
        let read = catch_unwind(AssertUnwindSafe(|| read_file(file, long, into)));
        let rows = read.unwrap_or(Err(Defect::BadParquet))?;
        self.long.finish(into);
        if rows == 0 { Err(Defect::NoRows) } else { Ok(rows) }
    }
}

fn read_file(file: File, long: &mut Long, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
    let reader = SerializedFileReader::new(file).map_err(|_| Defect::BadParquet)?;
    let groups = reader.num_row_groups();
    let places = places(&reader)?;
    let mut rows = 0;
    for group in 0..groups {
        let group = reader.get_row_group(group).map_err(|_| Defect::BadParquet)?;
        rows += read_group(&*group, &places, long, into)?;
    }
    Ok(rows)
}

/// Returns the position of each of [`COLUMNS`].
fn places(reader: &SerializedFileReader<File>) -> Result<Vec<Option<usize>>, Defect> {
    let schema = reader.metadata().file_metadata().schema_descr();
    // A nested column is never one of these, whatever its name.
    let name = |at: usize| match schema.column(at).path().parts() {
        [name] => name.clone(),
        _ => String::new(),
    };
    let names: Vec<String> = (0..schema.num_columns()).map(name).collect();
    let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    header::find(COLUMNS.into_iter(), &names)
}

fn read_group(
    group: &dyn RowGroupReader,
    places: &[Option<usize>],
    long: &mut Long,
    into: &mut ObjectAccumulator,
) -> Result<u64, Defect> {
    let metadata = group.metadata();
    let size = |place: &usize| metadata.column(*place).uncompressed_size();
    // Before anything is read: the reader may allocate what the file declares.
    if places.iter().flatten().map(size).any(|bytes| !(0..GROUP_LIMIT_BYTES).contains(&bytes)) {
        return Err(Defect::BadParquet);
    }
    let mut columns: Vec<Option<(Kind, ColumnReader)>> = Vec::new();
    for place in places {
        let column = place.map(|place| {
            let kind = Kind::of(metadata.column(place).column_descr()).ok_or(Defect::BadParquet)?;
            let reader = group.get_column_reader(place).map_err(|_| Defect::BadParquet)?;
            Ok((kind, reader))
        });
        columns.push(column.transpose()?);
    }
    let rows = u64::try_from(metadata.num_rows()).map_err(|_| Defect::BadParquet)?;
    let mut left = rows;
    // In batches, because a row group may have millions of rows.
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(usize::MAX).min(ROWS_AT_ONCE);
        let mut cells = Vec::with_capacity(columns.len());
        for column in &mut columns {
            cells.push(match column {
                Some((kind, reader)) => read_cells(*kind, reader, some)?,
                None => Cells::None,
            });
        }
        add_rows(&cells, some, long, into)?;
        left -= some as u64;
    }
    Ok(rows)
}

/// Adds rows, whose columns are in the order of [`COLUMNS`].
fn add_rows(
    columns: &[Cells],
    rows: usize,
    long: &mut Long,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    let [person, concept, date, datetime, operator, value, unit, unit_name, source] = columns
    else {
        return Err(Defect::BadParquet);
    };
    for at in 0..rows {
        let row = Row {
            person: person.id(at),
            concept: concept.id(at),
            time: if datetime.is_empty(at) { date.time(at) } else { datetime.time(at) },
            operator: operator.id(at),
            value: value.reading(at),
            unit_concept: unit.id(at),
            unit_name: &unit_name.text(at),
            source_code: &source.text(at),
        };
        add_row(&row, long, into)?;
    }
    Ok(())
}
