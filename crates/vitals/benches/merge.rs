//! Merging the rows of a partial's largest table: our merge against the
//! aggregation of Polars. Both must give the same table.
//!
//! `cargo bench --workspace --profile dist --features sce-vitals/bench --bench merge`
#![allow(clippy::unwrap_used, deprecated)]

use std::time::{Duration, Instant};

use polars::prelude::*;
use sce_vitals::bench::{merge_pairs, pairs};

/// Partials that are merged, and patients in each: every patient is in each.
const PARTIALS: u64 = 16;
const PATIENTS: u64 = 2_000;
const TIMES: usize = 7;

fn by_polars(table: &DataFrame) -> DataFrame {
    let keys = ["patient", "effect", "term"];
    let names = table.get_column_names_owned();
    let groups = table.group_by_stable(keys).unwrap().select(names[keys.len()..].iter().cloned());
    let mut merged = groups.sum().unwrap();
    merged.set_column_names(&names).unwrap();
    merged
}

fn median(mut run: impl FnMut() -> DataFrame) -> (Duration, DataFrame) {
    let mut times = Vec::new();
    let mut merged = run();
    for _ in 0..TIMES {
        let start = Instant::now();
        merged = run();
        times.push(start.elapsed());
    }
    times.sort();
    (times[TIMES / 2], merged)
}

fn main() {
    let table = pairs(PARTIALS, PATIENTS);
    let (ours, merged) = median(|| merge_pairs(&table));
    let (theirs, expected) = median(|| by_polars(&table));
    assert!(merged.equals(&expected), "both merges give the same table");
    println!(
        "{} rows to {}: {ours:.1?}; Polars: {theirs:.1?} ({:.2} times as long)",
        table.height(),
        merged.height(),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
}
