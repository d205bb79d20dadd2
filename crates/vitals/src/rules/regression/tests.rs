//! Regressions compared with those of statsmodels, and those that cannot be computed.

use super::*;
use crate::rules::fixed::Fixed;
use proptest::prelude::*;

fn visits<const N: usize>(visits: &[[f64; N]]) -> Cross<N> {
    let mut cross = Cross::default();
    for visit in visits {
        cross.add(visit.map(|value| Fixed::from_units(value).expect("within the limit")));
    }
    cross
}

fn regress<const N: usize>(patients: &[Cross<N>]) -> Result<Regression<N>, NotComputed> {
    fit_all(Totals::across(), patients)
}

fn regress_within<const N: usize, const K: usize>(
    patients: &[Cross<N>],
) -> Result<Regression<K>, NotComputed> {
    fit_all(Totals::within(), patients)
}

fn fit_all<const N: usize, const K: usize>(
    mut totals: Totals<N, K>,
    patients: &[Cross<N>],
) -> Result<Regression<K>, NotComputed> {
    patients.iter().for_each(|patient| totals.take(patient));
    let mut fitting = totals.fit()?;
    patients.iter().for_each(|patient| fitting.take(patient));
    Ok(fitting.finish())
}

fn correlation(patients: &[Cross<2>]) -> Result<f64, NotComputed> {
    let mut totals = Totals::across();
    patients.iter().for_each(|patient| totals.take(patient));
    totals.correlation()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-10 * expected.abs(), "{found} {expected}");
}

fn errors<const K: usize>(found: &Regression<K>) -> [(f64, f64); K] {
    match found.sureness {
        Sureness::Errors(errors) => errors,
        other => panic!("{other:?}"),
    }
}

/// Three patients; x, z, y at each of three visits.
fn three() -> [Cross<3>; 3] {
    [
        visits(&[[1.0, 3.0, 2.0], [2.0, 1.0, 1.0], [4.0, 4.0, 4.0]]),
        visits(&[[3.0, 1.0, 4.0], [5.0, 5.0, 6.0], [8.0, 9.0, 7.0]]),
        visits(&[[7.0, 2.0, 9.0], [9.0, 6.0, 8.0], [6.0, 5.0, 5.0]]),
    ]
}

// The expected numbers are statsmodels' (0.14), by
// `OLS(y, add_constant(x)).fit(cov_type="cluster", cov_kwds={"groups": g}, use_t=True)`.

#[test]
fn one_term_as_statsmodels_has_it() {
    let patients = [
        visits(&[[1.0, 2.0], [2.0, 1.0], [4.0, 4.0]]),
        visits(&[[3.0, 4.0], [5.0, 6.0], [8.0, 7.0]]),
        visits(&[[7.0, 9.0], [9.0, 8.0], [6.0, 5.0]]),
    ];
    let found = regress(&patients).expect("it varies");
    near(found.coefficients[0], 0.694_444_444_444_444_2);
    near(found.coefficients[1], 0.883_333_333_333_333_4);
    near(found.r_squared, 0.822_949_218_749_999_9);
    let [intercept, slope] = errors(&found);
    near(intercept.0, 0.713_662_647_122_369_3);
    near(intercept.1, 0.433_155_082_066_466_9);
    near(slope.0, 0.102_146_711_240_665_72);
    near(slope.1, 0.013_109_719_292_394_755);
    near(correlation(&patients).expect("it varies"), found.r_squared.sqrt());
}

#[test]
fn two_terms_as_statsmodels_has_them() {
    let found = regress(&three()).expect("it varies");
    let expected = [
        (0.889_470_622_454_916_7, 0.601_425_021_699_005_6, 0.277_254_829_095_518_2),
        (1.052_356_020_942_408, 0.112_763_951_689_776_14, 0.011_287_895_344_967_087),
        (-0.260_034_904_013_961_73, 0.254_580_967_506_885_75, 0.414_491_842_440_919),
    ];
    for (k, (coefficient, error, p)) in expected.into_iter().enumerate() {
        near(found.coefficients[k], coefficient);
        near(errors(&found)[k].0, error);
        near(errors(&found)[k].1, p);
    }
    near(found.r_squared, 0.857_002_617_801_047);
}

#[test]
fn within_patients_as_statsmodels_has_it() {
    let found = regress_within::<3, 2>(&three()).expect("it varies");
    let expected = [
        (0.980_005_968_367_651_3, 0.503_041_350_772_802_5, 0.190_744_281_532_472_97),
        (-0.275_738_585_496_866_6, 0.442_776_232_513_378_6, 0.596_992_849_502_596_5),
    ];
    for (k, (coefficient, error, p)) in expected.into_iter().enumerate() {
        near(found.coefficients[k], coefficient);
        near(errors(&found)[k].0, error);
        near(errors(&found)[k].1, p);
    }
    near(found.r_squared, 0.614_697_657_968_323_4);
}

#[test]
fn a_regression_that_is_not_computed_has_a_reason() {
    let of = |all: &[[f64; 2]]| regress(&[visits(all)]).map(|found| found.sureness);
    assert_eq!(of(&[]), Err(NotComputed::NoVisits));
    assert_eq!(of(&[[1.0, 2.0], [2.0, 1.0]]), Err(NotComputed::TooFewVisits));
    assert_eq!(of(&[[1.0, 2.0], [1.0, 1.0], [1.0, 3.0]]), Err(NotComputed::Collinear));
    assert_eq!(of(&[[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]]), Err(NotComputed::Constant));
    let onto = [[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]];
    assert_eq!(of(&onto), Ok(Sureness::OnePatient));
    let line = [visits(&[[1.0, 2.1], [2.0, 4.1]]), visits(&[[3.0, 6.1]])];
    assert_eq!(regress(&line).map(|found| found.sureness), Ok(Sureness::Exact));
    assert_eq!(regress_within::<2, 1>(&line).map(|_| ()), Err(NotComputed::TooFewVisits));
    let twice = [[1.0, 2.0, 1.0], [2.0, 4.0, 5.0], [3.0, 6.0, 2.0], [5.0, 10.0, 0.0]];
    assert_eq!(regress(&[visits(&twice)]).map(|_| ()), Err(NotComputed::Collinear));
}

proptest! {
    #[test]
    fn a_true_line_is_found(
        slope in -3.0..3.0_f64,
        intercept in -300.0..300.0_f64,
        xs in prop::collection::vec(0.0..100.0_f64, 4..30),
    ) {
        prop_assume!(slope.abs() > 0.01 && xs.iter().any(|x| (x - xs[0]).abs() > 1.0));
        let line: Vec<[f64; 2]> = xs.iter().map(|x| [*x, intercept + slope * x]).collect();
        let (a, b) = line.split_at(2);
        let found = regress(&[visits(a), visits(b)]).expect("it varies");
        prop_assert!((found.coefficients[1] - slope).abs() < 1e-7);
        prop_assert!((found.coefficients[0] - intercept).abs() < 1e-5);
        prop_assert_eq!(found.sureness, Sureness::Exact);
    }
}
