//! The rows of `effects.csv` and `rules.csv`: the associations of the outcome columns.
//!
//! Made by [`crate::results::effect_fits`], used by [`crate::results::cohort`] and written by
//! [`crate::outputs::effects_csv`]. Both files have only a header if no object has outcome
//! columns.

use crate::rules::effects::{Effect, Term};
use crate::rules::regression::{Fitting, NotComputed, Regression, Sureness, Totals};
use crate::rules::separation::{ClassExtremes, Separation};

/// One row of `effects.csv`.
pub struct Association {
    pub effect: Effect,
    pub measure: &'static str,
    pub term: &'static str,
    pub n: u64,
    pub patients: u64,
    pub value: Option<f64>,
    /// Standard error and p-value.
    pub sureness: Option<(f64, f64)>,
    /// Why a value is missing.
    pub note: &'static str,
}

/// One row of `rules.csv`.
pub struct RuleLine {
    pub effect: Effect,
    pub rule: &'static str,
    /// Both, the rule only, the outcome only, neither.
    pub counts: [u64; 4],
    pub odds_ratio: Result<f64, &'static str>,
}

/// Both tables.
#[derive(Default)]
pub struct Associations {
    pub lines: Vec<Association>,
    pub rules: Vec<RuleLine>,
}

/// The terms of the regression of TPain, in the order of its sums, after the intercept.
pub const FIT: [&str; 4] = ["intercept", "respiratory_rate", "spo2", "height_derived"];

/// Returns the correlation of an outcome column with a term.
pub fn correlation_row(
    effect: Effect,
    term: Term,
    totals: &Totals<2, 2>,
    fitting: &Result<Fitting<2, 2>, NotComputed>,
) -> Association {
    let mut line = Association {
        effect,
        measure: "correlation",
        term: term.name(),
        n: totals.visits(),
        patients: totals.patients(),
        value: None,
        sureness: None,
        note: "",
    };
    match (totals.correlation(), fitting.as_ref().map_err(|why| *why)) {
        (Ok(r), Ok(fitting)) => {
            line.value = Some(r);
            (line.sureness, line.note) = errors_or_note(&fitting.finish(), 1);
        }
        (Err(NotComputed::TooFewVisits), _) | (_, Err(NotComputed::TooFewVisits)) => {
            // More specific than the reason of a regression.
            line.note = "not computed: fewer than three visits";
        }
        (Err(why), _) | (_, Err(why)) => line.note = why.reason(),
    }
    line
}

/// Returns whether the term of a correlation separates the classes.
pub fn separation_row(line: &Association, classes: &ClassExtremes) -> Association {
    let separation = || Separation::of(classes).map_or("", Separation::name);
    // What prevents a correlation prevents a separation as well.
    let note = if line.value.is_some() { separation() } else { line.note };
    Association { measure: "separation", value: None, sureness: None, note, ..*line }
}

/// Returns the errors of coefficient `k`, or the reason why there are none.
fn errors_or_note<const K: usize>(
    fit: &Regression<K>,
    k: usize,
) -> (Option<(f64, f64)>, &'static str) {
    match fit.sureness {
        Sureness::Errors(errors) => (Some(errors[k]), ""),
        Sureness::Exact => (None, "exact"),
        Sureness::OnePatient => (None, "p not computed: one patient"),
    }
}

/// Returns the rows of a regression over so many visits and patients.
pub fn regression_lines<const K: usize>(
    effect: Effect,
    measure: &'static str,
    terms: &[&'static str],
    (n, patients): (u64, u64),
    fit: Result<Regression<K>, NotComputed>,
) -> Vec<Association> {
    let line = |term, value, sureness, note| Association {
        effect,
        measure,
        term,
        n,
        patients,
        value,
        sureness,
        note,
    };
    let all = terms.iter().chain(&["r_squared"]).enumerate();
    all.map(|(k, term)| match &fit {
        Ok(fit) if k < K => {
            let (sureness, note) = errors_or_note(fit, k);
            line(term, Some(fit.coefficients[k]), sureness, note)
        }
        Ok(fit) => line(term, Some(fit.r_squared), None, errors_or_note(fit, 0).1),
        Err(why) => line(term, None, None, why.reason()),
    })
    .collect()
}
