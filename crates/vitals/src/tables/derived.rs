//! Derived measures in a partial: one row per patient and measure that has values.

use crate::rules::derived::{Derived, DerivedSums};
use crate::rules::moments::Sums;
use crate::rules::statistics::ObjectStatistics;
use crate::tables::rows::rows;

rows! {
    /// A derived measure of a patient.
    struct DerivedRow['t] in "derived" {
        patient: &'t str = Key,
        measure: Derived = Key,
        n: u64 = Sum,
        flagged: u64 = Sum,
        sum: i128 = Sum,
        sum_squares: i128 = Sum,
        least: i64 = Least,
        most: i64 = Most,
    }
}

impl DerivedRow<'_> {
    /// Returns the sums.
    pub const fn kept(&self) -> DerivedSums {
        let Self { n, sum, sum_squares, .. } = *self;
        DerivedSums {
            sums: Sums { n, sum, sum_squares },
            extremes: (self.least, self.most),
            flagged: self.flagged,
        }
    }
}

/// Returns the rows of one object.
pub fn derived_of(statistics: &ObjectStatistics) -> Vec<DerivedRow<'_>> {
    let all = statistics.patients().flat_map(|(patient, kept)| {
        let measures = Derived::ALL.into_iter().zip(&kept.derived);
        measures.map(move |(measure, of)| DerivedRow {
            patient,
            measure,
            n: of.sums.n,
            flagged: of.flagged,
            sum: of.sums.sum,
            sum_squares: of.sums.sum_squares,
            least: of.extremes.0,
            most: of.extremes.1,
        })
    });
    all.filter(|row| row.n > 0).collect()
}
