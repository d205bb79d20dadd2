//! Damaged partials are refused, and never make the reader panic.

use crate::driver::{analysis, file, partial};
use proptest::prelude::*;
use sce_study::{AnalysisError, TypedAnalysis};
use std::sync::LazyLock;

static ENCODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let rows = ["1938-10-30,1,120,80,15,70,98,98,150,22,0,0,0,0,0,0"; 9];
    analysis().encode(&partial("a.csv", &file(&rows))).unwrap()
});

fn is_damaged(bytes: &[u8]) -> bool {
    matches!(analysis().decode(bytes).err(), Some(AnalysisError::Damaged(_)))
}

#[test]
fn an_undamaged_partial_comes_back_as_it_was() {
    let again = analysis().encode(&analysis().decode(&ENCODED).unwrap()).unwrap();
    assert_eq!(again, *ENCODED);
    let empty = analysis().merge(Vec::new()).unwrap();
    assert!(analysis().decode(&analysis().encode(&empty).unwrap()).is_ok());
}

#[test]
fn every_truncation_and_extension_is_refused() {
    for length in 0..ENCODED.len() {
        assert!(is_damaged(&ENCODED[..length]), "{length}");
    }
    let mut longer = ENCODED.clone();
    longer.push(0);
    assert!(is_damaged(&longer));
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused(at in any::<proptest::sample::Index>(), change in 1..=255_u8) {
        let mut bytes = ENCODED.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(is_damaged(&bytes));
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(is_damaged(&bytes));
    }
}
