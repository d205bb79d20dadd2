//! The effects of the pseudo-data (BaseE, TPain, DK) and what goes with them.
//!
//! Used by [`crate::rules::statistics::ObjectStatistics`] for objects that have such columns.
//! Everything is a count, an exact sum or an extreme; what they amount to is
//! in [`crate::rules::regression`].

use crate::rules::cross::Cross;
use crate::rules::fixed::Fixed;
use crate::rules::reading::Reading;
use crate::rules::unit::Conversion;
use crate::rules::vital::Vital;

/// What was bought at a visit; the discriminants are written into partials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Effect {
    /// Whether a record of Basie: 0 or 1.
    BaseE = 0,
    /// How much T-Pain: a number.
    TPain = 1,
    /// Whether the Dead Kennedys: 0 or 1.
    Dk = 2,
}

impl Effect {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, in the order of every output.
    pub const ALL: [Self; Self::COUNT] = [Self::BaseE, Self::TPain, Self::Dk];

    /// The name of its column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BaseE => "BaseE",
            Self::TPain => "TPain",
            Self::Dk => "DK",
        }
    }

    /// True if it happens or not, and has no amount.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        !matches!(self, Self::TPain)
    }

    /// The value of a cell, if it can be one.
    #[must_use]
    #[inline]
    pub fn value(self, reading: Reading) -> Option<Fixed> {
        let Reading::Value(value) = reading else { return None };
        if self.is_binary() && value != 0.0 && value != 1.0 {
            return None;
        }
        Fixed::from_units(value)
    }
}

/// The effects of one visit.
pub type EffectValues = [Option<Fixed>; Effect::COUNT];

/// What an effect may go with; the discriminants are written into partials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// A vital.
    Vital(Vital),
    /// Systolic less diastolic pressure.
    PulsePressure,
    /// The height that weight and body mass index give: whole inches, in cm.
    HeightDerived,
}

impl Term {
    /// How many there are.
    pub const COUNT: usize = 10;
    /// All of them, in the order of every output.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Vital(Vital::SystolicBp),
        Self::Vital(Vital::DiastolicBp),
        Self::Vital(Vital::HeartRate),
        Self::Vital(Vital::RespiratoryRate),
        Self::Vital(Vital::Spo2),
        Self::Vital(Vital::Temperature),
        Self::Vital(Vital::Weight),
        Self::Vital(Vital::Bmi),
        Self::PulsePressure,
        Self::HeightDerived,
    ];

    /// The name in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vital(vital) => vital.name(),
            Self::PulsePressure => "pulse_pressure",
            Self::HeightDerived => "height_derived",
        }
    }

    #[inline]
    fn of(self, values: &[Option<Fixed>; Vital::COUNT]) -> Option<Fixed> {
        let value = |vital: Vital| values[vital.index()];
        match self {
            Self::Vital(vital) => value(vital),
            Self::PulsePressure => {
                let (high, low) = (value(Vital::SystolicBp)?, value(Vital::DiastolicBp)?);
                Some(Fixed::from_steps(high.steps() - low.steps()))
            }
            Self::HeightDerived => height(value(Vital::Weight)?, value(Vital::Bmi)?),
        }
    }
}

/// Index 703 · lb / in² solved for the inches, which were whole ones.
#[inline]
fn height(weight: Fixed, bmi: Fixed) -> Option<Fixed> {
    let pounds = weight.units() / Conversion::PoundsToKilograms.apply(1.0);
    let inches = (703.0 * pounds / bmi.units()).sqrt();
    Fixed::from_units(Conversion::InchesToCentimetres.apply((inches + 0.5).floor()))
}

/// A rule by which an effect may come about; the order is the stored one.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The effect.
    pub effect: Effect,
    /// The rule in words.
    pub name: &'static str,
    /// True where it holds; nothing if a vital is missing.
    holds: fn(&[Option<Fixed>; Vital::COUNT]) -> Option<bool>,
}

type Values = [Option<Fixed>; Vital::COUNT];

/// The rules that are counted: each condition alone, then all together.
pub const RULES: [Rule; 7] = [
    Rule { effect: Effect::BaseE, name: "heart_rate 59-61", holds: pulse_is_59_to_61 },
    Rule { effect: Effect::BaseE, name: "pulse_pressure > 30", holds: pulse_pressure_is_over_30 },
    Rule { effect: Effect::BaseE, name: "bmi < 22", holds: bmi_is_under_22 },
    Rule {
        effect: Effect::BaseE,
        name: "all three",
        holds: |values| {
            let three = [
                pulse_is_59_to_61(values)?,
                pulse_pressure_is_over_30(values)?,
                bmi_is_under_22(values)?,
            ];
            Some(three == [true; 3])
        },
    },
    Rule { effect: Effect::Dk, name: "temperature < 97.4 degF", holds: is_cooler_than_97_4 },
    Rule { effect: Effect::Dk, name: "weight < 150 lb", holds: is_lighter_than_150 },
    Rule {
        effect: Effect::Dk,
        name: "both",
        holds: |values| Some(is_cooler_than_97_4(values)? & is_lighter_than_150(values)?),
    },
];

fn pulse_is_59_to_61(values: &Values) -> Option<bool> {
    Some((59.0..=61.0).contains(&values[Vital::HeartRate.index()]?.units()))
}

fn pulse_pressure_is_over_30(values: &Values) -> Option<bool> {
    Some(Term::PulsePressure.of(values)?.units() > 30.0)
}

fn bmi_is_under_22(values: &Values) -> Option<bool> {
    Some(values[Vital::Bmi.index()]?.units() < 22.0)
}

fn is_cooler_than_97_4(values: &Values) -> Option<bool> {
    let limit = Fixed::from_units(Conversion::FahrenheitToCelsius.apply(97.4))?;
    Some(values[Vital::Temperature.index()]? < limit)
}

fn is_lighter_than_150(values: &Values) -> Option<bool> {
    let limit = Fixed::from_units(Conversion::PoundsToKilograms.apply(150.0))?;
    Some(values[Vital::Weight.index()]? < limit)
}

/// Places of the terms that make TPain.
const BREATHS: usize = 3;
const OXYGEN: usize = 4;
const HEIGHT: usize = 9;

/// Visits by rule and effect: both, the rule only, the effect only, neither.
pub type RuleCounts = [u64; 4];

/// The least and the greatest value of a term, without and with an effect.
pub type ClassExtremes = [Option<(i64, i64)>; 2];

/// What is kept of one patient.
#[derive(Debug, Clone, Default)]
pub struct PatientEffects {
    /// Visits that lack something, per effect and term.
    partial: Pairs,
    /// Visits that have all effects and all terms.
    complete: Complete,
    /// Respiratory rate, SpO2, height and TPain: visits with all four.
    pub fit: Cross<4>,
}

/// Per effect and term, the term first: visits with both.
pub type Pairs = [[Cross<2>; Term::COUNT]; Effect::COUNT];

impl PatientEffects {
    /// Every pair's visits.
    #[must_use]
    pub fn pairs(&self) -> Pairs {
        let mut pairs = self.partial;
        for (effect, of_effect) in pairs.iter_mut().enumerate() {
            for (term, pair) in of_effect.iter_mut().enumerate() {
                *pair = pair.merged(&self.complete.pair(effect, term));
            }
        }
        pairs
    }
}

/// Sums of visits that lack nothing: most do, and then a pair shares all but
/// one of its sums with others.
#[derive(Debug, Clone, Default)]
struct Complete {
    n: u64,
    terms: [[i128; 2]; Term::COUNT],
    effects: [[i128; 2]; Effect::COUNT],
    products: [[i128; Term::COUNT]; Effect::COUNT],
}

impl Complete {
    #[inline]
    fn add(&mut self, terms: &[i64; Term::COUNT], effects: &[i64; Effect::COUNT]) {
        self.n += 1;
        for (sums, steps) in self.terms.iter_mut().zip(terms.map(i128::from)) {
            sums[0] += steps;
            sums[1] += steps * steps;
        }
        let effects = self.effects.iter_mut().zip(&mut self.products).zip(effects.map(i128::from));
        for ((sums, products), steps) in effects {
            if steps == 0 {
                continue;
            }
            sums[0] += steps;
            sums[1] += steps * steps;
            for (product, term) in products.iter_mut().zip(terms.map(i128::from)) {
                *product += term * steps;
            }
        }
    }

    fn pair(&self, effect: usize, term: usize) -> Cross<2> {
        let ([x, xx], [y, yy]) = (self.terms[term], self.effects[effect]);
        Cross { n: self.n, sums: [x, y], products: [[xx, self.products[effect][term]], [0, yy]] }
    }
}

/// What is kept of one object beside its patients.
#[derive(Debug, Clone, Default)]
pub struct ObjectEffects {
    /// As [`RULES`].
    pub rules: [RuleCounts; RULES.len()],
    /// Per effect (of those that happen or not) and term.
    pub extremes: [[ClassExtremes; Term::COUNT]; Effect::COUNT],
}

impl ObjectEffects {
    /// Takes a visit of a patient in.
    pub(super) fn take_in(
        &mut self,
        patient: &mut PatientEffects,
        values: &[Option<Fixed>; Vital::COUNT],
        effects: &EffectValues,
    ) {
        let terms = Term::ALL.map(|term| term.of(values));
        if terms.iter().all(Option::is_some) && effects.iter().all(Option::is_some) {
            let steps = |value: Option<Fixed>| value.map_or(0, Fixed::steps);
            patient.complete.add(&terms.map(steps), &effects.map(steps));
            self.widen_all(&terms, effects);
        } else {
            self.take_pairs_in(patient, &terms, effects);
        }
        self.count_rules(values, effects);
        if let (Some(breaths), Some(oxygen), Some(height), Some(pain)) =
            (terms[BREATHS], terms[OXYGEN], terms[HEIGHT], effects[Effect::TPain as usize])
        {
            patient.fit.add([breaths, oxygen, height, pain]);
        }
    }

    fn take_pairs_in(
        &mut self,
        patient: &mut PatientEffects,
        terms: &[Option<Fixed>; Term::COUNT],
        effects: &EffectValues,
    ) {
        for (effect, value) in Effect::ALL.into_iter().zip(effects) {
            let Some(value) = *value else { continue };
            for (at, term) in terms.iter().enumerate() {
                let Some(term) = *term else { continue };
                patient.partial[effect as usize][at].add([term, value]);
            }
        }
        self.widen_all(terms, effects);
    }

    fn widen_all(&mut self, terms: &[Option<Fixed>; Term::COUNT], effects: &EffectValues) {
        for effect in Effect::ALL.into_iter().filter(|effect| effect.is_binary()) {
            let Some(value) = effects[effect as usize] else { continue };
            let class = usize::from(value.steps() > 0);
            for (extremes, term) in self.extremes[effect as usize].iter_mut().zip(terms) {
                if let Some(term) = term {
                    widen(&mut extremes[class], term.steps());
                }
            }
        }
    }

    fn count_rules(&mut self, values: &Values, effects: &EffectValues) {
        for (rule, counts) in RULES.iter().zip(&mut self.rules) {
            if let (Some(effect), Some(holds)) =
                (effects[rule.effect as usize], (rule.holds)(values))
            {
                let place = match (holds, effect.steps() > 0) {
                    (true, true) => 0,
                    (true, false) => 1,
                    (false, true) => 2,
                    (false, false) => 3,
                };
                counts[place] += 1;
            }
        }
    }
}

fn widen(extremes: &mut Option<(i64, i64)>, value: i64) {
    let (least, most) = extremes.unwrap_or((value, value));
    *extremes = Some((least.min(value), most.max(value)));
}

/// Whether a term tells an effect's two classes apart: then a logistic
/// regression of the one on the other has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    /// The classes have no value between them in common.
    Complete,
    /// They meet in one value.
    QuasiComplete,
    /// They overlap.
    None,
}

impl Separation {
    /// Of the extremes of both classes; nothing if a class has none.
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

    /// The word in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::QuasiComplete => "quasi-complete",
            Self::None => "none",
        }
    }
}

/// The odds ratio of a rule and its effect.
///
/// # Errors
/// The words that stand in its place.
#[allow(clippy::cast_precision_loss)]
pub fn odds_ratio([both, rule, effect, neither]: RuleCounts) -> Result<f64, &'static str> {
    let varies = |a: u64, b: u64| a > 0 && b > 0;
    if [both, rule, effect, neither] == [0; 4] {
        Err("not computed: no visits")
    } else if !varies(both + rule, effect + neither) || !varies(both + effect, rule + neither) {
        Err("not computed: does not vary")
    } else if [both, rule, effect, neither].contains(&0) {
        Err("not computed: separation")
    } else {
        Ok((both as f64 / rule as f64) * (neither as f64 / effect as f64))
    }
}

#[cfg(test)]
mod tests;
