//! The other deliverables: names, columns, contents, and runs in which nothing was analyzed.

use crate::driver::{analysis, analyzed, deliver, file, files, partial, table, text};
use polars::prelude::*;
use polars_io::SerReader;
use polars_io::prelude::ParquetReader;
use sce_study::{AnalysisError, InputFact, InputOutcome, RunFacts, TypedAnalysis};

const ROWS: [&str; 5] = [
    "1938-10-30 00:00:00,2,120,80,15,70,98,98.6,150,22,0,0,0,0,0,0",
    "1938-10-31 00:00:00,2,120,120,15,70,98,98.6,150,22,0,0,0,0,0,0",
    "1938-10-31 00:00:00,10,85,60,15,70,98,98.6,150,22,0,0,0,0,0,0",
    "1938-10-30 00:00:00,10,85,60,30,140,98,98.6,,x,0,0,0,0,0,0",
    "1938-11-30 00:00:00,10,85,60,15,999,90,98.6,,x,0,0,0,0,0,0",
];

#[test]
fn the_files_are_always_the_same() {
    let mut expected = [
        "patients.parquet",
        "patients.csv",
        "streaks.csv",
        "derived.csv",
        "effects.csv",
        "rules.csv",
        "cohort.csv",
        "cohort_export.csv",
        "quality.csv",
        "objects.csv",
        "summary.json",
        "report.html",
    ];
    expected.sort_unstable();
    let text = file(&ROWS);
    assert!(deliver(&text).into_keys().eq(expected));
    assert_eq!(deliver(&text), deliver(&text));
}

#[test]
fn patients_come_in_natural_order_and_without_the_run() {
    let csv = text(&deliver(&file(&ROWS)), "patients.csv");
    let patients: Vec<String> =
        table(&csv).iter().skip(1).step_by(8).map(|r| r[0].clone()).collect();
    assert_eq!(patients, ["2", "10"]);
    assert!(!csv.contains("run-7f3a"));
}

#[test]
fn the_parquet_table_is_the_csv_typed() {
    let deliverables = deliver(&file(&ROWS));
    let csv = table(&text(&deliverables, "patients.csv"));
    let parquet = std::io::Cursor::new(deliverables["patients.parquet"].clone());
    let frame = ParquetReader::new(parquet).finish().unwrap();
    let names: Vec<&str> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
    assert_eq!(names, csv[0]);
    assert_eq!(frame.height(), csv.len() - 1);
    let first = frame.column("first_time").unwrap();
    assert_eq!(*first.dtype(), DataType::Datetime(TimeUnit::Microseconds, None));
    let micros = first.cast(&DataType::Int64).unwrap();
    assert_eq!(micros.i64().unwrap().get(0), Some(-983_750_400_000_000));
    let mean = frame.column("mean").unwrap().f64().unwrap();
    for (row, fields) in csv.iter().skip(1).enumerate() {
        assert_eq!(fields[6].parse().ok(), mean.get(row));
    }
}

#[test]
fn quality_is_counted_per_object_and_vital() {
    let csv = text(&deliver(&file(&ROWS)), "quality.csv");
    let expected = "\
object,vital,values,missing,implausible,unparsable,unknown_unit,duplicates,out_of_order,before_birth,after_death,dbp_not_below_sbp,equal_column,bmi_differs
a.csv,systolic_bp,5,0,0,0,0,0,1,,,,0,
a.csv,diastolic_bp,5,0,0,0,0,0,1,,,1,0,
a.csv,heart_rate,4,0,1,0,0,0,1,,,,0,
a.csv,respiratory_rate,5,0,0,0,0,0,1,,,,0,
a.csv,spo2,5,0,0,0,0,0,1,,,,0,
a.csv,temperature,5,0,0,0,0,0,1,,,,0,
a.csv,weight,3,2,0,0,0,0,0,,,,0,
a.csv,bmi,3,0,0,2,0,0,0,,,,0,0
";
    assert_eq!(csv, expected);
}

#[test]
fn the_summary_has_the_promised_shape() {
    let json: serde_json::Value =
        serde_json::from_slice(&deliver(&file(&ROWS))["summary.json"]).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["run"], "run-7f3a");
    assert_eq!(json["patients"], 2);
    assert_eq!(json["inputs"][0]["object"], "a.csv");
    assert_eq!(json["inputs"][0]["rows"], 5);
    assert_eq!(json["inputs"][0]["outcome"], "analyzed");
    assert_eq!(json["inputs"][0]["digest"].as_str().unwrap().len(), 64);
    let systolic = &json["vitals"]["systolic_bp"];
    assert_eq!((&systolic["n"], &systolic["patients"]), (&5.into(), &2.into()));
    assert_eq!((&systolic["mean"], &systolic["max"]), (&99.0.into(), &120.0.into()));
    assert_eq!(systolic["first_value"], 102.5);
    assert_eq!(systolic["unit"], "mm[Hg]");
    assert!(json["vitals"].get("height").is_none());
    // Scores: 0, 0, 3 alone, 3+3+3; the last row lacks a pulse.
    let news2 = &json["news2"];
    let bands =
        ["complete", "low", "low_medium", "medium", "high"].map(|b| news2[b].as_u64().unwrap());
    assert_eq!(bands, [4, 2, 1, 0, 1]);
    assert_eq!(json["quality"]["implausible"], 1);
    assert_eq!(json["quality"]["dbp_not_below_sbp"], 1);
}

#[test]
fn the_cohort_table_reads_like_a_paper() {
    let csv = table(&text(&deliver(&file(&ROWS)), "cohort.csv"));
    assert_eq!(csv[0], ["variable", "statistic", "n", "missing", "value"]);
    assert_eq!(csv[1], ["patients", "n", "", "", "2"]);
    assert_eq!(csv[2], ["systolic_bp (mm[Hg])", "mean (SD)", "5", "0", "99 (19.17)"]);
    assert_eq!(csv[3], ["systolic_bp (mm[Hg])", "median [Q1,Q3]", "5", "0", "85 [85,120]"]);
    assert_eq!(csv[csv.len() - 6], ["news2_partial low", "n (%)", "4", "", "2 (50.0)"]);
    assert_eq!(csv[csv.len() - 2], ["news2_partial age unknown", "n", "", "", "4"]);
}

#[test]
fn the_export_shows_no_small_number() {
    // 30 patients: the weight of two is missing, and one has a fever.
    let rows: Vec<String> = (0..30)
        .map(|patient| {
            let weight = if patient < 2 { "" } else { "150" };
            let temp = if patient == 5 { 101.5 } else { 98.6 };
            format!("1938-10-30,{patient},120,80,15,70,98,{temp},{weight},22,0,0,0,0,0,0")
        })
        .collect();
    let csv = table(&text(&deliver(&file(&rows)), "cohort_export.csv"));
    let get = |variable: &str, statistic: &str| {
        let row = csv.iter().find(|row| row[0] == variable && row[1] == statistic).unwrap();
        row[2].clone()
    };
    assert_eq!(csv[0], ["variable", "statistic", "value"]);
    assert_eq!(get("all", "patients"), "30");
    for category in ["measured, patients", "not measured, patients"] {
        assert_eq!(get("weight", category), "suppressed");
    }
    assert_eq!(get("weight", "mean (SD), kg"), "68.04 (0)");
    assert_eq!(get("fever", "ever, patients"), "suppressed");
    assert_eq!(get("fever", "never, patients"), "suppressed");
    assert_eq!(get("fever", "not measured, patients"), "0");
    assert_eq!(get("heart_rate", "measured, patients"), "30");
    assert_eq!(get("bp_category", "not measured, patients"), "30");
    // Of ten patients, only numbers that are 0 are shown.
    let few = table(&text(&deliver(&file(&rows[..10])), "cohort_export.csv"));
    assert!(few.iter().skip(1).all(|row| row[2] == "suppressed" || row[2] == "0"), "{few:?}");
}

#[test]
fn a_run_whose_objects_are_all_quarantined_has_its_files_too() {
    let input = |object: &str, outcome| InputFact {
        object: object.to_owned(),
        outcome,
        reason: Some("row 3 has <b>15</b> fields where the header has 16".to_owned()),
    };
    let facts = RunFacts {
        run: "r".to_owned(),
        inputs: vec![
            input("a.csv", InputOutcome::Quarantined),
            input("b.csv", InputOutcome::Failed),
        ],
    };
    let deliverables = analysis().deliver(&facts, analysis().merge(Vec::new()).unwrap()).unwrap();
    let deliverables = files(deliverables);
    let json: serde_json::Value = serde_json::from_slice(&deliverables["summary.json"]).unwrap();
    assert_eq!(json["inputs"][0]["outcome"], "quarantined");
    assert_eq!(json["inputs"][1]["outcome"], "failed");
    assert!(json["inputs"][1]["digest"].is_null());
    assert!(json["vitals"].as_object().unwrap().is_empty());
    assert_eq!(table(&text(&deliverables, "patients.csv")).len(), 1);
    let report = text(&deliverables, "report.html");
    assert!(report.contains("&lt;b&gt;") && !report.contains("<b>"));
}

#[test]
fn the_report_fetches_nothing_and_has_its_notes() {
    let report = text(&deliver(&file(&ROWS)), "report.html");
    for forbidden in ["<script", "http://", "https://", "<link", "@import", "url(", "src="] {
        assert!(!report.contains(forbidden), "{forbidden}");
    }
    for wanted in
        ["not for under 16s or in pregnancy", "age unknown", "run-7f3a", "a.csv", "lang=\"en\""]
    {
        assert!(report.contains(wanted), "{wanted}");
    }
}

#[test]
fn facts_and_partial_must_agree() {
    let part = || partial("a.csv", &file(&ROWS));
    let differs = |facts: &RunFacts| {
        matches!(analysis().deliver(facts, part()), Err(AnalysisError::FactsDiffer { .. }))
    };
    assert!(differs(&analyzed(&[])));
    assert!(differs(&analyzed(&["a.csv", "b.csv"])));
    assert!(differs(&analyzed(&["b.csv"])));
    let mut quarantined = analyzed(&["a.csv"]);
    quarantined.inputs[0].outcome = InputOutcome::Quarantined;
    assert!(differs(&quarantined));
    assert!(!differs(&analyzed(&["a.csv"])));
}
