//! `effects.csv` and `rules.csv`: what the effects of the pseudo-data go with.
//!
//! Made by [`crate::results::effect_fits`], used by [`crate::results::cohort`] and written
//! by [`crate::outputs::effects_csv`].
//! Both files hold a header only if no object has columns of effects.

use crate::rules::effects::{ClassExtremes, Effect, Separation, Term};
use crate::rules::regression::{Fitting, NotComputed, Regression, Sureness, Totals};

/// One line of `effects.csv`.
pub struct Association {
    pub effect: Effect,
    pub measure: &'static str,
    pub term: &'static str,
    pub n: u64,
    pub patients: u64,
    pub value: Option<f64>,
    /// Standard error and p.
    pub sureness: Option<(f64, f64)>,
    /// Why something is not there.
    pub note: &'static str,
}

/// One line of `rules.csv`.
pub struct RuleLine {
    pub effect: Effect,
    pub rule: &'static str,
    /// Both, the rule only, the effect only, neither.
    pub counts: [u64; 4],
    pub odds_ratio: Result<f64, &'static str>,
}

/// Both tables.
#[derive(Default)]
pub struct Associations {
    pub lines: Vec<Association>,
    pub rules: Vec<RuleLine>,
}

/// The terms of TPain, in the order of its sums; with an intercept before.
pub const FIT: [&str; 4] = ["intercept", "respiratory_rate", "spo2", "height_derived"];

/// The line of an effect and a term.
pub fn correlated(
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
            (line.sureness, line.note) = told(&fitting.finish(), 1);
        }
        (Err(NotComputed::TooFewVisits), _) | (_, Err(NotComputed::TooFewVisits)) => {
            line.note = "not computed: fewer than three visits";
        }
        (Err(why), _) | (_, Err(why)) => line.note = why.reason(),
    }
    line
}

/// Whether the term of a correlation tells the classes apart.
pub fn separated(line: &Association, classes: &ClassExtremes) -> Association {
    let separation = || Separation::of(classes).map_or("", Separation::name);
    let note = if line.value.is_some() { separation() } else { line.note };
    Association { measure: "separation", value: None, sureness: None, note, ..*line }
}

/// How sure coefficient `k` is, or why that is not told.
fn told<const K: usize>(fit: &Regression<K>, k: usize) -> (Option<(f64, f64)>, &'static str) {
    match fit.sureness {
        Sureness::Errors(errors) => (Some(errors[k]), ""),
        Sureness::Exact => (None, "exact"),
        Sureness::OnePatient => (None, "p not computed: one patient"),
    }
}

/// The lines of a regression, over so many visits and patients.
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
            let (sureness, note) = told(fit, k);
            line(term, Some(fit.coefficients[k]), sureness, note)
        }
        Ok(fit) => line(term, Some(fit.r_squared), None, told(fit, 0).1),
        Err(why) => line(term, None, None, why.reason()),
    })
    .collect()
}
