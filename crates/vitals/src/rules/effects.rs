//! The outcome columns of a study (BaseE, TPain and DK of the pseudo-data), and their sums with
//! the vitals.
//!
//! Used by [`crate::rules::statistics::ObjectStatistics`] for objects that have such columns.
//! Everything is a count, an exact sum or an extreme; [`crate::rules::regression`] computes the
//! results.

use crate::rules::conversion::Conversion;
use crate::rules::cross::Cross;
use crate::rules::fixed::Fixed;
use crate::rules::reading::Reading;
use crate::rules::separation::{ClassExtremes, RuleCounts, widen};
use crate::rules::vital::Vital;

/// An outcome column: what was bought at a visit. Partials store the discriminants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Effect {
    /// Whether a record of Basie was bought: 0 or 1.
    BaseE = 0,
    /// How much of T-Pain was bought: a number.
    TPain = 1,
    /// Whether a record of the Dead Kennedys was bought: 0 or 1.
    Dk = 2,
}

impl Effect {
    /// The number of outcome columns.
    pub const COUNT: usize = 3;
    /// All of them, in the order of every output.
    pub const ALL: [Self; Self::COUNT] = [Self::BaseE, Self::TPain, Self::Dk];

    /// Returns the name of the column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BaseE => "BaseE",
            Self::TPain => "TPain",
            Self::Dk => "DK",
        }
    }

    /// Returns the number that partials store.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the outcome column of a stored number, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// True if it is 0 or 1 and not an amount.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        !matches!(self, Self::TPain)
    }

    /// Returns the value of a cell, if the column can have it.
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

/// The outcome columns of one visit.
pub type EffectValues = [Option<Fixed>; Effect::COUNT];

/// A variable that an outcome column is correlated with. Partials store [`Term::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// A vital.
    Vital(Vital),
    /// Systolic minus diastolic pressure.
    PulsePressure,
    /// The height that follows from weight and body mass index: whole inches, in cm.
    HeightDerived,
}

impl Term {
    /// The number of terms.
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

    /// Returns the name used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vital(vital) => vital.name(),
            Self::PulsePressure => "pulse_pressure",
            Self::HeightDerived => "height_derived",
        }
    }

    /// Returns the number that partials store: the position in [`Term::ALL`].
    #[must_use]
    pub fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|term| *term == self);
        place.and_then(|place| u8::try_from(place).ok()).expect("every term is in ALL")
    }

    /// Returns the term of a stored number, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
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

/// Solves index = 703 · lb / in² for the inches, which were whole numbers.
#[inline]
fn height(weight: Fixed, bmi: Fixed) -> Option<Fixed> {
    let pounds = weight.units() / Conversion::PoundsToKilograms.apply(1.0);
    let inches = (703.0 * pounds / bmi.units()).sqrt();
    // The index was rounded, so the inches are not quite whole.
    Fixed::from_units(Conversion::InchesToCentimetres.apply((inches + 0.5).floor()))
}

/// A rule that may determine an outcome column; partials store its position in [`RULES`].
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The outcome column.
    pub effect: Effect,
    /// The rule in words.
    pub name: &'static str,
    /// Whether it holds at a visit; `None` if a vital is missing.
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
    // Compared in steps, so that limit and readings round in the same way.
    let limit = Fixed::from_units(Conversion::FahrenheitToCelsius.apply(97.4))?;
    Some(values[Vital::Temperature.index()]? < limit)
}

fn is_lighter_than_150(values: &Values) -> Option<bool> {
    let limit = Fixed::from_units(Conversion::PoundsToKilograms.apply(150.0))?;
    Some(values[Vital::Weight.index()]? < limit)
}

/// Positions of the terms of the regression of TPain.
const BREATHS: usize = 3;
const OXYGEN: usize = 4;
const HEIGHT: usize = 9;

/// The sums of one patient's visits.
#[derive(Debug, Clone, Default)]
pub struct PatientEffects {
    /// Visits that lack a value, per outcome column and term.
    partial: Pairs,
    /// Visits that have all outcome columns and all terms.
    complete: Complete,
    /// Respiratory rate, SpO2, height and TPain: visits with all four.
    pub fit: Cross<4>,
}

/// Per outcome column and term, the term first: visits with both.
pub type Pairs = [[Cross<2>; Term::COUNT]; Effect::COUNT];

impl PatientEffects {
    /// Returns the visits of every pair.
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

/// Sums of visits that lack nothing. Most visits are such, and a pair then shares all but one of
/// its sums with other pairs.
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
            // Most outcomes are 0, and add nothing.
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

/// The counts and extremes of one object, over all its patients.
#[derive(Debug, Clone, Default)]
pub struct ObjectEffects {
    /// The counts of [`RULES`].
    pub rules: [RuleCounts; RULES.len()],
    /// Per outcome column (of those that are 0 or 1) and term.
    pub extremes: [[ClassExtremes; Term::COUNT]; Effect::COUNT],
}

impl ObjectEffects {
    /// Adds a visit of a patient.
    pub(super) fn add_visit(
        &mut self,
        patient: &mut PatientEffects,
        values: &[Option<Fixed>; Vital::COUNT],
        effects: &EffectValues,
    ) {
        let terms = Term::ALL.map(|term| term.of(values));
        if terms.iter().all(Option::is_some) && effects.iter().all(Option::is_some) {
            // All are present: the default is never used.
            let steps = |value: Option<Fixed>| value.map_or(0, Fixed::steps);
            patient.complete.add(&terms.map(steps), &effects.map(steps));
            self.widen_all(&terms, effects);
        } else {
            self.add_pairs(patient, &terms, effects);
        }
        self.count_rules(values, effects);
        if let (Some(breaths), Some(oxygen), Some(height), Some(pain)) =
            (terms[BREATHS], terms[OXYGEN], terms[HEIGHT], effects[Effect::TPain as usize])
        {
            patient.fit.add([breaths, oxygen, height, pain]);
        }
    }

    fn add_pairs(
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

#[cfg(test)]
mod tests;
