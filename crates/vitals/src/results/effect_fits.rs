//! The regressions behind `effects.csv`, in two passes over the patients.
//!
//! Used when results are delivered: [`EffectTotals`] adds up all patients, then [`EffectFits`]
//! adds them once more for the errors; neither may hold a patient. Patients come in natural
//! order, so that floating-point sums over them do not depend on how objects were packed.

use crate::rules::cross::Cross;
use crate::rules::effects::{Effect, RULES, Term};
use crate::rules::regression::{Fitting, NotComputed, Totals};
use crate::rules::separation::odds_ratio;

use crate::results::associations::{
    Association, Associations, FIT, RuleLine, correlation_row, regression_lines, separation_row,
};
use crate::tables::effects::{ExtremeRow, FitRow, PairRow, RuleRow, class_extremes, rule_counts};
use crate::tables::natural::natural;
use crate::tables::objects::ObjectTables;
use crate::tables::patients::PatientTables;
use crate::tables::rows::Row;
use sce_study::AnalysisError;

/// The first pass.
pub struct EffectTotals {
    /// By outcome column and term.
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

    /// Adds the next patients.
    pub fn take(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        for PairRow { effect, term, cross, .. } in pairs(tables)? {
            self.pairs[effect as usize][usize::from(term.code())].take(&cross);
        }
        for FitRow { cross, .. } in fits(tables)? {
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
    /// Adds the next patients once more.
    pub fn take(&mut self, tables: &PatientTables) -> Result<(), AnalysisError> {
        for PairRow { effect, term, cross, .. } in pairs(tables)? {
            let fitting = &mut self.pairs[effect as usize][usize::from(term.code())];
            // A regression that was not computed needs no errors.
            if let Ok(fitting) = fitting {
                fitting.take(&cross);
            }
        }
        for FitRow { cross, .. } in fits(tables)? {
            if let Ok(fitting) = &mut self.over {
                fitting.take(&cross);
            }
            if let Ok(fitting) = &mut self.within {
                fitting.take(&without_height(&cross));
            }
        }
        Ok(())
    }

    /// Returns both tables; empty if no object has outcome columns.
    pub fn finish(&self, objects: &ObjectTables) -> Result<Associations, AnalysisError> {
        let Some(counts) = rule_counts(&RuleRow::read(&objects.rules)?)? else {
            return Ok(Associations::default());
        };
        let rules = RULES.iter().zip(counts).map(|(rule, counts)| RuleLine {
            effect: rule.effect,
            rule: rule.name,
            counts,
            odds_ratio: odds_ratio(counts),
        });
        let extremes = class_extremes(&ExtremeRow::read(&objects.extremes)?);
        let mut lines = Vec::new();
        for effect in Effect::ALL {
            let at = effect as usize;
            let of_terms = self.totals.pairs[at].iter().zip(&self.pairs[at]);
            let correlations: Vec<Association> = Term::ALL
                .into_iter()
                .zip(of_terms)
                .map(|(term, (totals, fitting))| correlation_row(effect, term, totals, fitting))
                .collect();
            let more: Vec<Association> = if effect.is_binary() {
                let of_terms = correlations.iter().zip(&extremes[at]);
                of_terms.map(|(line, classes)| separation_row(line, classes)).collect()
            } else {
                self.regressions(effect)
            };
            lines.extend(correlations.into_iter().chain(more));
        }
        Ok(Associations { lines, rules: rules.collect() })
    }

    /// Returns the regressions of TPain: over all visits, then within patients.
    fn regressions(&self, effect: Effect) -> Vec<Association> {
        let all = (self.totals.over.visits(), self.totals.over.patients());
        let over = self.over.as_ref().map(Fitting::finish).map_err(|why| *why);
        let over = regression_lines(effect, "ols", &FIT, all, over);
        let within = self.within.as_ref().map(Fitting::finish).map_err(|why| *why);
        let within = regression_lines(effect, "ols_within", &FIT[1..3], all, within);
        over.into_iter().chain(within).collect()
    }
}

/// Drops the height, which does not change within a patient.
fn without_height(cross: &Cross<4>) -> Cross<3> {
    cross.without(2)
}

/// Reads the pairs, patient by patient.
fn pairs(tables: &PatientTables) -> Result<Vec<PairRow<'_>>, AnalysisError> {
    let mut rows = PairRow::read(&tables.pairs)?;
    // The tables have no order of their own, but floating-point sums need one.
    rows.sort_by(|a, b| natural(a.patient, b.patient));
    Ok(rows)
}

/// Reads the fits, patient by patient.
fn fits(tables: &PatientTables) -> Result<Vec<FitRow<'_>>, AnalysisError> {
    let mut rows = FitRow::read(&tables.fits)?;
    rows.sort_by(|a, b| natural(a.patient, b.patient));
    Ok(rows)
}
