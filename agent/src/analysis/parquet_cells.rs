//! Cells of a Parquet column, of whatever type a program wrote them.
//!
//! Used by [`super::omop_parquet`]. An id may come as a float, a date as text
//! and a value as a decimal; each is read as what its column means. What a
//! column cannot mean reads as nothing, never as a guess.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::schema::types::ColumnDescriptor;
use sce_core::vitals::{Reading, civil};

use super::number;
use super::omop::whole;
use crate::study::Defect;

/// The Julian day of 1970-01-01.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// What the whole numbers of a column are.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Themselves.
    Plain,
    /// Days since 1970-01-01.
    Days,
    /// Parts of a second since then, this many to one.
    Parts(i64),
    /// Hundredths, thousandths and so on.
    Decimal(i32),
}

impl Kind {
    /// The kind of a column; `None` if its cells are lists.
    pub fn of(column: &ColumnDescriptor) -> Option<Self> {
        if column.max_rep_level() > 0 {
            return None;
        }
        Some(match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Self::Days,
            (Some(LogicalType::Timestamp(timestamp)), _) => Self::Parts(match timestamp.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            }),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Self::Parts(1_000),
            (None, ConvertedType::TIMESTAMP_MICROS) => Self::Parts(1_000_000),
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => {
                Self::Decimal(column.type_scale())
            }
            _ => Self::Plain,
        })
    }
}

/// Some cells of one column.
pub enum Cells {
    /// The file has no such column.
    None,
    /// Whole numbers, and what they are.
    Whole(Kind, Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Text(Vec<Option<ByteArray>>),
}

/// Reads the next cells of a column; fewer than wanted are a defect.
pub fn read_cells(kind: Kind, reader: &mut ColumnReader, rows: usize) -> Result<Cells, Defect> {
    use ColumnReader as R;
    let whole = |cells: Vec<Option<i64>>| Cells::Whole(kind, cells);
    Ok(match reader {
        R::BoolColumnReader(_) => return Err(Defect::BadParquet),
        R::Int32ColumnReader(r) => whole(each(next(r, rows)?, i64::from)),
        R::Int64ColumnReader(r) => whole(next(r, rows)?),
        R::Int96ColumnReader(r) => {
            Cells::Whole(Kind::Parts(1), each(next(r, rows)?, |time| seconds(&time)))
        }
        R::FloatColumnReader(r) => Cells::Number(each(next(r, rows)?, f64::from)),
        R::DoubleColumnReader(r) => Cells::Number(next(r, rows)?),
        R::ByteArrayColumnReader(r) => bytes(kind, next(r, rows)?),
        R::FixedLenByteArrayColumnReader(r) => bytes(kind, each(next(r, rows)?, ByteArray::from)),
    })
}

fn next<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
) -> Result<Vec<Option<T::T>>, Defect> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let read = reader.read_records(rows, Some(&mut levels), None, &mut values);
    let (records, ..) = read.map_err(|_| Defect::BadParquet)?;
    if records != rows {
        return Err(Defect::BadParquet);
    }
    let mut values = values.into_iter();
    if levels.is_empty() {
        return Ok(values.map(Some).collect());
    }
    // A cell of a flat column is there at the highest level its rows have.
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

fn each<A, B>(cells: Vec<Option<A>>, as_b: impl Fn(A) -> B) -> Vec<Option<B>> {
    cells.into_iter().map(|cell| cell.map(&as_b)).collect()
}

/// The time that older programs wrote as nanoseconds of a Julian day.
fn seconds(time: &Int96) -> i64 {
    let [low, high, day] = [0, 1, 2].map(|at| i64::from(time.data()[at]));
    let nanoseconds = high << 32 | low;
    (day - EPOCH_JULIAN_DAY) * civil::DAY_SECONDS + nanoseconds.div_euclid(1_000_000_000)
}

/// Text; or the big-endian digits of a decimal.
fn bytes(kind: Kind, cells: Vec<Option<ByteArray>>) -> Cells {
    let Kind::Decimal(_) = kind else { return Cells::Text(cells) };
    let digits = |bytes: ByteArray| {
        let negative = bytes.data().first().is_some_and(|first| first & 0x80 != 0);
        let start = if negative { -1_i128 } else { 0 };
        let number = bytes.data().iter().fold(start, |n, byte| n << 8 | i128::from(*byte));
        i64::try_from(number).ok()
    };
    Cells::Whole(kind, cells.into_iter().map(|cell| cell.and_then(digits)).collect())
}

impl Cells {
    /// True if there is nothing in the cell.
    pub fn is_empty(&self, at: usize) -> bool {
        match self {
            Self::None => true,
            Self::Whole(_, cells) => cells[at].is_none(),
            Self::Number(cells) => cells[at].is_none_or(f64::is_nan),
            Self::Text(_) => number::is_missing(self.text(at).as_bytes()),
        }
    }

    /// The cell as an id.
    #[allow(clippy::cast_possible_truncation)] // checked by the way back
    pub fn whole(&self, at: usize) -> Option<i64> {
        match self {
            Self::Whole(Kind::Plain | Kind::Decimal(0), cells) => cells[at],
            Self::Number(cells) => {
                let number = cells[at]?;
                let whole = number as i64;
                #[allow(clippy::cast_precision_loss)] // that is what is checked
                let same = whole as f64 == number;
                same.then_some(whole)
            }
            Self::Text(_) => whole(self.text(at).as_bytes()),
            Self::None | Self::Whole(..) => None,
        }
    }

    /// The cell as a time, in civil seconds.
    pub fn time(&self, at: usize) -> Option<i64> {
        match self {
            Self::Whole(Kind::Days, cells) => cells[at]?.checked_mul(civil::DAY_SECONDS),
            Self::Whole(Kind::Parts(parts), cells) => Some(cells[at]?.div_euclid(*parts)),
            Self::Text(_) => civil::parse(self.text(at).as_bytes()),
            Self::None | Self::Whole(..) | Self::Number(_) => None,
        }
        .filter(|time| civil::is_in_range(*time))
    }

    /// The cell as a number.
    pub fn reading(&self, at: usize) -> Reading {
        let number = match self {
            Self::Whole(Kind::Plain, cells) => cells[at].map(|cell| cell.to_string()),
            Self::Whole(Kind::Decimal(scale), cells) => {
                cells[at].map(|cell| format!("{cell}e{}", -scale))
            }
            Self::Number(cells) => {
                return match cells[at] {
                    Some(value) if value.is_finite() => Reading::Value(value),
                    Some(value) if !value.is_nan() => Reading::Unparsable,
                    _ => Reading::Missing,
                };
            }
            Self::Text(_) => return number::read(self.text(at).as_bytes()),
            Self::None | Self::Whole(..) => None,
        };
        number.map_or(Reading::Missing, |text| number::read(text.as_bytes()))
    }

    /// The cell as text, without blanks around it; empty if it is none.
    pub fn text(&self, at: usize) -> &str {
        let Self::Text(cells) = self else { return "" };
        let bytes = cells[at].as_ref().map(ByteArray::data).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default().trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_what_its_column_means() {
        let text = |text: &str| Cells::Text(vec![Some(ByteArray::from(text))]);
        assert_eq!(Cells::Whole(Kind::Plain, vec![Some(-7)]).whole(0), Some(-7));
        assert_eq!(Cells::Number(vec![Some(8876.0)]).whole(0), Some(8876));
        for odd in [8876.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Cells::Number(vec![Some(odd)]).whole(0), None);
        }
        assert_eq!(text("8876.0").whole(0), Some(8876));
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(1)]).whole(0), None);
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(-1)]).time(0), Some(-86_400));
        assert_eq!(Cells::Whole(Kind::Parts(1000), vec![Some(-1)]).time(0), Some(-1));
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(i64::MAX)]).time(0), None);
        assert_eq!(Cells::Whole(Kind::Plain, vec![Some(5)]).time(0), None);
        assert_eq!(text(" 1970-01-02 ").time(0), Some(86_400));
        let decimal = bytes(Kind::Decimal(1), vec![Some(ByteArray::from(vec![0x03, 0xda]))]);
        assert_eq!(decimal.reading(0), Reading::Value(98.6));
        let below = bytes(Kind::Decimal(2), vec![Some(ByteArray::from(vec![0xff, 0x9c]))]);
        assert_eq!(below.reading(0), Reading::Value(-1.0));
        assert_eq!(Cells::Number(vec![Some(f64::NAN)]).reading(0), Reading::Missing);
        assert_eq!(Cells::Number(vec![Some(f64::INFINITY)]).reading(0), Reading::Unparsable);
        assert_eq!(Cells::None.reading(0), Reading::Missing);
        assert_eq!(text("x").reading(0), Reading::Unparsable);
        let mut time = Int96::new();
        time.set_data(1_000_000_000, 0, 2_440_589);
        assert_eq!(seconds(&time), 86_401);
    }
}
