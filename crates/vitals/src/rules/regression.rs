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

use crate::rules::cross::{Cross, Deviations};
use crate::rules::fixed::STEPS_PER_UNIT;

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

/// Sums of all patients, for a regression of the last of `N` variables on the
/// others. The patients are taken in twice, first here and then by the
/// [`Fitting`], and never held; both times in an order that does not depend on
/// how they were read.
#[derive(Debug, Clone)]
pub struct Totals<const N: usize, const K: usize> {
    all: Cross<N>,
    patients: usize,
    /// Of deviations from each patient's own means, where these are wanted:
    /// the sums, and the spread of the last variable.
    within: Option<(Moments<K>, f64)>,
}

impl<const N: usize, const K: usize> Totals<N, K> {
    /// For a regression with an intercept, over all visits; `K` must be `N`.
    #[must_use]
    pub fn across() -> Self {
        const { assert!(K == N) };
        Self::none()
    }

    /// For one of each visit's deviation from the patient's own means: what
    /// changes within patients. No intercept: `K` must be `N − 1`.
    #[must_use]
    pub fn within() -> Self {
        const { assert!(K + 1 == N) };
        Self { within: Some((Moments::default(), 0.0)), ..Self::none() }
    }

    fn none() -> Self {
        Self { all: Cross::default(), patients: 0, within: None }
    }

    /// Takes a patient's visits in; none count for nothing.
    pub fn take(&mut self, patient: &Cross<N>) {
        if patient.n == 0 {
            return;
        }
        self.all = self.all.merged(patient);
        self.patients += 1;
        if let Some((moments, spread)) = &mut self.within {
            let about = patient.about(&patient.means());
            *moments = moments.plus(&without_intercept(&about));
            *spread += about.products[N - 1][N - 1];
        }
    }

    /// How many visits there are.
    #[must_use]
    pub const fn visits(&self) -> u64 {
        self.all.n
    }

    /// How many patients have them.
    #[must_use]
    pub const fn patients(&self) -> u64 {
        self.patients as u64
    }

    /// The coefficients; their errors need the patients once more.
    ///
    /// # Errors
    /// [`NotComputed`] tells why there are none.
    pub fn fit(&self) -> Result<Fitting<N, K>, NotComputed> {
        let all = &self.all;
        let (point, total, spread) = match &self.within {
            Some((total, spread)) => {
                // Each patient's means use a visit up.
                check(all, K + self.patients)?;
                (None, *total, *spread)
            }
            None => {
                check(all, K)?;
                let point = all.means();
                let about = all.about(&point);
                (Some(point), with_intercept(&about), about.products[N - 1][N - 1])
            }
        };
        let inverse = inverse(&total.xx).ok_or(NotComputed::Collinear)?;
        if spread <= 0.0 {
            return Err(NotComputed::Constant);
        }
        let coefficients = times(&inverse, &total.xy);
        let residual = (spread - dot(&coefficients, &total.xy)).max(0.0);
        Ok(Fitting {
            point,
            inverse,
            coefficients,
            r_squared: 1.0 - residual / spread,
            is_exact: residual < EXACT * spread,
            meat: [[0.0; K]; K],
            patients: 0,
            visits: all.n,
        })
    }
}

impl Totals<2, 2> {
    /// Pearson's r of two variables (point-biserial, if one is 0 or 1).
    ///
    /// # Errors
    /// [`NotComputed`] tells why there is none.
    pub fn correlation(&self) -> Result<f64, NotComputed> {
        check(&self.all, 2)?;
        let [[xx, xy], [_, yy]] = self.all.about(&self.all.means()).products;
        if xx <= 0.0 || yy <= 0.0 {
            return Err(NotComputed::Constant);
        }
        Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
    }
}

/// Coefficients whose errors are being found out.
#[derive(Debug, Clone)]
pub struct Fitting<const N: usize, const K: usize> {
    /// What deviations are from; none: from each patient's own means.
    point: Option<[i128; N]>,
    inverse: [[f64; K]; K],
    coefficients: [f64; K],
    r_squared: f64,
    is_exact: bool,
    /// The middle of the sandwich.
    meat: [[f64; K]; K],
    patients: usize,
    visits: u64,
}

impl<const N: usize, const K: usize> Fitting<N, K> {
    /// Takes a patient's visits in, once more.
    pub fn take(&mut self, patient: &Cross<N>) {
        if patient.n == 0 {
            return;
        }
        self.patients += 1;
        let group: Moments<K> = match &self.point {
            Some(point) => with_intercept(&patient.about(point)),
            None => without_intercept(&patient.about(&patient.means())),
        };
        let fit = times(&group.xx, &self.coefficients);
        for a in 0..K {
            for b in 0..K {
                self.meat[a][b] += (group.xy[a] - fit[a]) * (group.xy[b] - fit[b]);
            }
        }
    }

    /// The regression, once every patient was taken in again.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn finish(&self) -> Regression<K> {
        let Some(point) = &self.point else { return self.told(self.coefficients, unit) };
        // Back from deviations: the intercept is where all variables are 0.
        let mut back = [0.0; K];
        back[0] = 1.0;
        for (term, mean) in back[1..].iter_mut().zip(point) {
            *term = -steps(*mean);
        }
        let mut coefficients = self.coefficients;
        coefficients[0] = steps(point[N - 1]) + dot(&back, &self.coefficients);
        self.told(coefficients, |k| if k == 0 { back } else { unit(k) })
    }

    /// The regression, each coefficient being a sum of the fitted ones.
    fn told(&self, coefficients: [f64; K], of: impl Fn(usize) -> [f64; K]) -> Regression<K> {
        let covariance = self.covariance();
        let sureness = match covariance {
            None => Sureness::OnePatient,
            _ if self.is_exact => Sureness::Exact,
            Some(covariance) => Sureness::Errors(std::array::from_fn(|k| {
                let weights = of(k);
                let error = dot(&weights, &times(&covariance, &weights)).max(0.0).sqrt();
                (error, p_of(coefficients[k] / error, self.patients))
            })),
        };
        Regression { coefficients, sureness, r_squared: self.r_squared }
    }

    /// None of one patient.
    #[allow(clippy::cast_precision_loss)]
    fn covariance(&self) -> Option<[[f64; K]; K]> {
        let (visits, patients) = (self.visits as f64, self.patients as f64);
        let factor = patients / (patients - 1.0) * (visits - 1.0) / (visits - K as f64);
        let half: [[f64; K]; K] = std::array::from_fn(|a| times(&self.meat, &self.inverse[a]));
        let sandwich = |a: usize, b: usize| factor * dot(&half[a], &self.inverse[b]);
        (self.patients > 1)
            .then(|| std::array::from_fn(|a| std::array::from_fn(|b| sandwich(a, b))))
    }
}

const fn check<const N: usize>(all: &Cross<N>, coefficients: usize) -> Result<(), NotComputed> {
    match all.n {
        0 => Err(NotComputed::NoVisits),
        n if n <= coefficients as u64 => Err(NotComputed::TooFewVisits),
        _ => Ok(()),
    }
}

/// X'X and X'y of some visits.
#[derive(Debug, Clone, Copy)]
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

/// `K` must be `N`.
fn with_intercept<const N: usize, const K: usize>(about: &Deviations<N>) -> Moments<K> {
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

/// `K` must be `N − 1`.
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
