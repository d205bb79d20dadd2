//! The declaration of a table: its columns, their types, and how rows of the same key merge.
//!
//! A table is declared once, as a struct of its rows with [`rows!`]. Writer, reader, check and
//! merge all follow from it; a new column is one new line.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::tables::declared::Declared;

/// A row of a table; `'t` is the lifetime of the table that it borrows from.
pub trait Row<'t>: Copy {
    /// The name of the table, for errors.
    const TABLE: &'static str;

    /// Returns the columns, in order.
    fn declared() -> Vec<Declared>;

    /// Returns the table of some rows.
    fn write(rows: &[Self]) -> DataFrame;

    /// Returns the rows of a table.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`], naming the table and the column, if a column is absent or of
    /// another type, or a value is missing or impossible.
    fn read(table: &'t DataFrame) -> Result<Vec<Self>, AnalysisError>;

    /// Returns the table without rows.
    fn empty() -> DataFrame {
        Self::write(&[])
    }

    /// Refuses a table whose columns are not exactly those declared.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`], naming the table.
    fn check_columns(table: &DataFrame) -> Result<(), AnalysisError> {
        let declared = Self::declared();
        let columns = table.columns();
        // In order and type as well, because tables are stacked column by column.
        let is_same = columns.len() == declared.len()
            && columns
                .iter()
                .zip(&declared)
                .all(|(is, of)| is.name().as_str() == of.name && *is.dtype() == of.data_type);
        let problem = || format!("table {} does not have the declared columns", Self::TABLE);
        if is_same { Ok(()) } else { Err(AnalysisError::damaged(problem())) }
    }
}

/// Declares a table: `struct Name['t] in "table" { field: Type = rule, … }`,
/// with `[]` where no field borrows. Each field is one column or more
/// ([`crate::tables::column::Field`]).
macro_rules! rows {
    (
        $(#[$doc:meta])*
        struct $row:ident[$($life:lifetime)?] in $table:literal {
            $($field:ident: $type:ty = $rule:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $row<$($life)?> {
            $(pub $field: $type,)*
        }

        impl<'t> crate::tables::rows::Row<'t> for $row<$($life)?> {
            const TABLE: &'static str = $table;

            fn declared() -> Vec<crate::tables::declared::Declared> {
                #[allow(unused_imports)]
                use crate::tables::declared::Rule::*;
                let mut all = Vec::new();
                $(<$type as crate::tables::column::Field>::declare(
                    stringify!($field),
                    $rule,
                    &mut all,
                );)*
                all
            }

            fn write(rows: &[Self]) -> polars::prelude::DataFrame {
                let mut all = Vec::new();
                $(crate::tables::column::Field::write(
                    stringify!($field),
                    rows.iter().map(|row| row.$field).collect::<Vec<$type>>(),
                    &mut all,
                );)*
                polars::prelude::DataFrame::new(rows.len(), all)
                    .expect("columns of the same rows have the same height")
            }

            fn read(
                table: &'t polars::prelude::DataFrame,
            ) -> Result<Vec<Self>, sce_study::AnalysisError> {
                $(let $field = <$type as crate::tables::column::Field>::read(
                    table,
                    $table,
                    stringify!($field),
                )?;)*
                Ok((0..table.height()).map(|at| Self { $($field: $field[at],)* }).collect())
            }
        }
    };
}

pub(crate) use rows;
