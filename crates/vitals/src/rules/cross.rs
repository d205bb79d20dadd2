//! Sums of several variables and of their products, as integers.
//!
//! Used for the associations between outcome columns and vitals: all that a regression needs of
//! one patient's visits. Sums add exactly in any order; only [`Cross::about`] returns floating
//! point.

use crate::rules::fixed::{Fixed, STEPS_PER_UNIT};

/// Count, Σx and Σxy of `N` variables at the same visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cross<const N: usize> {
    /// The number of visits.
    pub n: u64,
    /// Σx in steps.
    pub sums: [i128; N],
    /// Σxy in squared steps; the upper triangle and the diagonal.
    pub products: [[i128; N]; N],
}

impl<const N: usize> Default for Cross<N> {
    fn default() -> Self {
        Self { n: 0, sums: [0; N], products: [[0; N]; N] }
    }
}

/// Deviations from a point, summed, in canonical units.
#[derive(Debug, Clone, Copy)]
pub struct Deviations<const N: usize> {
    /// The number of visits.
    pub n: f64,
    /// Σ(x − p).
    pub sums: [f64; N],
    /// Σ(x − p)(y − q), both triangles.
    pub products: [[f64; N]; N],
}

impl<const N: usize> Cross<N> {
    /// Adds one visit.
    #[inline]
    pub(super) fn add(&mut self, values: [Fixed; N]) {
        self.n += 1;
        let steps = values.map(|value| i128::from(value.steps()));
        for (a, first) in steps.iter().enumerate() {
            self.sums[a] += first;
            // Products are symmetric: the upper triangle is enough.
            for (product, second) in self.products[a].iter_mut().zip(&steps).skip(a) {
                *product += first * second;
            }
        }
    }

    /// Merges two sums. Sums of up to [`crate::rules::moments::MAX_COUNT`] visits fit.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        self.n += other.n;
        for a in 0..N {
            // Cannot wrap within that limit; unlike `+`, it does not panic beyond it.
            self.sums[a] = self.sums[a].wrapping_add(other.sums[a]);
            for b in a..N {
                self.products[a][b] = self.products[a][b].wrapping_add(other.products[a][b]);
            }
        }
        self
    }

    /// Returns the sums of the same visits without the variable at `place`; `M` must be `N − 1`.
    #[must_use]
    pub fn without<const M: usize>(&self, place: usize) -> Cross<M> {
        // The variables after the removed one move up.
        let old = |new: usize| if new < place { new } else { new + 1 };
        Cross {
            n: self.n,
            sums: std::array::from_fn(|a| self.sums[old(a)]),
            products: std::array::from_fn(|a| {
                std::array::from_fn(|b| self.products[old(a)][old(b)])
            }),
        }
    }

    /// Returns each mean, rounded down to a step.
    #[must_use]
    pub fn means(&self) -> [i128; N] {
        // Without visits all sums are 0, and the divisor does not matter.
        self.sums.map(|sum| sum.div_euclid(i128::from(self.n.max(1))))
    }

    /// Returns the deviations from a point (in steps). About the means, no digits cancel.
    #[must_use]
    pub fn about(&self, point: &[i128; N]) -> Deviations<N> {
        let n = i128::from(self.n);
        let mut about = Deviations { n: n as f64, sums: [0.0; N], products: [[0.0; N]; N] };
        for a in 0..N {
            about.sums[a] = (self.sums[a] - n * point[a]) as f64 / STEPS_PER_UNIT;
            for b in a..N {
                // Intermediate terms may wrap: modulo 2^128 the result is exact, because it fits.
                let product = self.products[a][b]
                    .wrapping_sub(point[a].wrapping_mul(self.sums[b]))
                    .wrapping_sub(point[b].wrapping_mul(self.sums[a]))
                    .wrapping_add(n.wrapping_mul(point[a]).wrapping_mul(point[b]));
                let product = product as f64 / (STEPS_PER_UNIT * STEPS_PER_UNIT);
                (about.products[a][b], about.products[b][a]) = (product, product);
            }
        }
        about
    }

    /// True if visits within the limits could have these sums.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let (n, limit) = (i128::from(self.n), i128::from(Fixed::LIMIT_STEPS));
        // Unsigned, because the least integer has no positive counterpart.
        let within = |sum: &i128, most: i128| sum.unsigned_abs() <= most.unsigned_abs();
        self.n <= crate::rules::moments::MAX_COUNT
            && self.sums.iter().all(|sum| within(sum, n * limit))
            && self.products.iter().flatten().all(|sum| within(sum, n * limit * limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cross(visits: &[[f64; 2]]) -> Cross<2> {
        let mut cross = Cross::default();
        for visit in visits {
            cross.add(visit.map(|value| Fixed::from_units(value).expect("within the limit")));
        }
        cross
    }

    #[test]
    fn a_constant_does_not_deviate_from_its_mean() {
        let about = |visits: &[[f64; 2]]| {
            let cross = cross(visits);
            cross.about(&cross.means())
        };
        let same = about(&[[61.1, 999.999], [61.1, 999.999], [61.1, 999.999]]);
        assert_eq!((same.sums, same.products), ([0.0; 2], [[0.0; 2]; 2]));
        let line = about(&[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]);
        assert_eq!(line.products, [[2.0, 20.0], [20.0, 200.0]]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            visits in prop::collection::vec([-1000.0..1000.0_f64, 0.0..1000.0_f64], 0..40),
            at in 0..40_usize,
        ) {
            let (a, b) = visits.split_at(at.min(visits.len()));
            let whole = cross(&visits);
            prop_assert_eq!(cross(a).merged(&cross(b)), whole);
            prop_assert_eq!(cross(b).merged(&cross(a)), whole);
            prop_assert!(whole.is_possible());
        }
    }
}
