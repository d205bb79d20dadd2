//! The rows of a table that have the same key, put together exactly.
//!
//! Used by every merge. Sums are of whole numbers, so neither the order of the
//! rows nor how they came together shows. One pass over each column: the table
//! engine evaluates a sum over the rows of an extreme group by group, which was
//! most of the time of merging many patients.

use std::hash::Hash;
use std::ops::Add;

use polars::prelude::*;
use rustc_hash::FxHashMap;

/// How values become one; missing ones are passed over.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Sum,
    Least,
    Most,
}

impl How {
    fn of<T: PartialOrd + Add<Output = T>>(self, a: T, b: T) -> T {
        match self {
            Self::Sum => a + b,
            Self::Least if b < a => b,
            Self::Most if b > a => b,
            Self::Least | Self::Most => a,
        }
    }
}

/// A column of the merged table.
#[derive(Debug, Clone, Copy)]
pub struct Merged<'a> {
    name: &'a str,
    how: How,
    /// Only of the rows that have this extreme of this column.
    at: Option<(&'a str, How)>,
}

/// The values added up.
pub const fn sum(name: &str) -> Merged<'_> {
    Merged { name, how: How::Sum, at: None }
}

/// The least value.
pub const fn least(name: &str) -> Merged<'_> {
    Merged { name, how: How::Least, at: None }
}

/// The greatest value.
pub const fn most(name: &str) -> Merged<'_> {
    Merged { name, how: How::Most, at: None }
}

impl<'a> Merged<'a> {
    /// Of the rows where `time` is the earliest of the group.
    pub const fn at_first(self, time: &'a str) -> Self {
        Self { at: Some((time, How::Least)), ..self }
    }

    /// Of the rows where `time` is the latest of the group.
    pub const fn at_last(self, time: &'a str) -> Self {
        Self { at: Some((time, How::Most)), ..self }
    }
}

/// Which rows belong together.
pub struct Groups<'a> {
    table: &'a DataFrame,
    keys: &'a [&'a str],
    /// The group of each row: numbers from 0, in the order of first rows.
    numbers: Vec<u32>,
    /// The first row of each group.
    firsts: Vec<IdxSize>,
}

impl<'a> Groups<'a> {
    /// The rows that are the same in the columns `keys`.
    pub fn by(table: &'a DataFrame, keys: &'a [&'a str]) -> PolarsResult<Self> {
        let mut numbers = vec![0; table.height()];
        for key in keys {
            let column = table.column(key)?;
            numbers = match column.dtype() {
                DataType::String => numbered(numbers, column.str()?.iter()),
                DataType::UInt8 => numbered(numbers, column.u8()?.iter()),
                DataType::UInt64 => numbered(numbers, column.u64()?.iter()),
                _ => numbered(numbers, column.i64()?.iter()),
            };
        }
        let mut firsts = Vec::new();
        for (row, number) in (0..).zip(&numbers) {
            if *number as usize == firsts.len() {
                firsts.push(row);
            }
        }
        Ok(Self { table, keys, numbers, firsts })
    }

    /// How many groups there are.
    pub const fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The group of each row: numbers from 0, in the order of first rows.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// One row per group: its key, and these columns.
    pub fn merged(&self, columns: &[Merged<'_>]) -> PolarsResult<DataFrame> {
        let keys = self.table.select(self.keys.iter().copied())?;
        let mut merged = keys.take(&IdxCa::from_slice("row".into(), &self.firsts))?;
        for column in columns {
            merged.with_column(self.column(*column)?)?;
        }
        Ok(merged)
    }

    fn column(&self, Merged { name, how, at }: Merged<'_>) -> PolarsResult<Column> {
        let column = self.table.column(name)?;
        let rows = at.map(|(time, which)| self.are_at(time, which)).transpose()?;
        let rows = rows.as_deref();
        Ok(match column.dtype() {
            DataType::UInt64 => self.one::<UInt64Type>(name, column.u64()?.iter(), rows, how),
            DataType::Int64 => self.one::<Int64Type>(name, column.i64()?.iter(), rows, how),
            DataType::Int128 => self.one::<Int128Type>(name, column.i128()?.iter(), rows, how),
            _ => self.one::<Float64Type>(name, column.f64()?.iter(), rows, how),
        })
    }

    /// A column of some rows' values, or of all.
    fn one<T: PolarsNumericType>(
        &self,
        name: &str,
        values: impl Iterator<Item = Option<T::Native>>,
        rows: Option<&[bool]>,
        how: How,
    ) -> Column
    where
        ChunkedArray<T>: IntoColumn,
        T::Native: PartialOrd + Add<Output = T::Native>,
    {
        let is_wanted = |row: usize| rows.is_none_or(|rows| rows[row]);
        let wanted = values.enumerate().map(|(row, value)| value.filter(|_| is_wanted(row)));
        let reduced = self.reduced(wanted, how);
        ChunkedArray::<T>::from_slice_options(name.into(), &reduced).into_column()
    }

    /// What the values of each group become.
    pub fn reduced<T: Copy + PartialOrd + Add<Output = T>>(
        &self,
        values: impl Iterator<Item = Option<T>>,
        how: How,
    ) -> Vec<Option<T>> {
        let mut reduced: Vec<Option<T>> = vec![None; self.firsts.len()];
        for (number, value) in self.numbers.iter().zip(values) {
            let of_group = &mut reduced[*number as usize];
            *of_group = match (*of_group, value) {
                (Some(before), Some(value)) => Some(how.of(before, value)),
                (before, value) => before.or(value),
            };
        }
        reduced
    }

    /// Which rows have the extreme of `time` in their group.
    fn are_at(&self, time: &str, which: How) -> PolarsResult<Vec<bool>> {
        let times = self.table.column(time)?.i64()?;
        let extremes = self.reduced(times.iter(), which);
        let is_at = |(number, time): (&u32, Option<i64>)| time == extremes[*number as usize];
        Ok(self.numbers.iter().zip(times.iter()).map(is_at).collect())
    }
}

/// Numbers for pairs of the numbers so far and the values of one more column.
fn numbered<T: Eq + Hash>(before: Vec<u32>, values: impl Iterator<Item = T>) -> Vec<u32> {
    let mut seen = FxHashMap::default();
    let mut next = 0;
    let number = |key| {
        *seen.entry(key).or_insert_with(|| {
            next += 1;
            next - 1
        })
    };
    before.into_iter().zip(values).map(number).collect()
}
