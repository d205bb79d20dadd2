//! Histograms with bins of 0.01 of the unit, and quantiles from them.
//!
//! Used per patient and vital while reading, and for patients and the cohort when results are
//! delivered. A bin is named by its center: a value on the 0.01 grid is exact, any other is
//! within 0.005. The map is written by hand because one lookup per cell is a fifth of the
//! decoding time, and `HashMap<i32, u64>` takes twice the memory and time of one packed word.

/// Bins per canonical unit; its inverse is the resolution of every quantile.
pub const BINS_PER_UNIT: i32 = 100;

/// Low bits of a slot: the count (up to 2^40, beyond `MAX_COUNT`).
const COUNT_BITS: u32 = 40;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
/// High 24 bits of a slot: the bin, shifted so that it is not negative.
const BIN_OFFSET: i32 = 1 << 23;

/// Returns the bin nearest to a value in canonical units, which must be within
/// [`crate::rules::fixed::UNIT_LIMIT`].
#[must_use]
#[inline]
#[allow(clippy::cast_possible_truncation)] // |bin| ≤ 100,000
pub fn bin_of(units: f64) -> i32 {
    (units * f64::from(BINS_PER_UNIT) + 0.5_f64.copysign(units)) as i32
}

/// Returns the value of a bin, in canonical units.
#[must_use]
pub fn bin_units(bin: i32) -> f64 {
    f64::from(bin) / f64::from(BINS_PER_UNIT)
}

/// A small open-addressing map from bin to count.
#[derive(Debug, Clone, Default)]
pub struct Bins {
    /// A power of two of slots; a slot of 0 is free (no count is ever 0).
    slots: Vec<u64>,
    used: usize,
}

impl Bins {
    /// Counts one value (see [`bin_of`]).
    #[inline]
    pub fn add(&mut self, units: f64) {
        self.add_many(bin_of(units), 1);
    }

    #[inline]
    fn add_many(&mut self, bin: i32, count: u64) {
        // At most three quarters full, so that probe sequences stay short and end.
        if self.used * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        // Never negative: |bin| ≤ 100,000.
        let key = u64::from((bin + BIN_OFFSET).unsigned_abs());
        let mask = self.slots.len() - 1;
        let mut at = Self::home(key) & mask;
        // Linear probing: the next slots are mostly in the same cache line.
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.slots[at] = key << COUNT_BITS | count;
                self.used += 1;
                return;
            }
            if slot >> COUNT_BITS == key {
                self.slots[at] = slot + count;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Hashes by multiplication: this spreads both neighboring bins and whole numbers, whose bins
    /// differ by 100.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the top half of 64 bits
    const fn home(key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
    }

    #[cold]
    fn grow(&mut self) {
        let slots = vec![0; (self.slots.len() * 2).max(16)];
        let old = std::mem::replace(&mut self.slots, slots);
        self.used = 0;
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            // Slots move, because the mask that selects their home has grown.
            self.add_many(Self::bin(slot), slot & COUNT_MASK);
        }
    }

    #[allow(clippy::cast_possible_truncation)] // 24 bits
    const fn bin(slot: u64) -> i32 {
        (slot >> COUNT_BITS) as i32 - BIN_OFFSET
    }

    /// Returns the number of bins with a count.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.used
    }

    /// True if nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Returns the bins and their counts, ascending by bin.
    #[must_use]
    pub fn sorted(&self) -> Vec<(i32, u64)> {
        // The bin is the high part of a slot, so slots sort as bins do.
        let mut slots: Vec<u64> = self.slots.iter().copied().filter(|slot| *slot != 0).collect();
        slots.sort_unstable();
        slots.into_iter().map(|slot| (Self::bin(slot), slot & COUNT_MASK)).collect()
    }
}

/// Returns the `quarter`-th quartile (1 to 3) of the counted values in canonical units, with
/// linear interpolation between neighbors (position `(n−1)·p`). `bins` must ascend; `None` if
/// they are empty.
///
/// ```
/// use sce_vitals::rules::histogram::{Bins, quantile};
///
/// let mut bins = Bins::default();
/// for pulse in [80.0, 60.0, 100.0, 70.0] {
///     bins.add(pulse);
/// }
/// assert_eq!(quantile(&bins.sorted(), 1), Some(67.5));
/// assert_eq!(quantile(&bins.sorted(), 2), Some(75.0));
/// assert_eq!(quantile(&[], 2), None);
/// ```
#[must_use]
pub fn quantile(bins: &[(i32, u64)], quarter: u64) -> Option<f64> {
    let n: u64 = bins.iter().map(|(_, count)| count).sum();
    // In quarters, so that rank and fraction are exact.
    let position = n.checked_sub(1)? * quarter;
    let (rank, fraction) = (position / 4, (position % 4) as f64 / 4.0);
    let mut seen = 0;
    let mut lower = None;
    for (bin, count) in bins {
        seen += count;
        if lower.is_none() && seen > rank {
            lower = Some(bin_units(*bin));
        }
        // The last value has no upper neighbor.
        if let Some(lower) = lower
            && seen > (rank + 1).min(n - 1)
        {
            return Some(lower + fraction * (bin_units(*bin) - lower));
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn counted(values: &[f64]) -> Bins {
        let mut bins = Bins::default();
        for value in values {
            bins.add(*value);
        }
        bins
    }

    /// `numpy.percentile(..., method="linear")` on sorted values.
    fn by_sorting(values: &[f64], quarter: usize) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let position = (sorted.len() - 1) * quarter;
        let (low, high) = (sorted[position / 4], sorted[position.div_ceil(4)]);
        low + (position % 4) as f64 / 4.0 * (high - low)
    }

    #[test]
    fn grid_values_are_exact_and_others_within_half_a_bin() {
        for cents in -100_000..=100_000 {
            let value = f64::from(cents) / 100.0;
            assert_eq!(bin_units(bin_of(value)), value);
        }
        assert_eq!(bin_of(36.277_77), 3628);
        assert_eq!(bin_of(36.274_99), 3627);
        assert_eq!(bin_of(36.275), 3628);
    }

    #[test]
    fn quartiles_of_small_sets() {
        assert_eq!(quantile(&[], 2), None);
        assert_eq!(quantile(&[(100, 1)], 1), Some(1.0));
        assert_eq!(quantile(&[(100, 1), (200, 1)], 2), Some(1.5));
        assert_eq!(quantile(&[(100, 1), (200, 1)], 1), Some(1.25));
        assert_eq!(quantile(&[(100, 4)], 3), Some(1.0));
        assert_eq!(quantile(&[(100, 2), (200, 3)], 2), Some(2.0));
    }

    #[test]
    fn neighbors_and_strides_of_a_hundred_are_all_kept() {
        let mut bins = Bins::default();
        let mut expected = BTreeMap::new();
        for round in 1..4_u64 {
            for step in [1, 7, 100, 6400] {
                for bin in (0..100_000).step_by(step) {
                    bins.add_many(bin - 50_000, round);
                    *expected.entry(bin - 50_000).or_insert(0) += round;
                }
            }
        }
        assert_eq!(bins.len(), expected.len());
        assert_eq!(bins.sorted(), expected.into_iter().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn quartiles_equal_those_of_the_sorted_values(
            values in proptest::collection::vec(25.0_f64..300.0, 1..300)
        ) {
            let bins = counted(&values).sorted();
            for quarter in 1..4_usize {
                let expected = by_sorting(&values, quarter);
                let found = quantile(&bins, quarter as u64).expect("not empty");
                prop_assert!((found - expected).abs() <= 0.005 + 1e-9, "{} {}", found, expected);
            }
        }

        #[test]
        fn quartiles_of_grid_values_are_exact_but_for_interpolation(
            values in proptest::collection::vec((2500_i32..30000).prop_map(|c| f64::from(c) / 100.0), 1..300)
        ) {
            let bins = counted(&values).sorted();
            for quarter in 1..4_usize {
                let expected = by_sorting(&values, quarter);
                prop_assert!((quantile(&bins, quarter as u64).expect("not empty") - expected).abs() < 1e-9);
            }
        }
    }
}
