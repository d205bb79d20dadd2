//! Long formats as comma-separated text.
//!
//! Used by the modules of OMOP and Synthea, which define the columns they need and the meaning of
//! a row. A row with more or fewer fields than the header is counted and left out: its fields may
//! have shifted.

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::quality::LeftOut;

use crate::bytes::header;
use crate::bytes::number;
use crate::bytes::records::{Records, Sink};
use crate::bytes::split::Record;
use crate::defect::Defect;
use crate::formats::decoder::Decoder;
use crate::formats::long::Long;

/// The most columns that a format names.
pub const NAMED_MAX: usize = 12;

/// The fields that a format asked for, in its order; empty if the column or the cell is missing.
pub type Fields<'a> = [&'a [u8]; NAMED_MAX];

/// A long format as CSV.
pub struct Layout {
    /// Header names in lower case, and whether a file must have them.
    pub columns: &'static [(&'static str, bool)],
    /// Adds a row.
    pub add_row: fn(&Fields<'_>, &mut Long, &mut ObjectAccumulator) -> Result<(), Defect>,
}

/// Decoder of one object.
pub struct LongCsv {
    records: Records,
    rows: Rows,
}

struct Rows {
    layout: &'static Layout,
    /// The position of each named column in a row; empty before the header.
    places: Vec<Option<usize>>,
    width: usize,
    long: Long,
}

impl LongCsv {
    pub fn new(layout: &'static Layout, long: Long) -> Self {
        let rows = Rows { layout, places: Vec::new(), width: 0, long };
        Self { records: Records::new(), rows }
    }
}

impl Decoder for LongCsv {
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect> {
        self.records.push(bytes, &mut Reader { rows: &mut self.rows, into })
    }

    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
        self.records.finish(&mut Reader { rows: &mut self.rows, into })?;
        self.rows.long.finish(into);
        self.records.rows()
    }
}

/// The rows and their destination.
struct Reader<'a> {
    rows: &'a mut Rows,
    into: &'a mut ObjectAccumulator,
}

impl Sink for Reader<'_> {
    fn take_plain(&mut self, _: u64, _: &[u8]) -> Result<Option<usize>, Defect> {
        // Only the wide CSV has a one-pass reader: other records are always split.
        Ok(None)
    }

    fn take(&mut self, _: u64, record: &Record<'_>) -> Result<(), Defect> {
        let rows = &mut *self.rows;
        if rows.width == 0 {
            rows.width = record.len();
            let names: Vec<&[u8]> = record.fields().collect();
            rows.places = header::find(rows.layout.columns.iter().copied(), &names)?;
            return Ok(());
        }
        if record.len() != rows.width {
            self.into.leave_out(LeftOut::Malformed);
            return Ok(());
        }
        let mut fields = Fields::default();
        for (field, place) in fields.iter_mut().zip(&rows.places) {
            let cell = place.map_or(&[][..], |place| record.field(place).trim_ascii());
            *field = if number::is_missing(cell) { &[] } else { cell };
        }
        (rows.layout.add_row)(&fields, &mut rows.long, self.into)
    }
}
