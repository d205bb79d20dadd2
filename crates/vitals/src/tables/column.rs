//! The fields of table rows as columns.
//!
//! Used by [`crate::tables::rows`], which declares the tables. Reading is total:
//! a column of another type, a missing value or an impossible code is an error
//! that names table and column, never a default.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::rules::cross::Cross;
use crate::rules::derived::Derived;
use crate::rules::effects::{Effect, Term};
use crate::rules::news2::BandCounts;
use crate::rules::quality::{LeftOut, LeftOutCounts, QualityCounts};
use crate::rules::series::Streak;
use crate::rules::vital::Vital;
use crate::tables::declared::{Declared, Rule};

/// Wraps a failure of the table engine without its text, which may quote data.
pub fn engine(step: &'static str) -> impl Fn(PolarsError) -> AnalysisError {
    move |error| {
        // The variant may be shown, its text may not.
        let kind = match error {
            PolarsError::ColumnNotFound(_) => "the table engine reports a missing column",
            PolarsError::ComputeError(_) => "the table engine reports a computation error",
            PolarsError::SchemaMismatch(_) => "the table engine reports a schema mismatch",
            PolarsError::ShapeMismatch(_) => "the table engine reports a shape mismatch",
            PolarsError::InvalidOperation(_) => "the table engine reports an invalid operation",
            PolarsError::IO { .. } => "the table engine reports an input or output error",
            _ => "the table engine reports an error",
        };
        AnalysisError::Internal { step, kind }
    }
}

/// A type whose values are stored in one column.
pub trait Value<'t>: Copy {
    /// The type of the column.
    fn data_type() -> DataType;

    /// Returns the column of some values.
    fn write_column(name: &str, values: Vec<Self>) -> Column;

    /// Returns the values of a column; `None` if it has another type, lacks a value that must be
    /// there, or holds an undefined code.
    fn read_column(column: &'t Column) -> Option<Vec<Self>>;
}

macro_rules! numbers {
    ($($native:ty, $polars:ty, $variant:ident, $get:ident;)*) => {$(
        impl<'t> Value<'t> for $native {
            fn data_type() -> DataType {
                DataType::$variant
            }

            fn write_column(name: &str, values: Vec<Self>) -> Column {
                ChunkedArray::<$polars>::from_vec(name.into(), values).into_column()
            }

            fn read_column(column: &'t Column) -> Option<Vec<Self>> {
                column.$get().ok()?.iter().collect()
            }
        }

        impl<'t> Value<'t> for Option<$native> {
            fn data_type() -> DataType {
                DataType::$variant
            }

            fn write_column(name: &str, values: Vec<Self>) -> Column {
                ChunkedArray::<$polars>::from_slice_options(name.into(), &values).into_column()
            }

            fn read_column(column: &'t Column) -> Option<Vec<Self>> {
                Some(column.$get().ok()?.iter().collect())
            }
        }
    )*};
}

numbers! {
    u8, UInt8Type, UInt8, u8;
    u64, UInt64Type, UInt64, u64;
    i64, Int64Type, Int64, i64;
    i128, Int128Type, Int128, i128;
    f64, Float64Type, Float64, f64;
}

impl<'t> Value<'t> for &'t str {
    fn data_type() -> DataType {
        DataType::String
    }

    fn write_column(name: &str, values: Vec<Self>) -> Column {
        StringChunked::from_iter_values(name.into(), values.into_iter()).into_column()
    }

    fn read_column(column: &'t Column) -> Option<Vec<Self>> {
        column.str().ok()?.iter().collect()
    }
}

/// Enums that are stored as a small number.
macro_rules! codes {
    ($($of:ty;)*) => {$(
        impl<'t> Value<'t> for $of {
            fn data_type() -> DataType {
                DataType::UInt8
            }

            fn write_column(name: &str, values: Vec<Self>) -> Column {
                u8::write_column(name, values.into_iter().map(Self::code).collect())
            }

            fn read_column(column: &'t Column) -> Option<Vec<Self>> {
                let codes = column.u8().ok()?.iter();
                codes.map(|code| code.and_then(Self::from_code)).collect()
            }
        }
    )*};
}

codes! {
    Vital;
    Derived;
    Effect;
    Term;
}

/// A field of a row: one column, or several that belong together.
pub trait Field<'t>: Copy {
    /// Declares its columns, which all merge by `rule`.
    fn declare(name: &str, rule: Rule, into: &mut Vec<Declared>);

    /// Adds its columns with these values.
    fn write(name: &str, values: Vec<Self>, into: &mut Vec<Column>);

    /// Reads its values from the table called `of`.
    fn read(table: &'t DataFrame, of: &'static str, name: &str)
    -> Result<Vec<Self>, AnalysisError>;
}

impl<'t, V: Value<'t>> Field<'t> for V {
    fn declare(name: &str, rule: Rule, into: &mut Vec<Declared>) {
        into.push(Declared { name: name.to_owned(), data_type: V::data_type(), rule });
    }

    fn write(name: &str, values: Vec<Self>, into: &mut Vec<Column>) {
        into.push(V::write_column(name, values));
    }

    fn read(
        table: &'t DataFrame,
        of: &'static str,
        name: &str,
    ) -> Result<Vec<Self>, AnalysisError> {
        // One message for every cause, as a value must not be shown.
        table.column(name).ok().and_then(V::read_column).ok_or_else(|| {
            AnalysisError::damaged(format!(
                "table {of}, column {name}: a value is missing, impossible or of another type"
            ))
        })
    }
}

/// Structs of named counts: one column per count.
macro_rules! counts {
    ($($of:ty, $names:expr, $to:expr, $from:expr;)*) => {$(
        impl<'t> Field<'t> for $of {
            fn declare(_: &str, rule: Rule, into: &mut Vec<Declared>) {
                $names.into_iter().for_each(|name| u64::declare(name, rule, into));
            }

            fn write(_: &str, values: Vec<Self>, into: &mut Vec<Column>) {
                for (at, name) in $names.into_iter().enumerate() {
                    u64::write(name, values.iter().map(|of| $to(of)[at]).collect(), into);
                }
            }

            fn read(
                table: &'t DataFrame,
                of: &'static str,
                _: &str,
            ) -> Result<Vec<Self>, AnalysisError> {
                let mut all = vec![[0; $names.len()]; table.height()];
                for (at, name) in $names.into_iter().enumerate() {
                    let counts = u64::read(table, of, name)?;
                    all.iter_mut().zip(counts).for_each(|(row, count)| row[at] = count);
                }
                Ok(all.into_iter().map($from).collect())
            }
        }
    )*};
}

counts! {
    BandCounts, BandCounts::NAMES, BandCounts::to_array, BandCounts::from;
    QualityCounts, QualityCounts::NAMES, QualityCounts::to_array, QualityCounts::from;
    LeftOutCounts, LeftOut::NAMES, |counts: &LeftOutCounts| *counts, |of| of;
}

impl<'t, const N: usize> Field<'t> for Cross<N> {
    fn declare(_: &str, rule: Rule, into: &mut Vec<Declared>) {
        u64::declare("n", rule, into);
        for a in 0..N {
            i128::declare(&format!("sum_{a}"), rule, into);
            (a..N).for_each(|b| i128::declare(&format!("product_{a}{b}"), rule, into));
        }
    }

    fn write(_: &str, values: Vec<Self>, into: &mut Vec<Column>) {
        u64::write("n", values.iter().map(|cross| cross.n).collect(), into);
        for a in 0..N {
            let sums = values.iter().map(|cross| cross.sums[a]).collect();
            i128::write(&format!("sum_{a}"), sums, into);
            for b in a..N {
                let products = values.iter().map(|cross| cross.products[a][b]).collect();
                i128::write(&format!("product_{a}{b}"), products, into);
            }
        }
    }

    fn read(table: &'t DataFrame, of: &'static str, _: &str) -> Result<Vec<Self>, AnalysisError> {
        let counts = u64::read(table, of, "n")?;
        let mut all: Vec<Self> =
            counts.into_iter().map(|n| Self { n, ..Self::default() }).collect();
        for a in 0..N {
            let sums = i128::read(table, of, &format!("sum_{a}"))?;
            all.iter_mut().zip(sums).for_each(|(cross, sum)| cross.sums[a] = sum);
            for b in a..N {
                let products = i128::read(table, of, &format!("product_{a}{b}"))?;
                let rows = all.iter_mut().zip(products);
                rows.for_each(|(cross, product)| cross.products[a][b] = product);
            }
        }
        Ok(all)
    }
}

impl<'t> Field<'t> for Streak {
    fn declare(name: &str, rule: Rule, into: &mut Vec<Declared>) {
        i64::declare(&format!("{name}_start"), rule, into);
        u64::declare(&format!("{name}_length"), rule, into);
        i64::declare(&format!("{name}_worst"), rule, into);
    }

    fn write(name: &str, values: Vec<Self>, into: &mut Vec<Column>) {
        let all = || values.iter();
        i64::write(&format!("{name}_start"), all().map(|of| of.start).collect(), into);
        u64::write(&format!("{name}_length"), all().map(|of| of.length).collect(), into);
        i64::write(&format!("{name}_worst"), all().map(|of| of.worst).collect(), into);
    }

    fn read(
        table: &'t DataFrame,
        of: &'static str,
        name: &str,
    ) -> Result<Vec<Self>, AnalysisError> {
        let start = i64::read(table, of, &format!("{name}_start"))?;
        let length = u64::read(table, of, &format!("{name}_length"))?;
        let worst = i64::read(table, of, &format!("{name}_worst"))?;
        let all = start.into_iter().zip(length).zip(worst);
        Ok(all.map(|((start, length), worst)| Self { start, length, worst }).collect())
    }
}
