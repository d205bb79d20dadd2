//! Outcome columns and rules at their limits.

use super::*;
use crate::rules::separation::Separation;

fn values(of: &[(Vital, f64)]) -> Values {
    let mut values = [None; Vital::COUNT];
    for (vital, value) in of {
        values[vital.index()] = Fixed::from_units(*value);
    }
    values
}

fn holds(rule: &str, of: &[(Vital, f64)]) -> Option<bool> {
    let rule = RULES.iter().find(|one| one.name == rule).expect("a rule");
    (rule.holds)(&values(of))
}

#[test]
fn a_cell_is_an_outcome_only_if_the_column_can_have_it() {
    let value = |effect: Effect, value| effect.value(Reading::Value(value)).map(Fixed::units);
    assert_eq!(value(Effect::BaseE, 1.0), Some(1.0));
    assert_eq!((value(Effect::BaseE, 2.0), value(Effect::Dk, 0.5)), (None, None));
    assert_eq!((value(Effect::TPain, -7.25), value(Effect::TPain, 1e6)), (Some(-7.25), None));
    assert_eq!(Effect::Dk.value(Reading::Missing), None);
}

#[test]
fn height_comes_back_in_whole_inches() {
    for inches in 48..=84 {
        for pounds in [98.0, 150.0, 321.0] {
            let bmi = 703.0 * pounds / f64::from(inches * inches);
            // As files have it: two decimals.
            for bmi in [bmi, (bmi * 100.0).round() / 100.0] {
                let of = values(&[(Vital::Weight, pounds * 0.453_592_37), (Vital::Bmi, bmi)]);
                let height = Fixed::from_units(f64::from(inches) * 2.54);
                assert_eq!(Term::HeightDerived.of(&of), height, "{inches} in, {pounds} lb");
            }
        }
    }
    assert_eq!(Term::HeightDerived.of(&values(&[(Vital::Weight, 70.0)])), None);
    let none = values(&[(Vital::Weight, 70.0), (Vital::Bmi, 0.0)]);
    assert_eq!(Term::HeightDerived.of(&none), None);
}

#[test]
fn rules_at_their_limits() {
    for (pulse, expected) in [(58.0, false), (59.0, true), (61.0, true), (62.0, false)] {
        assert_eq!(holds("heart_rate 59-61", &[(Vital::HeartRate, pulse)]), Some(expected));
    }
    let pressures = |low| [(Vital::SystolicBp, 120.0), (Vital::DiastolicBp, low)];
    assert_eq!(holds("pulse_pressure > 30", &pressures(90.0)), Some(false));
    assert_eq!(holds("pulse_pressure > 30", &pressures(89.0)), Some(true));
    assert_eq!(holds("bmi < 22", &[(Vital::Bmi, 22.0)]), Some(false));
    let warm = |f: f64| [(Vital::Temperature, (f - 32.0) / 1.8)];
    assert_eq!(holds("temperature < 97.4 degF", &warm(97.4)), Some(false));
    assert_eq!(holds("temperature < 97.4 degF", &warm(97.39)), Some(true));
    let heavy = |lb: f64| [(Vital::Weight, lb * 0.453_592_37)];
    assert_eq!(holds("weight < 150 lb", &heavy(150.0)), Some(false));
    assert_eq!(holds("weight < 150 lb", &heavy(149.0)), Some(true));
    assert_eq!(holds("both", &[warm(97.0)[0], heavy(149.0)[0]]), Some(true));
    assert_eq!(holds("both", &warm(97.0)), None);
    let three =
        [(Vital::HeartRate, 60.0), (Vital::Bmi, 21.0), pressures(80.0)[0], pressures(80.0)[1]];
    assert_eq!(holds("all three", &three), Some(true));
    assert_eq!(holds("all three", &three[..3]), None);
}

#[test]
fn a_visit_counts_where_it_belongs() {
    let mut object = ObjectEffects::default();
    let mut patient = PatientEffects::default();
    let one = Fixed::from_units(1.0);
    let zero = Fixed::from_units(0.0);
    for (pulse, effects) in
        [(60.0, [one, None, None]), (70.0, [zero, None, one]), (80.0, [None, one, None])]
    {
        object.add_visit(&mut patient, &values(&[(Vital::HeartRate, pulse)]), &effects);
    }
    let counts = |effect: Effect| patient.pairs()[effect as usize].map(|pair| pair.n);
    assert_eq!(counts(Effect::BaseE), [0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counts(Effect::TPain), [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(object.rules[0], [1, 0, 0, 1]);
    assert_eq!(object.rules[1..], [[0; 4]; 6]);
    let extremes = &object.extremes[Effect::BaseE as usize][2];
    assert_eq!(Separation::of(extremes), Some(Separation::Complete));
    assert_eq!(Separation::of(&object.extremes[Effect::Dk as usize][2]), None);
}

#[test]
fn complete_visits_add_up_as_the_others_do() {
    let all = [
        (Vital::SystolicBp, 120.0),
        (Vital::DiastolicBp, 80.0),
        (Vital::HeartRate, 60.5),
        (Vital::RespiratoryRate, 15.0),
        (Vital::Spo2, 97.25),
        (Vital::Temperature, 37.1),
        (Vital::Weight, 70.0),
        (Vital::Bmi, 21.5),
    ];
    let fixed = Fixed::from_units;
    let effects = [fixed(1.0), fixed(-3.5), fixed(0.0)];
    let mut object = ObjectEffects::default();
    let mut patient = PatientEffects::default();
    object.add_visit(&mut patient, &values(&all), &effects);
    object.add_visit(&mut patient, &values(&all[1..]), &effects);
    let mut expected: Pairs = Pairs::default();
    for visit in [&all[..], &all[1..]] {
        for (term, at) in Term::ALL.into_iter().zip(0..) {
            let Some(x) = term.of(&values(visit)) else { continue };
            for (effect, y) in effects.into_iter().enumerate() {
                expected[effect][at].add([x, y.expect("a value")]);
            }
        }
    }
    assert_eq!(patient.pairs(), expected);
    assert_eq!((patient.complete.n, patient.fit.n), (1, 2));
    for (place, name) in
        [(BREATHS, "respiratory_rate"), (OXYGEN, "spo2"), (HEIGHT, "height_derived")]
    {
        assert_eq!(Term::ALL[place].name(), name);
    }
}

#[test]
fn every_effect_and_term_comes_back_from_its_code() {
    for effect in Effect::ALL {
        assert_eq!(Effect::from_code(effect.code()), Some(effect));
    }
    for term in Term::ALL {
        assert_eq!(Term::from_code(term.code()), Some(term));
    }
    assert_eq!((Effect::from_code(3), Term::from_code(10)), (None, None));
}
