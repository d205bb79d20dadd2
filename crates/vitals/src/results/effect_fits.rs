//! The regressions behind `effects.csv`, in two passes over the patients.
//!
//! Used when delivering: [`EffectTotals`] takes every patient in, then
//! [`EffectFits`] once more, for the errors; neither holds a patient. Patients
//! come in natural order, so that floating-point sums over them do not depend
//! on how objects were packed.

use crate::rules::cross::Cross;
use crate::rules::effects::{Effect, RULES, Term, odds_ratio};
use crate::rules::regression::{Fitting, NotComputed, Totals};
use polars::prelude::*;

use crate::results::associations::{
    Association, Associations, FIT, RuleLine, correlated, regression_lines, separated,
};
use crate::tables::effects::{class_extremes, crosses, rule_counts};
use crate::tables::natural::natural;
use crate::tables::objects::ObjectTables;
use crate::tables::patients::PatientTables;

/// The first pass.
pub struct EffectTotals {
    /// By effect and term.
    pairs: Vec<Vec<Totals<2, 2>>>,
    over: Totals<4, 4>,
    within: Totals<3, 2>,
}

/// The second pass.
pub struct EffectFits {
    totals: EffectTotals,
    pairs: Vec<Vec<Result<Fitting<2, 2>, NotComputed>>>,
    over: Result<Fitting<4, 4>, NotComputed>,
    within: Result<Fitting<3, 2>, NotComputed>,
}

impl EffectTotals {
    pub fn new() -> Self {
        Self {
            pairs: vec![vec![Totals::across(); Term::COUNT]; Effect::COUNT],
            over: Totals::across(),
            within: Totals::within(),
        }
    }

    /// Takes the next patients in.
    pub fn take(&mut self, tables: &PatientTables) -> PolarsResult<()> {
        for (effect, term, cross) in pairs(&tables.pairs)? {
            self.pairs[effect][term].take(&cross);
        }
        for cross in fits(&tables.fits)? {
            self.over.take(&cross);
            self.within.take(&without_height(&cross));
        }
        Ok(())
    }

    pub fn fit(self) -> EffectFits {
        let of_effect = |of: &Vec<Totals<2, 2>>| of.iter().map(Totals::fit).collect();
        EffectFits {
            pairs: self.pairs.iter().map(of_effect).collect(),
            over: self.over.fit(),
            within: self.within.fit(),
            totals: self,
        }
    }
}

impl EffectFits {
    /// Takes the next patients in, once more.
    pub fn take(&mut self, tables: &PatientTables) -> PolarsResult<()> {
        for (effect, term, cross) in pairs(&tables.pairs)? {
            if let Ok(fitting) = &mut self.pairs[effect][term] {
                fitting.take(&cross);
            }
        }
        for cross in fits(&tables.fits)? {
            if let Ok(fitting) = &mut self.over {
                fitting.take(&cross);
            }
            if let Ok(fitting) = &mut self.within {
                fitting.take(&without_height(&cross));
            }
        }
        Ok(())
    }

    /// Both tables; empty if no object has columns of effects.
    pub fn finish(&self, objects: &ObjectTables) -> PolarsResult<Associations> {
        let Some(counts) = rule_counts(&objects.rules)? else {
            return Ok(Associations::default());
        };
        let rules = RULES.iter().zip(counts).map(|(rule, counts)| RuleLine {
            effect: rule.effect,
            rule: rule.name,
            counts,
            odds_ratio: odds_ratio(counts),
        });
        let extremes = class_extremes(&objects.extremes)?;
        let mut lines = Vec::new();
        for effect in Effect::ALL {
            let at = effect as usize;
            let of_terms = self.totals.pairs[at].iter().zip(&self.pairs[at]);
            let correlated: Vec<Association> = Term::ALL
                .into_iter()
                .zip(of_terms)
                .map(|(term, (totals, fitting))| correlated(effect, term, totals, fitting))
                .collect();
            let more: Vec<Association> = if effect.is_binary() {
                let of_terms = correlated.iter().zip(&extremes[at]);
                of_terms.map(|(line, classes)| separated(line, classes)).collect()
            } else {
                self.fitted(effect)
            };
            lines.extend(correlated.into_iter().chain(more));
        }
        Ok(Associations { lines, rules: rules.collect() })
    }

    /// What TPain is made of: over all visits; then within patients.
    fn fitted(&self, effect: Effect) -> Vec<Association> {
        let all = (self.totals.over.visits(), self.totals.over.patients());
        let over = self.over.as_ref().map(Fitting::finish).map_err(|why| *why);
        let over = regression_lines(effect, "ols", &FIT, all, over);
        let within = self.within.as_ref().map(Fitting::finish).map_err(|why| *why);
        let within = regression_lines(effect, "ols_within", &FIT[1..3], all, within);
        over.into_iter().chain(within).collect()
    }
}

/// Height does not change within a patient.
fn without_height(cross: &Cross<4>) -> Cross<3> {
    cross.without(2)
}

/// The sums of each effect and term, patient by patient.
fn pairs(table: &DataFrame) -> PolarsResult<Vec<(usize, usize, Cross<2>)>> {
    let (effects, terms) = (table.column("effect")?.u8()?, table.column("term")?.u8()?);
    let all = crosses::<2>(table)?;
    let pair = |at: usize| Some((effects.get(at)?.into(), terms.get(at)?.into(), all[at]));
    Ok(in_order(table)?.into_iter().filter_map(pair).collect())
}

fn fits(table: &DataFrame) -> PolarsResult<Vec<Cross<4>>> {
    let all = crosses::<4>(table)?;
    Ok(in_order(table)?.into_iter().map(|at| all[at]).collect())
}

/// The rows by patient.
fn in_order(table: &DataFrame) -> PolarsResult<Vec<usize>> {
    let patients = table.column("patient")?.str()?;
    let mut rows: Vec<usize> = (0..table.height()).collect();
    let name = |at: usize| patients.get(at).unwrap_or_default();
    rows.sort_by(|a, b| natural(name(*a), name(*b)));
    Ok(rows)
}
