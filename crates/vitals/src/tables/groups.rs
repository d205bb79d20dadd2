//! Merges the rows of a table that have the same key, exactly.
//!
//! Used by every merge. Sums are of whole numbers, so neither the order of the rows nor their
//! grouping may affect the result.
//!
//! The merges are written by hand, one pass over each column: the aggregations of Polars cannot
//! express a sum over the rows of an extreme without a join, and evaluate it group by group.
//! `benches/merge.rs` compares the sums of the largest table.

use std::hash::Hash;
use std::ops::Add;

use polars::prelude::*;
use rustc_hash::FxHashMap;

use crate::tables::declared::{Declared, Rule};
use crate::tables::rows::Row;

/// How two values are combined.
#[derive(Debug, Clone, Copy)]
enum How {
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

/// The groups of rows with the same key.
pub struct Groups<'a> {
    table: &'a DataFrame,
    declared: Vec<Declared>,
    /// The group of each row: numbers from 0, in the order of their first rows.
    numbers: Vec<u32>,
    /// The first row of each group.
    firsts: Vec<IdxSize>,
}

/// Returns the table with each key once.
///
/// # Errors
/// The table does not have the columns of rows `R`.
pub fn merged<'t, R: Row<'t>>(table: &DataFrame) -> PolarsResult<DataFrame> {
    Groups::of::<R>(table)?.merged()
}

impl<'a> Groups<'a> {
    /// Groups the rows that are the same in the key columns of `R`.
    ///
    /// # Errors
    /// The table does not have the columns of rows `R`.
    pub fn of<'t, R: Row<'t>>(table: &'a DataFrame) -> PolarsResult<Self> {
        let declared = R::declared();
        let mut numbers = vec![0; table.height()];
        // One key column at a time: the numbers so far are part of the next key.
        for key in declared.iter().filter(|column| column.rule == Rule::Key) {
            let column = table.column(&key.name)?;
            numbers = match key.data_type {
                DataType::String => number_pairs(numbers, column.str()?.iter()),
                DataType::UInt8 => number_pairs(numbers, column.u8()?.iter()),
                DataType::UInt64 => number_pairs(numbers, column.u64()?.iter()),
                _ => number_pairs(numbers, column.i64()?.iter()),
            };
        }
        // Numbers are given in the order of first rows, so a new one equals their count.
        let mut firsts = Vec::new();
        for (row, number) in (0..).zip(&numbers) {
            if *number as usize == firsts.len() {
                firsts.push(row);
            }
        }
        Ok(Self { table, declared, numbers, firsts })
    }

    /// Returns the number of groups.
    pub const fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Returns the group of each row: numbers from 0, in the order of their first rows.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Merges each group into one row.
    ///
    /// # Errors
    /// A column is absent or of another type than declared.
    pub fn merged(&self) -> PolarsResult<DataFrame> {
        let firsts = IdxCa::from_slice("row".into(), &self.firsts);
        let mut columns: Vec<Column> = Vec::with_capacity(self.declared.len());
        for Declared { name, rule, .. } in &self.declared {
            let column = self.table.column(name)?;
            columns.push(match *rule {
                Rule::Key | Rule::Once => column.take(&firsts)?,
                Rule::Sum => self.reduce_column(column, How::Sum, None)?,
                Rule::Least => self.reduce_column(column, How::Least, None)?,
                Rule::Most => self.reduce_column(column, How::Most, None)?,
                Rule::SumAtLeast(of) => self.reduce_at_extreme(column, How::Sum, of, How::Least)?,
                Rule::SumAtMost(of) => self.reduce_at_extreme(column, How::Sum, of, How::Most)?,
                Rule::MostAtMost(of) => self.reduce_at_extreme(column, How::Most, of, How::Most)?,
                Rule::LeastBetween(low, high) => self.between(name, low, high)?,
            });
        }
        DataFrame::new(self.len(), columns)
    }

    /// Combines the values of the rows that have the extreme of `of` in their group.
    fn reduce_at_extreme(
        &self,
        column: &Column,
        how: How,
        of: &str,
        extreme: How,
    ) -> PolarsResult<Column> {
        let values = self.table.column(of)?.i64()?;
        let extremes = self.reduce(values.iter(), extreme);
        let is_at = |(number, value): (&u32, Option<i64>)| value == extremes[*number as usize];
        let rows: Vec<bool> = self.numbers.iter().zip(values.iter()).map(is_at).collect();
        self.reduce_column(column, how, Some(&rows))
    }

    /// Combines the values of some rows, or of all.
    fn reduce_column(
        &self,
        column: &Column,
        how: How,
        rows: Option<&[bool]>,
    ) -> PolarsResult<Column> {
        let name = column.name();
        Ok(match column.dtype() {
            DataType::UInt64 => {
                self.reduce_typed::<UInt64Type>(name, column.u64()?.iter(), rows, how)
            }
            DataType::Int64 => {
                self.reduce_typed::<Int64Type>(name, column.i64()?.iter(), rows, how)
            }
            DataType::Int128 => {
                self.reduce_typed::<Int128Type>(name, column.i128()?.iter(), rows, how)
            }
            _ => self.reduce_typed::<Float64Type>(name, column.f64()?.iter(), rows, how),
        })
    }

    fn reduce_typed<T: PolarsNumericType>(
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
        let reduced = self.reduce(wanted, how);
        ChunkedArray::<T>::from_slice_options(name.into(), &reduced).into_column()
    }

    /// Combines the values of each group.
    fn reduce<T: Copy + PartialOrd + Add<Output = T>>(
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

    /// Combines a column by [`Rule::LeastBetween`].
    fn between(&self, name: &str, low: &str, high: &str) -> PolarsResult<Column> {
        let times = |name: &str| self.table.column(name)?.i64();
        let lows = self.reduce(times(low)?.iter(), How::Least);
        let highs = self.reduce(times(high)?.iter(), How::Most);
        let mut between = vec![None; self.len()];
        // An extreme of one part may be strictly between those of all parts.
        for name in [low, high, name] {
            let values = self.numbers.iter().zip(times(name)?.iter());
            let within = values.map(|(group, value)| {
                let group = *group as usize;
                value.filter(|value| Some(*value) > lows[group] && Some(*value) < highs[group])
            });
            for (so_far, value) in between.iter_mut().zip(self.reduce(within, How::Least)) {
                *so_far = [*so_far, value].into_iter().flatten().min();
            }
        }
        Ok(Int64Chunked::from_slice_options(name.into(), &between).into_column())
    }
}

/// Numbers the pairs of the numbers so far and the values of one more column.
fn number_pairs<T: Eq + Hash>(before: Vec<u32>, values: impl Iterator<Item = T>) -> Vec<u32> {
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
