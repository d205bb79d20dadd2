//! However rows are split, ordered, packed and merged, every result that
//! does not name objects is the same, byte for byte.

use crate::driver::{analysis, analyzed, file, files, partial, read};
use proptest::prelude::*;
use sce_core::calendar;
use sce_study::{AnalysisError, TypedAnalysis};
use sce_vitals::VitalsPartial;

/// One cell: usually a value, sometimes missing, implausible or unreadable.
fn cell(low: i32, high: i32, decimals: usize) -> impl Strategy<Value = String> {
    let scale = 10_i32.pow(u32::try_from(decimals).unwrap());
    prop_oneof![
        20 => (low * scale..high * scale)
            .prop_map(move |v| format!("{:.*}", decimals, f64::from(v) / f64::from(scale))),
        1 => Just(String::new()),
        1 => Just("9999".to_owned()),
        1 => Just("x".to_owned()),
    ]
}

fn row() -> impl Strategy<Value = String> {
    let key = (0..4_u8, 0..40_i64, (0..2_u8, -50..50_i32, 0..3_u8));
    let cells = (
        cell(80, 230, 0),
        cell(40, 120, 0),
        cell(5, 30, 0),
        cell(35, 140, 0),
        cell(88, 100, 4),
        cell(94, 104, 4),
        cell(98, 280, 1),
        cell(17, 45, 2),
    );
    (key, cells).prop_map(|((patient, hour, (basie, pain, dk)), (a, b, c, d, e, f, g, h))| {
        let time = calendar::format(-983_750_400 + hour * 7200);
        format!("{time},{patient},{a},{b},{c},{d},{e},{f},{g},{h},{basie},{pain}.5,{dk},0,0,0")
    })
}

/// Merges neighbours pairwise along a random tree.
fn merge_in_a_tree(mut parts: Vec<VitalsPartial>, mut choice: u64) -> VitalsPartial {
    let analysis = analysis();
    while parts.len() > 1 {
        let at = usize::try_from(choice).unwrap() % (parts.len() - 1);
        choice = choice / 7 + 3;
        let right = parts.remove(at + 1);
        let left = parts.remove(at);
        let (left, right) = if choice.is_multiple_of(2) { (left, right) } else { (right, left) };
        let merged = analysis.merge(vec![left, right]).unwrap();
        parts.insert(at, analysis.decode(&analysis.encode(&merged).unwrap()).unwrap());
    }
    analysis.merge(parts).unwrap()
}

/// The results that do not name objects.
pub const UNNAMED: [&str; 8] = [
    "patients.parquet",
    "patients.csv",
    "streaks.csv",
    "derived.csv",
    "effects.csv",
    "rules.csv",
    "cohort.csv",
    "cohort_export.csv",
];

fn results(objects: &[String], merged: VitalsPartial) -> Vec<u8> {
    let names: Vec<&str> = objects.iter().map(String::as_str).collect();
    let deliverables = files(analysis().deliver(&analyzed(&names), merged).unwrap());
    UNNAMED.map(|name| deliverables[name].clone()).concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_order_and_tree_give_the_same_bytes(
        rows in proptest::collection::vec((row(), 0..8_usize), 1..60),
        shuffled in any::<proptest::sample::Index>(),
        choice in 0..u64::from(u32::MAX),
    ) {
        let whole = file(&rows.iter().map(|(row, _)| row).collect::<Vec<_>>());
        let one = ["one.csv".to_owned()];
        let expected = results(&one, partial("one.csv", &whole));

        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for object in 0..8 {
            let mut of_object: Vec<&String> =
                rows.iter().filter(|(_, o)| *o == object).map(|(row, _)| row).collect();
            if of_object.is_empty() {
                continue;
            }
            let turn = shuffled.index(of_object.len());
            of_object.rotate_left(turn);
            names.push(format!("{object}.csv"));
            parts.push(partial(&names[names.len() - 1], &file(&of_object)));
        }
        let turn = shuffled.index(parts.len());
        parts.rotate_left(turn);
        let at_once = analysis().merge(parts.clone()).unwrap();
        prop_assert_eq!(&results(&names, at_once), &expected);
        prop_assert_eq!(&results(&names, merge_in_a_tree(parts, choice)), &expected);
    }

    #[test]
    fn chunk_boundaries_do_not_matter(
        rows in proptest::collection::vec(row(), 1..20),
        chunk in 1..100_usize,
    ) {
        let text = file(&rows).replace(",1.5,", ",\"a \"\"quoted\"\"\nnote, with é\",");
        let encoded = |chunk| {
            let partial = read("a.csv", text.as_bytes(), chunk).unwrap();
            analysis().encode(&partial).unwrap()
        };
        let whole = encode_whole(&text);
        prop_assert_eq!(encoded(chunk), whole.clone());
        prop_assert_eq!(encoded(1), whole);
    }
}

fn encode_whole(text: &str) -> Vec<u8> {
    analysis().encode(&partial("a.csv", text)).unwrap()
}

#[test]
fn the_same_object_twice_is_refused() {
    let part = partial("a.csv", &file(&["1938-10-30,1,120,80,15,70,98,98,150,22,0,0,0,0,0,0"]));
    let twice = analysis().merge(vec![part.clone(), part]);
    assert_eq!(twice.err(), Some(AnalysisError::ObjectTwice { object: "a.csv".to_owned() }));
}

#[test]
fn rows_are_counted_per_object() {
    use sce_study::{TypedAnalysis, TypedObject};
    let row = "1938-10-30,1,120,80,15,70,98,98,150,22,0,0,0,0,0,0";
    for rows in [1_usize, 3] {
        let mut object = analysis().begin("a.csv");
        object.push(file(&vec![row; rows]).as_bytes()).unwrap();
        assert_eq!(object.finish().unwrap().1, rows as u64);
    }
}
