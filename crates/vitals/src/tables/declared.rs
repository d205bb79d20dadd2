//! A column as its table declares it.
//!
//! Used by [`crate::tables::rows`], which derives everything else from it.

use polars::prelude::DataType;

/// How the values of a column are combined when rows of the same key merge. Missing values are
/// ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Part of the key.
    Key,
    /// No two rows have the same key: rows are stacked, never merged.
    Once,
    /// The sum.
    Sum,
    /// The least value.
    Least,
    /// The greatest value.
    Most,
    /// The sum over the rows where this column has its least value.
    SumAtLeast(&'static str),
    /// The sum over the rows where this column has its greatest value.
    SumAtMost(&'static str),
    /// The greatest value of the rows where this column has its greatest value.
    MostAtMost(&'static str),
    /// The least value, of this column and both others, that is strictly
    /// between the least value of the first and the greatest of the second.
    LeastBetween(&'static str, &'static str),
}

/// A column as declared.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its name in the table.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// How it merges.
    pub rule: Rule,
}
