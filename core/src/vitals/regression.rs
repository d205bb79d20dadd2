//! Linear regression whose errors know that visits of one patient resemble
//! each other.
//!
//! Used for the effects, when delivering. Least squares; the covariance of
//! the coefficients is the sandwich by patients (Liang and Zeger 1986) with
//! the usual small-sample factor G/(G−1) · (N−1)/(N−K), and p is two-sided by
//! Student's t with G − 1 degrees of freedom: what statsmodels calls
//! `cov_type="cluster"` and Stata `vce(cluster)`. What cannot be computed is
//! said, never guessed.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::cross::{Cross, Deviations};
use super::fixed::STEPS_PER_UNIT;

/// A residual below this share of the total is rounding: the fit is exact.
const EXACT: f64 = 1e-12;
/// A pivot below this share of its diagonal is rounding: the terms depend on
/// each other.
const COLLINEAR: f64 = 1e-12;

/// Why there is no regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotComputed {
    /// No visit has all variables.
    NoVisits,
    /// Not more visits than coefficients.
    TooFewVisits,
    /// What is to be explained is the same at all visits.
    Constant,
    /// The terms depend on each other, or one is the same at all visits.
    Collinear,
}

impl NotComputed {
    /// The words of every table.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoVisits => "not computed: no visits",
            Self::TooFewVisits => "not computed: fewer visits than terms",
            Self::Constant => "not computed: does not vary",
            Self::Collinear => "not computed: terms are collinear",
        }
    }
}

/// How sure the coefficients are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sureness<const K: usize> {
    /// Standard errors and p-values.
    Errors([(f64, f64); K]),
    /// The terms give the variable exactly.
    Exact,
    /// Of one patient there is no telling.
    OnePatient,
}

/// A regression of the last variable on the others. With an intercept that is
/// the first coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression<const K: usize> {
    /// One per term.
    pub coefficients: [f64; K],
    /// Their standard errors and p-values.
    pub sureness: Sureness<K>,
    /// The share of the variance that the terms explain.
    pub r_squared: f64,
}

/// Regresses the last of `N` variables on the others and an intercept, over
/// the visits of some patients; `K` must be `N`. The patients must come in an
/// order that does not depend on how they were read.
///
/// # Errors
/// [`NotComputed`] tells why there is none.
pub fn regress<const N: usize>(patients: &[Cross<N>]) -> Result<Regression<N>, NotComputed> {
    let all = patients.iter().fold(Cross::default(), Cross::merged);
    let point = all.means();
    check(&all, N)?;
    let design = |about: &Deviations<N>| with_intercept(about);
    let total = design(&all.about(&point));
    let groups: Vec<Moments<N>> =
        patients.iter().filter(|one| one.n > 0).map(|one| design(&one.about(&point))).collect();
    let spread = all.about(&point).products[N - 1][N - 1];
    let fitted = solve(&total, &groups, spread, all.n)?;
    // Back from deviations: the intercept is where all variables are 0.
    let mut back = [0.0; N];
    back[0] = 1.0;
    for (term, mean) in back[1..].iter_mut().zip(&point) {
        *term = -steps(*mean);
    }
    let mut coefficients = fitted.coefficients;
    coefficients[0] = steps(point[N - 1]) + dot(&back, &fitted.coefficients);
    Ok(fitted.told(coefficients, |k| if k == 0 { back } else { unit(k) }))
}

/// The same of each visit's deviation from the patient's own means: what
/// changes within patients. No intercept: `K` must be `N − 1`.
///
/// # Errors
/// [`NotComputed`] tells why there is none.
pub fn regress_within<const N: usize, const K: usize>(
    patients: &[Cross<N>],
) -> Result<Regression<K>, NotComputed> {
    let all = patients.iter().fold(Cross::default(), Cross::merged);
    // Each patient's means use a visit up.
    check(&all, K + patients.iter().filter(|one| one.n > 0).count())?;
    let groups: Vec<Moments<K>> = patients
        .iter()
        .filter(|one| one.n > 0)
        .map(|one| without_intercept(&one.about(&one.means())))
        .collect();
    let spread = |one: &Cross<N>| one.about(&one.means()).products[N - 1][N - 1];
    let spread = patients.iter().filter(|one| one.n > 0).map(spread).sum();
    let total = groups.iter().fold(Moments::default(), Moments::plus);
    let fitted = solve(&total, &groups, spread, all.n)?;
    Ok(fitted.told(fitted.coefficients, unit))
}

/// Pearson's r of two variables (point-biserial, if one is 0 or 1).
///
/// # Errors
/// [`NotComputed`] tells why there is none.
pub fn correlation(patients: &[Cross<2>]) -> Result<f64, NotComputed> {
    let all = patients.iter().fold(Cross::default(), Cross::merged);
    check(&all, 2)?;
    let [[xx, xy], [_, yy]] = all.about(&all.means()).products;
    if xx <= 0.0 || yy <= 0.0 {
        return Err(NotComputed::Constant);
    }
    Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

const fn check<const N: usize>(all: &Cross<N>, coefficients: usize) -> Result<(), NotComputed> {
    match all.n {
        0 => Err(NotComputed::NoVisits),
        n if n <= coefficients as u64 => Err(NotComputed::TooFewVisits),
        _ => Ok(()),
    }
}

/// X'X and X'y of some visits.
#[derive(Clone, Copy)]
struct Moments<const K: usize> {
    xx: [[f64; K]; K],
    xy: [f64; K],
}

impl<const K: usize> Default for Moments<K> {
    fn default() -> Self {
        Self { xx: [[0.0; K]; K], xy: [0.0; K] }
    }
}

impl<const K: usize> Moments<K> {
    fn plus(mut self, other: &Self) -> Self {
        for a in 0..K {
            self.xy[a] += other.xy[a];
            for b in 0..K {
                self.xx[a][b] += other.xx[a][b];
            }
        }
        self
    }
}

fn with_intercept<const N: usize>(about: &Deviations<N>) -> Moments<N> {
    let last = N - 1;
    let mut moments = Moments::default();
    moments.xx[0][0] = about.n;
    moments.xy[0] = about.sums[last];
    for a in 0..last {
        (moments.xx[0][a + 1], moments.xx[a + 1][0]) = (about.sums[a], about.sums[a]);
        moments.xy[a + 1] = about.products[a][last];
        for b in 0..last {
            moments.xx[a + 1][b + 1] = about.products[a][b];
        }
    }
    moments
}

fn without_intercept<const N: usize, const K: usize>(about: &Deviations<N>) -> Moments<K> {
    let mut moments = Moments::default();
    for a in 0..K {
        moments.xy[a] = about.products[a][N - 1];
        for b in 0..K {
            moments.xx[a][b] = about.products[a][b];
        }
    }
    moments
}

/// Coefficients and their covariance.
struct Fitted<const K: usize> {
    coefficients: [f64; K],
    r_squared: f64,
    is_exact: bool,
    /// None of one patient.
    covariance: Option<[[f64; K]; K]>,
    groups: usize,
}

impl<const K: usize> Fitted<K> {
    /// The regression, each coefficient being a sum of the fitted ones.
    fn told(&self, coefficients: [f64; K], of: impl Fn(usize) -> [f64; K]) -> Regression<K> {
        let sureness = match self.covariance {
            None => Sureness::OnePatient,
            _ if self.is_exact => Sureness::Exact,
            Some(covariance) => Sureness::Errors(std::array::from_fn(|k| {
                let weights = of(k);
                let error = dot(&weights, &times(&covariance, &weights)).max(0.0).sqrt();
                (error, p_of(coefficients[k] / error, self.groups))
            })),
        };
        Regression { coefficients, sureness, r_squared: self.r_squared }
    }
}

#[allow(clippy::cast_precision_loss)]
fn solve<const K: usize>(
    total: &Moments<K>,
    groups: &[Moments<K>],
    spread: f64,
    n: u64,
) -> Result<Fitted<K>, NotComputed> {
    let inverse = inverse(&total.xx).ok_or(NotComputed::Collinear)?;
    if spread <= 0.0 {
        return Err(NotComputed::Constant);
    }
    let coefficients = times(&inverse, &total.xy);
    let residual = (spread - dot(&coefficients, &total.xy)).max(0.0);
    let (count, patients) = (n as f64, groups.len() as f64);
    let covariance = (groups.len() > 1).then(|| {
        let mut meat = [[0.0; K]; K];
        for group in groups {
            let fit = times(&group.xx, &coefficients);
            for a in 0..K {
                for b in 0..K {
                    meat[a][b] += (group.xy[a] - fit[a]) * (group.xy[b] - fit[b]);
                }
            }
        }
        let factor = patients / (patients - 1.0) * (count - 1.0) / (count - K as f64);
        let half: [[f64; K]; K] = std::array::from_fn(|a| times(&meat, &inverse[a]));
        std::array::from_fn(|a| std::array::from_fn(|b| factor * dot(&half[a], &inverse[b])))
    });
    Ok(Fitted {
        coefficients,
        r_squared: 1.0 - residual / spread,
        is_exact: residual < EXACT * spread,
        covariance,
        groups: groups.len(),
    })
}

#[allow(clippy::cast_precision_loss)]
fn p_of(t: f64, groups: usize) -> f64 {
    let student = StudentsT::new(0.0, 1.0, groups as f64 - 1.0);
    student.map_or(f64::NAN, |student| 2.0 * student.sf(t.abs()))
}

/// The inverse of a symmetric matrix by Gauss and Jordan, whose pivots are
/// positive; `None` if one is as small as rounding.
fn inverse<const K: usize>(matrix: &[[f64; K]; K]) -> Option<[[f64; K]; K]> {
    let mut left = *matrix;
    let mut right: [[f64; K]; K] = std::array::from_fn(unit);
    for k in 0..K {
        let pivot = left[k][k];
        if pivot <= COLLINEAR * matrix[k][k] {
            return None;
        }
        left[k] = left[k].map(|x| x / pivot);
        right[k] = right[k].map(|x| x / pivot);
        for row in (0..K).filter(|row| *row != k) {
            let factor = left[row][k];
            for column in 0..K {
                left[row][column] -= factor * left[k][column];
                right[row][column] -= factor * right[k][column];
            }
        }
    }
    Some(right)
}

fn unit<const K: usize>(at: usize) -> [f64; K] {
    std::array::from_fn(|k| if k == at { 1.0 } else { 0.0 })
}

fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times<const K: usize>(matrix: &[[f64; K]; K], vector: &[f64; K]) -> [f64; K] {
    std::array::from_fn(|row| dot(&matrix[row], vector))
}

#[allow(clippy::cast_precision_loss)]
fn steps(steps: i128) -> f64 {
    steps as f64 / STEPS_PER_UNIT
}

#[cfg(test)]
mod tests;
