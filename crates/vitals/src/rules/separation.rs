//! Whether a term or a rule determines an outcome that is 0 or 1: separation and odds ratios.
//!
//! Used by [`crate::rules::effects`] while reading, and when results are delivered. A result that
//! cannot be computed must have its reason instead, never a number.

/// Numbers of visits by rule and outcome: both, the rule only, the outcome only, neither.
pub type RuleCounts = [u64; 4];

/// The least and the greatest value of a term, without and with an outcome.
pub type ClassExtremes = [Option<(i64, i64)>; 2];

/// Widens the extremes to include a value.
pub(super) fn widen(extremes: &mut Option<(i64, i64)>, value: i64) {
    let (least, most) = extremes.unwrap_or((value, value));
    *extremes = Some((least.min(value), most.max(value)));
}

/// Whether a term separates the two classes of an outcome: then a logistic regression of the
/// outcome on the term does not converge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    /// The ranges of the classes do not touch.
    Complete,
    /// They share one value.
    QuasiComplete,
    /// They overlap.
    None,
}

impl Separation {
    /// Compares the extremes of both classes; `None` if a class has no values.
    #[must_use]
    pub fn of([without, with]: &ClassExtremes) -> Option<Self> {
        let ((low_a, high_a), (low_b, high_b)) = ((*without)?, (*with)?);
        Some(if high_a < low_b || high_b < low_a {
            Self::Complete
        } else if high_a == low_b || high_b == low_a {
            Self::QuasiComplete
        } else {
            Self::None
        })
    }

    /// Returns the word used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::QuasiComplete => "quasi-complete",
            Self::None => "none",
        }
    }
}

/// Returns the odds ratio of a rule and its outcome column.
///
/// # Errors
/// The words that every table has instead.
pub fn odds_ratio([both, rule, effect, neither]: RuleCounts) -> Result<f64, &'static str> {
    let varies = |a: u64, b: u64| a > 0 && b > 0;
    if [both, rule, effect, neither] == [0; 4] {
        Err("not computed: no visits")
    } else if !varies(both + rule, effect + neither) || !varies(both + effect, rule + neither) {
        Err("not computed: does not vary")
    } else if [both, rule, effect, neither].contains(&0) {
        // An empty cell would make the ratio 0 or infinite.
        Err("not computed: separation")
    } else {
        Ok((both as f64 / rule as f64) * (neither as f64 / effect as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_separate_or_meet_or_overlap() {
        let of = |a, b| Separation::of(&[Some(a), Some(b)]);
        assert_eq!(of((1, 5), (6, 9)), Some(Separation::Complete));
        assert_eq!(of((6, 9), (1, 5)), Some(Separation::Complete));
        assert_eq!(of((1, 5), (5, 9)), Some(Separation::QuasiComplete));
        assert_eq!(of((1, 5), (4, 9)), Some(Separation::None));
        assert_eq!(of((1, 9), (4, 5)), Some(Separation::None));
    }

    #[test]
    fn odds_only_where_all_four_cells_are_there() {
        assert_eq!(odds_ratio([10, 5, 2, 20]), Ok(20.0));
        assert_eq!(odds_ratio([0; 4]), Err("not computed: no visits"));
        assert_eq!(odds_ratio([0, 5, 0, 7]), Err("not computed: does not vary"));
        assert_eq!(odds_ratio([3, 0, 4, 0]), Err("not computed: does not vary"));
        assert_eq!(odds_ratio([3, 0, 0, 9]), Err("not computed: separation"));
        assert_eq!(odds_ratio([3, 1, 0, 9]), Err("not computed: separation"));
    }
}
