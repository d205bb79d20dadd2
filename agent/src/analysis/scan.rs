//! Finds the bytes of a text that may end a field, 64 at a time.
//!
//! Used by [`super::split`] and nothing else. Comma, quote and line feed are
//! all at most `,`, which digits, points, dashes, colons and letters are not:
//! one subtraction per eight bytes finds the few that need a closer look. It
//! knows no quoting, and may also report blanks and other low bytes.

const BLOCK: usize = 64;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Where the next byte up to `,` is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scanner {
    base: usize,
    /// One bit per byte from `base`: the candidates not yet reported.
    candidates: u64,
}

impl Scanner {
    /// Starts at a position of `bytes`.
    #[inline]
    pub fn seek(&mut self, bytes: &[u8], at: usize) {
        self.base = at;
        self.candidates = load(bytes, at);
    }

    /// The next candidate in the `bytes` given to `seek`.
    #[inline]
    pub fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.candidates == 0 {
            self.base += BLOCK;
            if self.base >= bytes.len() {
                return None;
            }
            self.candidates = load(bytes, self.base);
        }
        let at = self.base + self.candidates.trailing_zeros() as usize;
        self.candidates &= self.candidates - 1;
        Some(at)
    }
}

#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk::<BLOCK>().map_or_else(|| low_bytes_of_last(rest), low_bytes)
}

#[cold]
fn low_bytes_of_last(rest: &[u8]) -> u64 {
    // Filled up with a byte that is no candidate.
    let mut block = [b'0'; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    low_bytes(&block)
}

/// One bit per byte: it is at most `,`.
#[inline]
fn low_bytes(block: &[u8; BLOCK]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let mut mask = 0;
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // With its top bit set no byte borrows from the next; the bit is gone
        // after the subtraction where the seven below it are at most `,`.
        let low = !((word | TOPS) - ONES * u64::from(b',' + 1)) & !word & TOPS;
        // Gathers the eight top bits in the highest byte.
        mask |= (low.wrapping_mul(0x0002_0408_1020_4081) >> 56) << (8 * at);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_low_byte_is_found_from_anywhere(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b','), Just(b'\n'), Just(b'-')], 0..300),
            from in any::<proptest::sample::Index>(),
        ) {
            let from = from.index(bytes.len() + 1);
            let mut scanner = Scanner::default();
            scanner.seek(&bytes, from);
            let found: Vec<usize> = std::iter::from_fn(|| scanner.next(&bytes)).collect();
            let expected: Vec<usize> =
                (from..bytes.len()).filter(|at| bytes[*at] <= b',').collect();
            prop_assert_eq!(found, expected);
        }
    }
}
