//! Cells of a Parquet column, of any type that a program may write.
//!
//! Used by [`crate::formats::omop_parquet`]. An id may be a float, a date text and a value a
//! decimal; each is read according to its column. A cell that does not suit its column must be
//! absent or unreadable, never guessed.

use std::borrow::Cow;

use crate::rules::reading::Reading;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::schema::types::ColumnDescriptor;
use sce_core::calendar;

use crate::bytes::number;
use crate::defect::Defect;
use crate::formats::omop_id::{Id, WHOLE_MAX, id};

/// The Julian day of 1970-01-01.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// The meaning of the whole numbers of a column.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The numbers as they are.
    Plain,
    /// The same, but the highest bit is not a sign.
    Unsigned,
    /// Days since 1970-01-01.
    Days,
    /// Fractions of a second since then; this many are one second.
    Parts(i64),
    /// Decimals with this many digits after the point.
    Decimal(i32),
}

impl Kind {
    /// Returns the kind of a column; `None` if its cells are lists.
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
            (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Self::Unsigned,
            (None, ConvertedType::UINT_32 | ConvertedType::UINT_64) => Self::Unsigned,
            _ => Self::Plain,
        })
    }
}

/// Stands for a number that does not fit into 128 bits.
const BEYOND: i128 = i128::MAX;
/// Below this, `f32` represents every whole number.
const WHOLE_MAX_SINGLE: f64 = 16_777_216.0;

/// Some cells of one column.
pub enum Cells {
    /// The file has no such column.
    None,
    /// Whole numbers, and their meaning; [`BEYOND`] is one that is too large.
    Whole(Kind, Vec<Option<i128>>),
    /// Numbers, and the limit below which they represent every whole number.
    Number(f64, Vec<Option<f64>>),
    Text(Vec<Option<ByteArray>>),
}

/// Reads the next cells of a column; fewer than requested are a defect.
pub fn read_cells(kind: Kind, reader: &mut ColumnReader, rows: usize) -> Result<Cells, Defect> {
    use ColumnReader as R;
    let whole = |cells: Vec<Option<i128>>| Cells::Whole(kind, cells);
    let is_unsigned = matches!(kind, Kind::Unsigned);
    Ok(match reader {
        R::BoolColumnReader(_) => return Err(Defect::BadParquet),
        R::Int32ColumnReader(r) => whole(map_cells(next_cells(r, rows)?, |n| {
            if is_unsigned { i128::from(n.cast_unsigned()) } else { i128::from(n) }
        })),
        R::Int64ColumnReader(r) => whole(map_cells(next_cells(r, rows)?, |n| {
            if is_unsigned { i128::from(n.cast_unsigned()) } else { i128::from(n) }
        })),
        R::Int96ColumnReader(r) => Cells::Whole(
            Kind::Parts(1),
            map_cells(next_cells(r, rows)?, |time| i128::from(int96_seconds(&time))),
        ),
        R::FloatColumnReader(r) => {
            Cells::Number(WHOLE_MAX_SINGLE, map_cells(next_cells(r, rows)?, f64::from))
        }
        R::DoubleColumnReader(r) => Cells::Number(WHOLE_MAX, next_cells(r, rows)?),
        R::ByteArrayColumnReader(r) => byte_cells(kind, next_cells(r, rows)?),
        R::FixedLenByteArrayColumnReader(r) => {
            byte_cells(kind, map_cells(next_cells(r, rows)?, ByteArray::from))
        }
    })
}

fn next_cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
) -> Result<Vec<Option<T::T>>, Defect> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let read = reader.read_records(rows, Some(&mut levels), None, &mut values);
    let (records, ..) = read.map_err(|_| Defect::BadParquet)?;
    // The metadata declares more rows than there are.
    if records != rows {
        return Err(Defect::BadParquet);
    }
    let mut values = values.into_iter();
    // A required column has no levels: every cell is present.
    if levels.is_empty() {
        return Ok(values.map(Some).collect());
    }
    // In a flat column, a cell is present at the highest level that its rows have.
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

fn map_cells<A, B>(cells: Vec<Option<A>>, as_b: impl Fn(A) -> B) -> Vec<Option<B>> {
    cells.into_iter().map(|cell| cell.map(&as_b)).collect()
}

/// Converts the time that older programs wrote as nanoseconds of a Julian day.
fn int96_seconds(time: &Int96) -> i64 {
    // Two words of nanoseconds, then the day.
    let [low, high, day] = [0, 1, 2].map(|at| i64::from(time.data()[at]));
    let nanoseconds = high << 32 | low;
    (day - EPOCH_JULIAN_DAY) * calendar::DAY_SECONDS + nanoseconds.div_euclid(1_000_000_000)
}

/// Returns text, or the numbers of big-endian decimals.
fn byte_cells(kind: Kind, cells: Vec<Option<ByteArray>>) -> Cells {
    let Kind::Decimal(_) = kind else { return Cells::Text(cells) };
    let digits = |bytes: ByteArray| {
        let negative = bytes.data().first().is_some_and(|first| first & 0x80 != 0);
        let sign = if negative { 0xff } else { 0 };
        let mut digits = bytes.data();
        // Leading bytes that only repeat the sign: decimals of fixed length are padded.
        while let [first, rest @ ..] = digits
            && *first == sign
            && digits.len() > 16
        {
            digits = rest;
        }
        if digits.len() > 16 {
            return BEYOND;
        }
        // Starting from the sign extends it to 128 bits.
        let start = if negative { -1_i128 } else { 0 };
        digits.iter().fold(start, |n, byte| n << 8 | i128::from(*byte))
    };
    Cells::Whole(kind, map_cells(cells, digits))
}

impl Cells {
    /// True if the cell is empty.
    pub fn is_empty(&self, at: usize) -> bool {
        match self {
            Self::None => true,
            Self::Whole(_, cells) => cells[at].is_none(),
            Self::Number(_, cells) => cells[at].is_none_or(f64::is_nan),
            Self::Text(_) => number::is_missing(self.text(at).as_bytes()),
        }
    }

    /// Returns the cell as an id.
    #[allow(clippy::cast_possible_truncation)] // checked before
    pub fn id(&self, at: usize) -> Id {
        let known = |number: i128| i64::try_from(number).map_or(Id::Odd, Id::Is);
        match self {
            Self::None => Id::Absent,
            _ if self.is_empty(at) => Id::Absent,
            Self::Whole(Kind::Plain | Kind::Unsigned, cells) => cells[at].map_or(Id::Odd, known),
            Self::Whole(Kind::Decimal(scale), cells) => {
                let ones = u32::try_from(*scale).ok().and_then(|scale| 10_i128.checked_pow(scale));
                match cells[at].zip(ones) {
                    Some((number, ones)) if number != BEYOND && number % ones == 0 => {
                        known(number / ones)
                    }
                    _ => Id::Odd,
                }
            }
            Self::Number(limit, cells) => match cells[at] {
                Some(number) if number.fract() == 0.0 && number.abs() < *limit => {
                    Id::Is(number as i64)
                }
                _ => Id::Odd,
            },
            Self::Text(_) => id(self.text(at).as_bytes()),
            Self::Whole(..) => Id::Odd,
        }
    }

    /// Returns the cell as a time, in civil seconds.
    pub fn time(&self, at: usize) -> Option<i64> {
        let time = match self {
            Self::Whole(Kind::Days, cells) => {
                cells[at]?.checked_mul(i128::from(calendar::DAY_SECONDS))?
            }
            // Rounds down, also before 1970.
            Self::Whole(Kind::Parts(parts), cells) => cells[at]?.div_euclid(i128::from(*parts)),
            Self::Text(_) => i128::from(calendar::parse(self.text(at).as_bytes())?),
            Self::None | Self::Whole(..) | Self::Number(..) => return None,
        };
        i64::try_from(time).ok().filter(|time| calendar::is_in_range(*time))
    }

    /// Returns the cell as a reading.
    pub fn reading(&self, at: usize) -> Reading {
        match self {
            _ if self.is_empty(at) => Reading::Missing,
            Self::Whole(Kind::Plain | Kind::Unsigned | Kind::Decimal(_), cells) => {
                let scale =
                    if let Self::Whole(Kind::Decimal(scale), _) = self { *scale } else { 0 };
                match cells[at] {
                    Some(number) if number != BEYOND => {
                        // Through text, so that it is rounded once, as in CSV.
                        number::read(format!("{number}e{}", -scale).as_bytes())
                    }
                    _ => Reading::Unparsable,
                }
            }
            Self::Number(_, cells) => {
                let finite = cells[at].filter(|value| value.is_finite());
                finite.map_or(Reading::Unparsable, Reading::Value)
            }
            Self::Text(_) => number::read(self.text(at).as_bytes()),
            Self::None | Self::Whole(..) => Reading::Unparsable,
        }
    }

    /// Returns the cell as text, without blanks around it; empty if it is not text.
    pub fn text(&self, at: usize) -> Cow<'_, str> {
        match self {
            Self::Text(cells) => {
                let bytes = cells[at].as_ref().map(ByteArray::data).unwrap_or_default();
                String::from_utf8_lossy(bytes.trim_ascii())
            }
            Self::Whole(Kind::Plain | Kind::Unsigned, cells) => {
                cells[at].map(|number| number.to_string()).unwrap_or_default().into()
            }
            Self::None | Self::Whole(..) | Self::Number(..) => Cow::Borrowed(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_what_its_column_means() {
        let text = |text: &str| Cells::Text(vec![Some(ByteArray::from(text))]);
        assert_eq!(Cells::Whole(Kind::Plain, vec![Some(-7)]).id(0), Id::Is(-7));
        let number = |value: f64| Cells::Number(WHOLE_MAX, vec![Some(value)]);
        assert_eq!(number(8876.0).id(0), Id::Is(8876));
        assert_eq!(number(f64::NAN).id(0), Id::Absent);
        for odd in [8876.5, f64::INFINITY, 1e300, WHOLE_MAX] {
            assert_eq!(number(odd).id(0), Id::Odd);
        }
        assert_eq!(text("8876.0").id(0), Id::Is(8876));
        assert_eq!((text("1e+05").id(0), text("1.5e0").id(0)), (Id::Is(100_000), Id::Odd));
        assert_eq!((text("<").id(0), text(" ").id(0)), (Id::Odd, Id::Absent));
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(1)]).id(0), Id::Odd);
        // 9289 and 70.5 at 18 decimals, and what 128 bits do not hold.
        let tall = Cells::Whole(Kind::Decimal(18), vec![Some(9_289 * 10_i128.pow(18))]);
        assert_eq!(tall.id(0), Id::Is(9289));
        let tall = Cells::Whole(Kind::Decimal(18), vec![Some(705 * 10_i128.pow(17))]);
        assert_eq!((tall.id(0), tall.reading(0)), (Id::Odd, Reading::Value(70.5)));
        let beyond = byte_cells(Kind::Decimal(2), vec![Some(ByteArray::from(vec![0x7f; 17]))]);
        assert_eq!((beyond.id(0), beyond.reading(0)), (Id::Odd, Reading::Unparsable));
        let filled = byte_cells(
            Kind::Decimal(0),
            vec![Some(ByteArray::from([vec![0; 31], vec![7]].concat()))],
        );
        assert_eq!(filled.id(0), Id::Is(7));
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(-1)]).time(0), Some(-86_400));
        assert_eq!(Cells::Whole(Kind::Parts(1000), vec![Some(-1)]).time(0), Some(-1));
        assert_eq!(Cells::Whole(Kind::Days, vec![Some(i128::MAX)]).time(0), None);
        assert_eq!(Cells::Whole(Kind::Plain, vec![Some(5)]).time(0), None);
        assert_eq!(text(" 1970-01-02 ").time(0), Some(86_400));
        let decimal = byte_cells(Kind::Decimal(1), vec![Some(ByteArray::from(vec![0x03, 0xda]))]);
        assert_eq!(decimal.reading(0), Reading::Value(98.6));
        let below = byte_cells(Kind::Decimal(2), vec![Some(ByteArray::from(vec![0xff, 0x9c]))]);
        assert_eq!(below.reading(0), Reading::Value(-1.0));
        assert_eq!(number(f64::NAN).reading(0), Reading::Missing);
        assert_eq!(number(f64::INFINITY).reading(0), Reading::Unparsable);
        assert_eq!(Cells::None.reading(0), Reading::Missing);
        assert_eq!(text("x").reading(0), Reading::Unparsable);
        let mut time = Int96::new();
        time.set_data(1_000_000_000, 0, 2_440_589);
        assert_eq!(int96_seconds(&time), 86_401);
    }
}
