//! Ordinary least squares with cluster-robust standard errors (clusters = patients).
//!
//! Used for the outcome columns when results are delivered. The covariance of the coefficients is
//! the sandwich by patients (Liang and Zeger 1986) with the usual small-sample factor G/(G−1) ·
//! (N−1)/(N−K), and p is two-sided by Student's t with G − 1 degrees of freedom:
//! `cov_type="cluster"` in statsmodels, `vce(cluster)` in Stata. A result that cannot be computed
//! must be reported as such, never guessed.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::rules::cross::{Cross, Deviations};
use crate::rules::fixed::STEPS_PER_UNIT;

/// A residual below this share of the total is rounding error: the fit is exact.
const EXACT: f64 = 1e-12;
/// A pivot below this share of its diagonal is rounding error: the terms are collinear.
const COLLINEAR: f64 = 1e-12;

/// Why a regression was not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotComputed {
    /// No visit has all variables.
    NoVisits,
    /// There are not more visits than coefficients.
    TooFewVisits,
    /// The dependent variable is the same at all visits.
    Constant,
    /// The terms are collinear, or one is the same at all visits.
    Collinear,
}

impl NotComputed {
    /// Returns the words used in every table.
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

/// The uncertainty of the coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sureness<const K: usize> {
    /// Standard errors and p-values.
    Errors([(f64, f64); K]),
    /// The terms determine the variable exactly.
    Exact,
    /// Undefined, because there is only one patient.
    OnePatient,
}

/// A regression of the last variable on the others. The intercept, if there is one, is the first
/// coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression<const K: usize> {
    /// One coefficient per term.
    pub coefficients: [f64; K],
    /// Their standard errors and p-values.
    pub sureness: Sureness<K>,
    /// The share of the variance that the terms explain.
    pub r_squared: f64,
}

/// Sums over all patients, for a regression of the last of `N` variables on the others. Patients
/// are added twice, first here and then to the [`Fitting`], and never held; both times in an
/// order that does not depend on how they were read.
#[derive(Debug, Clone)]
pub struct Totals<const N: usize, const K: usize> {
    all: Cross<N>,
    patients: usize,
    /// For deviations from each patient's own means, if these are wanted: the cross products, and
    /// the spread of the last variable.
    within: Option<(CrossProducts<K>, f64)>,
}

impl<const N: usize, const K: usize> Totals<N, K> {
    /// Starts a regression with an intercept, over all visits; `K` must be `N`.
    #[must_use]
    pub fn across() -> Self {
        const { assert!(K == N) };
        Self::empty()
    }

    /// Starts a regression of each visit's deviation from the patient's own means: changes within
    /// patients. There is no intercept: `K` must be `N − 1`.
    #[must_use]
    pub fn within() -> Self {
        const { assert!(K + 1 == N) };
        Self { within: Some((CrossProducts::default(), 0.0)), ..Self::empty() }
    }

    fn empty() -> Self {
        Self { all: Cross::default(), patients: 0, within: None }
    }

    /// Adds a patient's visits; a patient without visits does not count.
    pub fn take(&mut self, patient: &Cross<N>) {
        if patient.n == 0 {
            return;
        }
        self.all = self.all.merged(patient);
        self.patients += 1;
        if let Some((moments, spread)) = &mut self.within {
            let about = patient.about(&patient.means());
            *moments = moments.merged_with(&without_intercept(&about));
            *spread += about.products[N - 1][N - 1];
        }
    }

    /// Returns the number of visits.
    #[must_use]
    pub const fn visits(&self) -> u64 {
        self.all.n
    }

    /// Returns the number of patients with visits.
    #[must_use]
    pub const fn patients(&self) -> u64 {
        self.patients as u64
    }

    /// Computes the coefficients; their errors need the patients once more.
    ///
    /// # Errors
    /// [`NotComputed`] is the reason.
    pub fn fit(&self) -> Result<Fitting<N, K>, NotComputed> {
        let all = &self.all;
        let (point, total, spread) = match &self.within {
            Some((total, spread)) => {
                // Each patient's means use up one degree of freedom.
                check_visits(all, K + self.patients)?;
                (None, *total, *spread)
            }
            None => {
                check_visits(all, K)?;
                // Deviations from the means, so that no digits cancel.
                let point = all.means();
                let about = all.about(&point);
                (Some(point), with_intercept(&about), about.products[N - 1][N - 1])
            }
        };
        let inverse = inverse(&total.xx).ok_or(NotComputed::Collinear)?;
        if spread <= 0.0 {
            return Err(NotComputed::Constant);
        }
        let coefficients = multiply(&inverse, &total.xy);
        // Rounding can make the residual of an exact fit negative.
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
    /// Returns Pearson's r of two variables (point-biserial, if one is 0 or 1).
    ///
    /// # Errors
    /// [`NotComputed`] is the reason.
    pub fn correlation(&self) -> Result<f64, NotComputed> {
        check_visits(&self.all, 2)?;
        let [[xx, xy], [_, yy]] = self.all.about(&self.all.means()).products;
        if xx <= 0.0 || yy <= 0.0 {
            return Err(NotComputed::Constant);
        }
        // Rounding can exceed 1.
        Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
    }
}

/// The coefficients, and the sums from which their errors are computed.
#[derive(Debug, Clone)]
pub struct Fitting<const N: usize, const K: usize> {
    /// The origin of deviations; `None` for each patient's own means.
    point: Option<[i128; N]>,
    inverse: [[f64; K]; K],
    coefficients: [f64; K],
    r_squared: f64,
    is_exact: bool,
    /// The middle matrix of the sandwich.
    meat: [[f64; K]; K],
    patients: usize,
    visits: u64,
}

impl<const N: usize, const K: usize> Fitting<N, K> {
    /// Adds a patient's visits, in the second pass.
    pub fn take(&mut self, patient: &Cross<N>) {
        if patient.n == 0 {
            return;
        }
        self.patients += 1;
        let group: CrossProducts<K> = match &self.point {
            Some(point) => with_intercept(&patient.about(point)),
            None => without_intercept(&patient.about(&patient.means())),
        };
        // The score of the patient is X'y − X'Xβ.
        let fit = multiply(&group.xx, &self.coefficients);
        for a in 0..K {
            for b in 0..K {
                self.meat[a][b] += (group.xy[a] - fit[a]) * (group.xy[b] - fit[b]);
            }
        }
    }

    /// Returns the regression, once every patient was added again.
    #[must_use]
    pub fn finish(&self) -> Regression<K> {
        let Some(point) = &self.point else {
            return self.with_errors(self.coefficients, unit_vector);
        };
        // From deviations back to variables: the intercept is where all terms are 0.
        let mut back = [0.0; K];
        back[0] = 1.0;
        for (term, mean) in back[1..].iter_mut().zip(point) {
            *term = -to_units(*mean);
        }
        let mut coefficients = self.coefficients;
        coefficients[0] = to_units(point[N - 1]) + dot(&back, &self.coefficients);
        self.with_errors(coefficients, |k| if k == 0 { back } else { unit_vector(k) })
    }

    /// Returns the regression; each coefficient is a sum of the fitted ones, with weights `of`.
    fn with_errors(&self, coefficients: [f64; K], of: impl Fn(usize) -> [f64; K]) -> Regression<K> {
        let covariance = self.covariance();
        let sureness = match covariance {
            None => Sureness::OnePatient,
            _ if self.is_exact => Sureness::Exact,
            Some(covariance) => Sureness::Errors(std::array::from_fn(|k| {
                let weights = of(k);
                let error = dot(&weights, &multiply(&covariance, &weights)).max(0.0).sqrt();
                (error, p_value(coefficients[k] / error, self.patients))
            })),
        };
        Regression { coefficients, sureness, r_squared: self.r_squared }
    }

    /// Returns the covariance of the fitted coefficients; `None` for one patient.
    fn covariance(&self) -> Option<[[f64; K]; K]> {
        let (visits, patients) = (self.visits as f64, self.patients as f64);
        // Not finite for one patient, for whom it is not used.
        let factor = patients / (patients - 1.0) * (visits - 1.0) / (visits - K as f64);
        let half: [[f64; K]; K] = std::array::from_fn(|a| multiply(&self.meat, &self.inverse[a]));
        let sandwich = |a: usize, b: usize| factor * dot(&half[a], &self.inverse[b]);
        (self.patients > 1)
            .then(|| std::array::from_fn(|a| std::array::from_fn(|b| sandwich(a, b))))
    }
}

const fn check_visits<const N: usize>(
    all: &Cross<N>,
    coefficients: usize,
) -> Result<(), NotComputed> {
    match all.n {
        0 => Err(NotComputed::NoVisits),
        n if n <= coefficients as u64 => Err(NotComputed::TooFewVisits),
        _ => Ok(()),
    }
}

/// X'X and X'y of some visits.
#[derive(Debug, Clone, Copy)]
struct CrossProducts<const K: usize> {
    xx: [[f64; K]; K],
    xy: [f64; K],
}

impl<const K: usize> Default for CrossProducts<K> {
    fn default() -> Self {
        Self { xx: [[0.0; K]; K], xy: [0.0; K] }
    }
}

impl<const K: usize> CrossProducts<K> {
    fn merged_with(mut self, other: &Self) -> Self {
        for a in 0..K {
            self.xy[a] += other.xy[a];
            for b in 0..K {
                self.xx[a][b] += other.xx[a][b];
            }
        }
        self
    }
}

/// Returns the cross products with a constant as the first term; `K` must be `N`.
fn with_intercept<const N: usize, const K: usize>(about: &Deviations<N>) -> CrossProducts<K> {
    let last = N - 1;
    let mut moments = CrossProducts::default();
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

/// Returns the cross products of the variables alone; `K` must be `N − 1`.
fn without_intercept<const N: usize, const K: usize>(about: &Deviations<N>) -> CrossProducts<K> {
    let mut moments = CrossProducts::default();
    for a in 0..K {
        moments.xy[a] = about.products[a][N - 1];
        for b in 0..K {
            moments.xx[a][b] = about.products[a][b];
        }
    }
    moments
}

fn p_value(t: f64, groups: usize) -> f64 {
    let student = StudentsT::new(0.0, 1.0, groups as f64 - 1.0);
    student.map_or(f64::NAN, |student| 2.0 * student.sf(t.abs()))
}

/// Inverts a symmetric matrix by Gauss-Jordan elimination, whose pivots are positive; `None` if
/// one is as small as rounding error.
fn inverse<const K: usize>(matrix: &[[f64; K]; K]) -> Option<[[f64; K]; K]> {
    let mut left = *matrix;
    let mut right: [[f64; K]; K] = std::array::from_fn(unit_vector);
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

fn unit_vector<const K: usize>(at: usize) -> [f64; K] {
    std::array::from_fn(|k| if k == at { 1.0 } else { 0.0 })
}

fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn multiply<const K: usize>(matrix: &[[f64; K]; K], vector: &[f64; K]) -> [f64; K] {
    std::array::from_fn(|row| dot(&matrix[row], vector))
}

fn to_units(steps: i128) -> f64 {
    steps as f64 / STEPS_PER_UNIT
}

#[cfg(test)]
mod tests;
