//! The outcome columns of a study and their sums with the vitals, in a partial. The tables are
//! empty unless an object has such columns.

use sce_study::AnalysisError;

use crate::rules::cross::Cross;
use crate::rules::effects::{Effect, ObjectEffects, Pairs, PatientEffects, RULES, Term};
use crate::rules::separation::{ClassExtremes, RuleCounts};
use crate::rules::statistics::ObjectStatistics;
use crate::tables::rows::rows;

rows! {
    /// The visits of a patient that have both an outcome column and a term.
    struct PairRow['t] in "pairs" {
        patient: &'t str = Key,
        effect: Effect = Key,
        term: Term = Key,
        cross: Cross<2> = Sum,
    }
}

rows! {
    /// The visits of a patient that have TPain and all terms of its regression.
    struct FitRow['t] in "fits" {
        patient: &'t str = Key,
        cross: Cross<4> = Sum,
    }
}

rows! {
    /// Visits by rule and outcome; `rule` is a position in [`RULES`].
    struct RuleRow[] in "rules" {
        rule: u8 = Key,
        both: u64 = Sum,
        rule_only: u64 = Sum,
        effect_only: u64 = Sum,
        neither: u64 = Sum,
    }
}

rows! {
    /// The extremes of a term without and with an outcome.
    struct ExtremeRow[] in "extremes" {
        effect: Effect = Key,
        term: Term = Key,
        least_without: Option<i64> = Least,
        most_without: Option<i64> = Most,
        least_with: Option<i64> = Least,
        most_with: Option<i64> = Most,
    }
}

/// Returns the pairs and fits of the patients of an object.
pub fn of_patients(statistics: &ObjectStatistics) -> (Vec<PairRow<'_>>, Vec<FitRow<'_>>) {
    let patients: Vec<(&str, &PatientEffects)> = statistics
        .patients()
        .filter_map(|(name, kept)| Some((name, kept.effects.as_deref()?)))
        .collect();
    let mut pairs = Vec::new();
    for (patient, kept) in &patients {
        let all: Pairs = kept.pairs();
        for (effect, of_effect) in Effect::ALL.into_iter().zip(&all) {
            // A pair without visits gets no row.
            let some = Term::ALL.into_iter().zip(of_effect).filter(|(_, cross)| cross.n > 0);
            pairs.extend(some.map(|(term, cross)| PairRow {
                patient,
                effect,
                term,
                cross: *cross,
            }));
        }
    }
    let fits = patients.iter().filter(|(_, kept)| kept.fit.n > 0);
    (pairs, fits.map(|(patient, kept)| FitRow { patient, cross: kept.fit }).collect())
}

/// Returns the rules and extremes of an object.
pub fn of_object(effects: Option<&ObjectEffects>) -> (Vec<RuleRow>, Vec<ExtremeRow>) {
    let Some(effects) = effects else { return (Vec::new(), Vec::new()) };
    let rules = (0_u8..).zip(&effects.rules).map(|(rule, of)| RuleRow {
        rule,
        both: of[0],
        rule_only: of[1],
        effect_only: of[2],
        neither: of[3],
    });
    // Only an outcome that is 0 or 1 has classes that can be separated.
    let binary = Effect::ALL.into_iter().zip(&effects.extremes).filter(|(of, _)| of.is_binary());
    let extremes = binary.flat_map(|(effect, of)| {
        Term::ALL.into_iter().zip(of).map(move |(term, [without, with])| ExtremeRow {
            effect,
            term,
            least_without: without.map(|of| of.0),
            most_without: without.map(|of| of.1),
            least_with: with.map(|of| of.0),
            most_with: with.map(|of| of.1),
        })
    });
    (rules.collect(), extremes.collect())
}

/// Returns the counts of each rule, as [`RULES`]; `None` if no object had outcome columns.
///
/// # Errors
/// A row names a rule that does not exist.
pub fn rule_counts(rows: &[RuleRow]) -> Result<Option<[RuleCounts; RULES.len()]>, AnalysisError> {
    let mut all = [RuleCounts::default(); RULES.len()];
    for row in rows {
        let counts = all.get_mut(usize::from(row.rule)).ok_or_else(|| {
            AnalysisError::damaged(
                "table rules, column rule: a row names a rule that does not exist",
            )
        })?;
        *counts = [row.both, row.rule_only, row.effect_only, row.neither];
    }
    // An object with outcome columns has a row for every rule.
    Ok((!rows.is_empty()).then_some(all))
}

/// Returns the extremes of each outcome column and term.
pub fn class_extremes(rows: &[ExtremeRow]) -> [[ClassExtremes; Term::COUNT]; Effect::COUNT] {
    let mut all = [[ClassExtremes::default(); Term::COUNT]; Effect::COUNT];
    for row in rows {
        all[usize::from(row.effect.code())][usize::from(row.term.code())] =
            [row.least_without.zip(row.most_without), row.least_with.zip(row.most_with)];
    }
    all
}
