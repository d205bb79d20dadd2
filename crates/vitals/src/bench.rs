//! The functions that `benches/merge.rs` measures.
//!
//! Built with the feature `bench` only; nothing else may use them.

use polars::prelude::DataFrame;

use crate::rules::cross::Cross;
use crate::rules::effects::{Effect, Term};
use crate::tables::effects::PairRow;
use crate::tables::groups::merged;
use crate::tables::rows::Row;

/// Returns the pairs of `patients` patients, each of whom is in each of `partials` partials.
///
/// # Panics
/// Never: the rows are those of the table.
#[must_use]
pub fn pairs(partials: u64, patients: u64) -> DataFrame {
    let names: Vec<String> = (0..patients).map(|patient| format!("P{patient:06}")).collect();
    let mut rows = Vec::new();
    for partial in 0..partials {
        for (patient, n) in names.iter().zip(1..) {
            for effect in Effect::ALL {
                for term in Term::ALL {
                    let sum = i128::from(n + partial) << 40;
                    let cross = Cross { n, sums: [sum; 2], products: [[sum; 2], [0, sum]] };
                    rows.push(PairRow { patient, effect, term, cross });
                }
            }
        }
    }
    PairRow::write(&rows)
}

/// Returns the table with each key once.
///
/// # Panics
/// The table is not one that [`pairs`] returns.
#[must_use]
pub fn merge_pairs(table: &DataFrame) -> DataFrame {
    merged::<PairRow<'_>>(table).expect("a table of pairs")
}
