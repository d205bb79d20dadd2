//! Random draws for the pseudo-data, the same on every machine and release.
//!
//! Used for the patients, visits and surnames of `synth`. ChaCha8 is a fixed,
//! published function of its seed. The two conversions from its words to
//! numbers are implemented here, so that a change in a library's sampling
//! cannot change the pseudo-data of a seed. Must never be used for a data key or
//! a nonce: eight rounds from a 64-bit seed are for pseudo-data only.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The purpose of a stream of draws. Each has its own ChaCha stream number, so
/// that writing the tables, for example, does not change the visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Heights and base ranges, in patient order.
    Patients,
    /// Visits, in time order.
    Visits,
    /// Surnames, in patient order.
    Surnames,
}

impl Stream {
    const fn number(self) -> u64 {
        match self {
            Stream::Patients => 0,
            Stream::Visits => 1,
            Stream::Surnames => 2,
        }
    }
}

/// One deterministic stream of draws.
#[derive(Debug)]
pub struct Draws {
    words: ChaCha8Rng,
}

impl Draws {
    /// Creates the stream `stream` of `seed`. The ChaCha key is the seed as
    /// eight little-endian bytes, followed by 24 zero bytes.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_stream(stream.number());
        Self { words }
    }

    /// Draws a whole number from `low` to `high`, both included, uniformly.
    /// `low` must be at most `high`; the full range of `u64` is not supported.
    pub fn within<T>(&mut self, low: T, high: T) -> T
    where
        T: Copy + Into<u64> + TryFrom<u64>,
    {
        let start: u64 = low.into();
        let drawn = start + self.below(high.into() - start + 1);
        // Always fits: the number is at most `high`, which is a `T`.
        T::try_from(drawn).unwrap_or(high)
    }

    /// Draws a number from `low` to `high` in steps of 2⁻⁵³ of the distance. The
    /// final rounding may give `high` itself, but never more.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        // An f64 holds 53 bits exactly, so the upper 53 bits of a word convert without rounding.
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        let share = (self.words.next_u64() >> 11) as f64 * STEP;
        (low + (high - low) * share).min(high)
    }

    /// Draws a whole number below `count` (at least 1), by Lemire's
    /// multiplication with rejection (ACM TOMACS 29(1), 2019): exact, and mostly
    /// one word per draw.
    fn below(&mut self, count: u64) -> u64 {
        let (mut low, mut high) = self.words.next_u64().carrying_mul(count, 0);
        // The division below is slow, and needed only if the lower half is below `count`.
        if low < count {
            let uneven = count.wrapping_neg() % count;
            while low < uneven {
                (low, high) = self.words.next_u64().carrying_mul(count, 0);
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_words_are_those_of_chacha8() {
        // Fixes the generator and the key layout: a change here changes the
        // pseudo-data of every seed.
        let mut draws = Draws::new(1938, Stream::Visits);
        let first: Vec<u64> = (0..3).map(|_| draws.within(0_u64, 999_999)).collect();
        assert_eq!(first, [301_833, 364_610, 919_826]);
    }

    #[test]
    fn streams_of_one_seed_differ_and_seeds_differ() {
        let take = |seed, stream| {
            let mut draws = Draws::new(seed, stream);
            [(); 4].map(|()| draws.within(0_u64, u64::MAX - 1))
        };
        let all = [
            take(1, Stream::Patients),
            take(1, Stream::Visits),
            take(1, Stream::Surnames),
            take(2, Stream::Patients),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn every_face_of_a_die_comes_up_about_as_often() {
        let mut draws = Draws::new(7, Stream::Visits);
        let mut faces = [0_u32; 6];
        for _ in 0..60_000 {
            faces[usize::from(draws.within(0_u8, 5))] += 1;
        }
        // Five standard deviations of a binomial(60000, 1/6) are about 457.
        assert!(faces.iter().all(|n| n.abs_diff(10_000) < 457), "{faces:?}");
    }

    proptest! {
        #[test]
        fn whole_draws_stay_within(seed: u64, a in 0..u64::MAX, b in 0..u64::MAX) {
            let (low, high) = (a.min(b), a.max(b));
            let mut draws = Draws::new(seed, Stream::Visits);
            for _ in 0..20 {
                let drawn = draws.within(low, high);
                prop_assert!((low..=high).contains(&drawn));
            }
        }

        #[test]
        fn uniform_draws_stay_within(seed: u64, low in -1e3..1e3, width in 0.0..1e3) {
            let high = low + width;
            let mut draws = Draws::new(seed, Stream::Visits);
            for _ in 0..20 {
                let drawn = draws.uniform(low, high);
                prop_assert!((low..=high).contains(&drawn));
            }
        }
    }
}
