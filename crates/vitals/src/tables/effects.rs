//! The tables of a partial about effects and what they go with.
//!
//! Used by [`crate::tables::patients`], [`crate::tables::objects`], [`crate::partial::merge`]
//! and [`crate::partial::codec`]; read by [`crate::results::effect_fits`]. They are empty unless an object has columns of
//! effects. Sums are exact, so that a merge is a group-by.
//!
//! | table | one row per | columns besides the key |
//! |---|---|---|
//! | `pairs` | patient, effect, term | count, sums and products of both |
//! | `fits` | patient | the same of the terms of TPain and itself |
//! | `rules` | rule | visits by rule and effect |
//! | `extremes` | effect, term | extremes without and with the effect |

use crate::rules::cross::Cross;
use crate::rules::statistics::ObjectStatistics;
use polars::prelude::*;

use crate::rules::effects::{
    ClassExtremes, Effect, Pairs, PatientEffects, RULES, RuleCounts, Term,
};
use crate::tables::column::{counts, small_numbers, sums, table, texts, times};
use crate::tables::groups::{Groups, Merged, least, most, sum};

const RULE_COUNTS: [&str; 4] = ["both", "rule_only", "effect_only", "neither"];
/// Least and greatest, without and with the effect.
pub const EXTREMES: [[&str; 2]; 2] =
    [["least_without", "most_without"], ["least_with", "most_with"]];

/// A pair of an effect and a term.
type Pair<'a> = (&'a str, Effect, usize, &'a Cross<2>);

/// `pairs` and `fits` of the patients of an object.
pub fn of_patients(statistics: &ObjectStatistics) -> (DataFrame, DataFrame) {
    let patients: Vec<(&str, &PatientEffects)> = statistics
        .patients()
        .filter_map(|(name, kept)| Some((name, kept.effects.as_deref()?)))
        .collect();
    let all: Vec<Pairs> = patients.iter().map(|(_, kept)| kept.pairs()).collect();
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for ((patient, _), kept) in patients.iter().zip(&all) {
        for (effect, of_effect) in Effect::ALL.into_iter().zip(kept) {
            let some = of_effect.iter().enumerate().filter(|(_, cross)| cross.n > 0);
            pairs.extend(some.map(|(term, cross)| (*patient, effect, term, cross)));
        }
    }
    let fits = patients.iter().filter(|(_, kept)| kept.fit.n > 0);
    let fits: Vec<(&str, &Cross<4>)> = fits.map(|(name, kept)| (*name, &kept.fit)).collect();
    (pairs_table(&pairs), fits_table(&fits))
}

/// `rules` and `extremes` of an object.
pub fn of_object(statistics: &ObjectStatistics) -> (DataFrame, DataFrame) {
    let (rules, extremes) = statistics
        .effects()
        .map_or((&[][..], &[][..]), |effects| (&effects.rules[..], &effects.extremes[..]));
    (rules_table(rules), extremes_table(extremes))
}

/// Each patient, effect and term once.
pub fn merge_pairs(table: &DataFrame) -> PolarsResult<DataFrame> {
    added_up(table, &["patient", "effect", "term"])
}

/// Each patient once.
pub fn merge_fits(table: &DataFrame) -> PolarsResult<DataFrame> {
    added_up(table, &["patient"])
}

/// Each rule once.
pub fn merge_rules(table: &DataFrame) -> PolarsResult<DataFrame> {
    added_up(table, &["rule"])
}

/// Each effect and term once.
pub fn merge_extremes(table: &DataFrame) -> PolarsResult<DataFrame> {
    let [without, with] = EXTREMES.map(|[of_least, of_most]| [least(of_least), most(of_most)]);
    Groups::by(table, &["effect", "term"])?.merged([without, with].as_flattened())
}

/// All columns but the keys, which are the first, are sums.
fn added_up(table: &DataFrame, keys: &[&str]) -> PolarsResult<DataFrame> {
    let names = table.get_column_names();
    let sums: Vec<Merged<'_>> = names[keys.len()..].iter().map(|name| sum(name)).collect();
    Groups::by(table, keys)?.merged(&sums)
}

/// True if patients within the limits could have these.
pub fn are_possible_of_patients(pairs: &DataFrame, fits: &DataFrame) -> PolarsResult<bool> {
    Ok(are_pairs(pairs)?
        && crosses::<2>(pairs)?.iter().all(Cross::is_possible)
        && crosses::<4>(fits)?.iter().all(Cross::is_possible))
}

/// True if objects could have these.
pub fn are_possible_of_objects(rules: &DataFrame, extremes: &DataFrame) -> PolarsResult<bool> {
    Ok(are_pairs(extremes)? && are_below(rules, "rule", RULES.len())?)
}

fn are_pairs(table: &DataFrame) -> PolarsResult<bool> {
    Ok(are_below(table, "effect", Effect::COUNT)? && are_below(table, "term", Term::COUNT)?)
}

fn are_below(table: &DataFrame, name: &str, limit: usize) -> PolarsResult<bool> {
    let numbers = table.column(name)?.u8()?;
    Ok(numbers.iter().flatten().all(|number| usize::from(number) < limit))
}

pub fn pairs_table(rows: &[Pair<'_>]) -> DataFrame {
    let mut columns = vec![
        texts("patient", rows.iter().map(|(patient, ..)| *patient)),
        small_numbers("effect", rows.iter().map(|(_, effect, ..)| *effect as usize)),
        small_numbers("term", rows.iter().map(|(_, _, term, _)| *term)),
    ];
    columns.extend(cross_columns(|| rows.iter().map(|(.., cross)| *cross)));
    table(columns)
}

pub fn fits_table(rows: &[(&str, &Cross<4>)]) -> DataFrame {
    let mut columns = vec![texts("patient", rows.iter().map(|(patient, _)| *patient))];
    columns.extend(cross_columns(|| rows.iter().map(|(_, cross)| *cross)));
    table(columns)
}

pub fn rules_table(rows: &[RuleCounts]) -> DataFrame {
    let mut columns = vec![small_numbers("rule", 0..rows.len())];
    for (at, name) in RULE_COUNTS.into_iter().enumerate() {
        columns.push(counts(name, rows.iter().map(|of_rule| of_rule[at])));
    }
    table(columns)
}

pub fn extremes_table(rows: &[[ClassExtremes; Term::COUNT]]) -> DataFrame {
    let all = || {
        let binary = rows.iter().enumerate().filter(|(at, _)| Effect::ALL[*at].is_binary());
        binary.flat_map(|(effect, of)| of.iter().enumerate().map(move |(t, e)| (effect, t, e)))
    };
    let mut columns = vec![
        small_numbers("effect", all().map(|(effect, ..)| effect)),
        small_numbers("term", all().map(|(_, term, _)| term)),
    ];
    for (class, [least, most]) in EXTREMES.into_iter().enumerate() {
        columns.push(times(least, all().map(|(.., of)| of[class].map(|of| of.0))));
        columns.push(times(most, all().map(|(.., of)| of[class].map(|of| of.1))));
    }
    table(columns)
}

fn cross_columns<'a, const N: usize, I: Iterator<Item = &'a Cross<N>>>(
    rows: impl Fn() -> I,
) -> Vec<Column> {
    let mut columns = vec![counts("n", rows().map(|cross| cross.n))];
    for a in 0..N {
        columns.push(sums(&format!("sum_{a}"), rows().map(|cross| cross.sums[a])));
        for b in a..N {
            let name = format!("product_{a}{b}");
            columns.push(sums(&name, rows().map(|cross| cross.products[a][b])));
        }
    }
    columns
}

/// The sums in a table, row by row.
pub fn crosses<const N: usize>(table: &DataFrame) -> PolarsResult<Vec<Cross<N>>> {
    let n = table.column("n")?.u64()?;
    let mut crosses: Vec<Cross<N>> =
        n.iter().map(|n| Cross { n: n.unwrap_or(0), ..Cross::default() }).collect();
    for a in 0..N {
        let column = table.column(&format!("sum_{a}"))?.i128()?;
        for (cross, sum) in crosses.iter_mut().zip(column.iter()) {
            cross.sums[a] = sum.unwrap_or(0);
        }
        for b in a..N {
            let column = table.column(&format!("product_{a}{b}"))?.i128()?;
            for (cross, product) in crosses.iter_mut().zip(column.iter()) {
                cross.products[a][b] = product.unwrap_or(0);
            }
        }
    }
    Ok(crosses)
}

/// The counts of each rule, as [`RULES`]; `None` if no object had effects.
pub fn rule_counts(table: &DataFrame) -> PolarsResult<Option<[RuleCounts; RULES.len()]>> {
    let mut all = [RuleCounts::default(); RULES.len()];
    for (at, rule) in table.column("rule")?.u8()?.iter().enumerate() {
        let Some(counts) = rule.and_then(|rule| all.get_mut(usize::from(rule))) else { continue };
        for (count, name) in counts.iter_mut().zip(RULE_COUNTS) {
            *count = table.column(name)?.u64()?.get(at).unwrap_or(0);
        }
    }
    Ok((table.height() > 0).then_some(all))
}

/// The extremes of each effect and term.
pub fn class_extremes(
    table: &DataFrame,
) -> PolarsResult<[[ClassExtremes; Term::COUNT]; Effect::COUNT]> {
    let mut all = [[ClassExtremes::default(); Term::COUNT]; Effect::COUNT];
    let keys = table.column("effect")?.u8()?.iter().zip(table.column("term")?.u8()?.iter());
    for (at, key) in keys.enumerate() {
        let (Some(effect), Some(term)) = key else { continue };
        let place = all.get_mut(usize::from(effect)).and_then(|of| of.get_mut(usize::from(term)));
        let Some(place) = place else { continue };
        for (class, [least, most]) in place.iter_mut().zip(EXTREMES) {
            let of = |name: &str| PolarsResult::Ok(table.column(name)?.i64()?.get(at));
            *class = of(least)?.zip(of(most)?);
        }
    }
    Ok(all)
}
