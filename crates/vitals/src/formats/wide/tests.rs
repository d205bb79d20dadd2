//! The one-pass row reader compared with splitting by `csv-core`.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::rules::range::{PlausibleRanges, RangeProfile};
use crate::rules::statistics::ObjectStatistics;
use crate::spill::visits::ObjectSpill;
use proptest::prelude::*;
use std::sync::Arc;

const HEADER: [&str; 11] = [
    "systol",
    "ID",
    "note",
    "diastol",
    "resp.rate",
    "heart rate",
    "OSat",
    "temp",
    "weight",
    "BMI",
    "date",
];

fn read(text: &str) -> Result<(u64, ObjectStatistics), Defect> {
    let mut into = ObjectAccumulator::new(
        PlausibleRanges::of(RangeProfile::Default),
        Arc::default(),
        Box::new(ObjectSpill::new("a", &std::env::temp_dir())),
    );
    let mut decoder = WideCsv::new();
    decoder.push(text.as_bytes(), &mut into)?;
    let rows = decoder.finish(&mut into)?;
    Ok((rows, into.finish().map_err(|_| Defect::NoScratch)?))
}

/// Returns a file of these rows under the header; its columns are rotated so that any of them may
/// be the last.
fn file(rows: &[Vec<String>], turn: usize, quote: &str, line_end: &str) -> String {
    let header: Vec<String> = HEADER.map(str::to_owned).to_vec();
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let mut row = row.clone();
        let by = turn % row.len();
        row.rotate_left(by);
        let fields: Vec<String> = row.iter().map(|f| format!("{quote}{f}{quote}")).collect();
        text += &(fields.join(",") + line_end);
    }
    text
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..2500).prop_map(|v| (f64::from(v) / 10.0).to_string()),
        4 => (0..300).prop_map(|v: i32| v.to_string()),
        4 => "1938-10-0[1-9]",
        1 => "[a-zA-Z0-9 .é:-]{0,12}",
        1 => Just(String::new()),
        1 => Just("NA".to_owned()),
    ]
}

fn row() -> impl Strategy<Value = Vec<String>> {
    let plain = proptest::collection::vec(field(), 11).prop_map(|mut row| {
        row[1] = "7".to_owned();
        row[10] = "1938-10-30 07:00:00".to_owned();
        row
    });
    prop_oneof![
        20 => plain,
        1 => proptest::collection::vec(field(), 11),
        1 => proptest::collection::vec(field(), 10..13),
    ]
}

proptest! {
    /// Reading in one pass gives the same as splitting with csv-core.
    #[test]
    fn quoted_and_plain_files_read_the_same(
        rows in proptest::collection::vec(row(), 0..12),
        turn in 0..11_usize,
    ) {
        let split = read(&file(&rows, turn, "\"", "\n"));
        for line_end in ["\n", "\r\n"] {
            let plain = read(&file(&rows, turn, "", line_end));
            prop_assert_eq!(format!("{plain:?}"), format!("{split:?}"));
        }
    }
}

#[test]
fn a_row_without_a_date_is_refused_even_as_the_first() {
    let row: Vec<String> = ["120", "7", "x", "80", "15", "70", "98", "98.6", "150", "22", ""]
        .map(str::to_owned)
        .to_vec();
    for (quote, turn) in [("", 0), ("\"", 0), ("", 10), ("\"", 10)] {
        let read = read(&file(std::slice::from_ref(&row), turn, quote, "\n"));
        assert_eq!(read.err(), Some(Defect::Unreadable { row: 1, column: DATE }));
    }
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let row: Vec<String> =
        ["120", "John", "x", "80", "15", "70", "98", "98.6", "150", "22", "1938-10-30"]
            .map(str::to_owned)
            .to_vec();
    for turn in 0..HEADER.len() {
        let (rows, statistics) = read(&file(std::slice::from_ref(&row), turn, "", "\n")).unwrap();
        let (name, patient) = statistics.patients().next().unwrap();
        assert_eq!((rows, name), (1, "John"));
        assert_eq!(patient.cells[Vital::SystolicBp.index()].max, 120.0);
        assert_eq!(patient.cells[Vital::Bmi.index()].max, 22.0);
        assert_eq!(patient.cells[Vital::Temperature.index()].max, (98.6 - 32.0) / 1.8);
        assert_eq!(patient.cells[Vital::Weight.index()].max, 150.0 * 0.453_592_37);
        assert_eq!(patient.news2.bands.low, 1);
        assert!(!statistics.measures(Vital::Height));
    }
}
