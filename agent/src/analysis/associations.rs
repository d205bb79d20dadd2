//! `effects.csv` and `rules.csv`: what the effects of the pseudo-data go with.
//!
//! Used by [`super::results`] and by delivery. Both files hold a header only
//! if no object has columns of effects.

use polars::prelude::*;
use sce_core::vitals::{
    ClassExtremes, Cross, Effect, NotComputed, RULES, Regression, Separation, Sureness, Term,
    correlation, odds_ratio, regress, regress_within,
};

use super::effects::{EffectTables, class_extremes, crosses, rule_counts};
use super::patients::{csv_bytes, csv_failed, number};
use super::results::natural;
use crate::study::StudyError;

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
const FIT: [&str; 4] = ["intercept", "respiratory_rate", "spo2", "height_derived"];

/// Sums of patients, in their natural order.
type Patients<const N: usize> = Vec<Cross<N>>;

impl Associations {
    /// Those of the merged tables.
    pub fn of(tables: &EffectTables) -> PolarsResult<Self> {
        let Some(counts) = rule_counts(&tables.rules)? else { return Ok(Self::default()) };
        let rules = RULES.iter().zip(counts).map(|(rule, counts)| RuleLine {
            effect: rule.effect,
            rule: rule.name,
            counts,
            odds_ratio: odds_ratio(counts),
        });
        let pairs = pairs(&tables.pairs)?;
        let extremes = class_extremes(&tables.extremes)?;
        let mut lines = Vec::new();
        for effect in Effect::ALL {
            let of_terms = Term::ALL.into_iter().zip(&pairs[effect as usize]);
            let correlated: Vec<Association> =
                of_terms.map(|(term, patients)| correlated(effect, term, patients)).collect();
            let more = if effect.is_binary() {
                let of_terms = correlated.iter().zip(&extremes[effect as usize]);
                of_terms.map(|(line, classes)| separated(line, classes)).collect()
            } else {
                fitted(effect, &fits(&tables.fits)?)
            };
            lines.extend(correlated.into_iter().chain(more));
        }
        Ok(Self { lines, rules: rules.collect() })
    }
}

/// The sums of each effect and term, patient by patient.
fn pairs(table: &DataFrame) -> PolarsResult<Vec<Vec<Patients<2>>>> {
    let mut found = vec![vec![Vec::new(); Term::COUNT]; Effect::COUNT];
    let (effects, terms) = (table.column("effect")?.u8()?, table.column("term")?.u8()?);
    let all = crosses::<2>(table)?;
    for at in in_order(table)? {
        if let (Some(effect), Some(term)) = (effects.get(at), terms.get(at)) {
            found[usize::from(effect)][usize::from(term)].push(all[at]);
        }
    }
    Ok(found)
}

fn fits(table: &DataFrame) -> PolarsResult<Patients<4>> {
    let all = crosses::<4>(table)?;
    Ok(in_order(table)?.into_iter().map(|at| all[at]).collect())
}

/// The rows by patient: floating-point sums over them must not depend on how
/// objects were packed.
fn in_order(table: &DataFrame) -> PolarsResult<Vec<usize>> {
    let patients = table.column("patient")?.str()?;
    let mut rows: Vec<usize> = (0..table.height()).collect();
    let name = |at: usize| patients.get(at).unwrap_or_default();
    rows.sort_by(|a, b| natural(name(*a), name(*b)));
    Ok(rows)
}

fn correlated(effect: Effect, term: Term, patients: &[Cross<2>]) -> Association {
    let fit = regress(patients);
    let mut line = Association {
        effect,
        measure: "correlation",
        term: term.name(),
        n: patients.iter().map(|one| one.n).sum(),
        patients: patients.len() as u64,
        value: None,
        sureness: None,
        note: "",
    };
    match (correlation(patients), fit) {
        (Ok(r), Ok(fit)) => {
            line.value = Some(r);
            (line.sureness, line.note) = told(&fit, 1);
        }
        (Err(NotComputed::TooFewVisits), _) | (_, Err(NotComputed::TooFewVisits)) => {
            line.note = "not computed: fewer than three visits";
        }
        (Err(why), _) | (_, Err(why)) => line.note = why.reason(),
    }
    line
}

/// Whether the term of a correlation tells the classes apart.
fn separated(line: &Association, classes: &ClassExtremes) -> Association {
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

/// What TPain is made of: over all visits; then within patients, where height
/// does not change.
fn fitted(effect: Effect, patients: &[Cross<4>]) -> Vec<Association> {
    let changing: Vec<Cross<3>> = patients.iter().map(|one| one.without(2)).collect();
    let over = regression_lines(effect, "ols", &FIT, patients, regress(patients));
    let within = regress_within::<3, 2>(&changing);
    let within = regression_lines(effect, "ols_within", &FIT[1..3], patients, within);
    over.into_iter().chain(within).collect()
}

fn regression_lines<const K: usize>(
    effect: Effect,
    measure: &'static str,
    terms: &[&'static str],
    patients: &[Cross<4>],
    fit: Result<Regression<K>, NotComputed>,
) -> Vec<Association> {
    let line = |term, value, sureness, note| Association {
        effect,
        measure,
        term,
        n: patients.iter().map(|one| one.n).sum(),
        patients: patients.len() as u64,
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

/// `effects.csv`.
pub fn effects_csv(associations: &Associations) -> Result<Vec<u8>, StudyError> {
    const STEP: &str = "write effects table";
    let header =
        ["effect", "measure", "term", "n", "patients", "value", "standard_error", "p", "note"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for line in &associations.lines {
        writer
            .write_record([
                line.effect.name(),
                line.measure,
                line.term,
                &line.n.to_string(),
                &line.patients.to_string(),
                &number(line.value),
                &number(line.sureness.map(|(error, _)| error)),
                &number(line.sureness.map(|(_, p)| p)),
                line.note,
            ])
            .map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}

/// `rules.csv`.
pub fn rules_csv(associations: &Associations) -> Result<Vec<u8>, StudyError> {
    const STEP: &str = "write rules table";
    let header = [
        "effect",
        "rule",
        "n",
        "both",
        "rule_only",
        "effect_only",
        "neither",
        "odds_ratio",
        "note",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|_| csv_failed(STEP))?;
    for line in &associations.rules {
        let n: u64 = line.counts.iter().sum();
        let mut fields = vec![line.effect.name().to_owned(), line.rule.to_owned(), n.to_string()];
        fields.extend(line.counts.iter().map(ToString::to_string));
        fields.push(number(line.odds_ratio.ok()));
        fields.push(line.odds_ratio.err().unwrap_or_default().to_owned());
        writer.write_record(&fields).map_err(|_| csv_failed(STEP))?;
    }
    csv_bytes(writer, STEP)
}
