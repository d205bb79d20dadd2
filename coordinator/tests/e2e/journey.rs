//! The documented workflow, with what it must and must not leave behind.

use std::fs;

use serde_json::Value;

use crate::support::{Project, files_holding, files_under};

const RESULTS: [&str; 12] = [
    "cohort.csv",
    "cohort_export.csv",
    "derived.csv",
    "effects.csv",
    "objects.csv",
    "patients.csv",
    "patients.parquet",
    "quality.csv",
    "report.html",
    "rules.csv",
    "streaks.csv",
    "summary.json",
];

#[test]
fn the_documented_workflow_gives_the_results_that_pandas_gives() {
    let project = Project::empty();
    for line in ["init", "key new homer.key", "synth --out plain", "put plain"] {
        project.sce(&line.split(' ').collect::<Vec<_>>()).exits(0);
    }
    let ran = project.run(&["--workers", "3"]).exits(0);
    let end = ran.json();
    assert_eq!(
        (end["state"].as_str(), end["counts"]["objects"].as_u64()),
        (Some("done"), Some(20))
    );
    assert_eq!(end["counts"]["rows"], 10_000);
    let listed = project.sce(&["runs", "--output", "json"]).exits(0);
    assert_eq!(listed.run(), ran.run());
    let summary = project.results(&ran.run(), "out", 0);
    let names: Vec<String> = fs::read_dir(project.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(RESULTS.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert_eq!(summary["run"], end["run"]);
    assert!(String::from_utf8_lossy(&project.read("out/report.html")).contains("</html>"));
    project.check_by_reference("out", &[]);
    project.python("test", "tests/python/schema.py", &["out"]).exits(0);
    project.sce(&["results", &ran.run(), "--out", "cohort", "--cohort"]).exits(0);
    let exported = files_under(&project.path("cohort"));
    assert!(exported.len() == 1 && exported[0].ends_with("cohort_export.csv"), "{exported:?}");
    assert_eq!(project.read("cohort/cohort_export.csv"), project.read("out/cohort_export.csv"));
    assert_eq!(files_under(&project.path(".sce/hipaa")), Vec::<std::path::PathBuf>::new());
    let mails = files_under(&project.path(".sce/mail/new"));
    assert!(mails.len() == 3 && mails.iter().all(|m| m.extension().unwrap() == "eml"), "{mails:?}");
    for subject in ["starts", "done", "last worker gone"] {
        let separator = if subject.contains("gone") { ": " } else { " " };
        let subject = format!("{}{separator}{subject}", ran.run());
        assert_eq!(project.mails(&subject), 1, "{subject}");
    }
    nothing_is_left_to_do(&project);
}

fn nothing_is_left_to_do(project: &Project) {
    let again = project.sce(&["run"]).exits(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:?}");
    let again = project.run(&[]).exits(0).json();
    assert_eq!((&again["run"], &again["state"]), (&Value::Null, &"empty".into()));
    assert_eq!(again["counts"]["objects"], 0);
    let twice = project.sce(&["put", "plain"]).exits(1);
    for position in 1..=20 {
        assert_eq!(twice.lines_with(&format!("input {position} ")).len(), 1, "{twice:?}");
    }
    assert!(twice.lines_with("already registered").len() == 20, "{twice:?}");
}

/// Rows of a patient whose id and readings do not occur elsewhere.
fn marked_rows() -> String {
    let header = "date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI";
    let row = |n: u32| {
        format!(
            "1939-07-{:02} 03:04:05,9988776655,{}.125,75,14,66,97.5,98.25,160.5,24.25",
            n + 1,
            120 + n
        )
    };
    format!("{header}\n{}\n", (0..20).map(row).collect::<Vec<_>>().join("\n"))
}

#[test]
fn no_health_data_is_in_the_clear_outside_plain_and_out() {
    let project = Project::new();
    project.write("plain/part-000001.csv", marked_rows());
    project.write(
        "plain/part-000002.csv",
        marked_rows()
            .replace(",75,14,", ",75,14 9988776644,")
            .replace("98.25,160.5,24.25", "98.25"),
    );
    project.sce(&["put", "plain"]).exits(0);
    let ran = project.run(&[]).exits(1);
    let shown = project.sce(&["results", &ran.run(), "--out", "out"]).exits(1);
    let run = project.sce(&["runs"]).exits(0);
    for text in ["9988776655", "9988776644", "1939-07", "03:04:05", ".125,75", "heart rate,OSat"] {
        assert_eq!(
            files_holding(&project.path(".sce"), text),
            Vec::<std::path::PathBuf>::new(),
            "{text}"
        );
        assert!(!files_holding(&project.path("plain"), text).is_empty(), "control: {text}");
        for output in [&ran, &shown, &run] {
            assert!(!format!("{output:?}").contains(text), "{output:?}");
        }
    }
    assert!(
        !files_holding(&project.path("out"), "9988776655").is_empty(),
        "control: results name patients"
    );
    assert!(
        !files_holding(&project.path(".sce/fleet/logs"), "claimed").is_empty(),
        "control: logs are read"
    );
}

#[test]
fn replaced_prefixed_and_listed_objects_are_what_the_next_run_takes() {
    let project = Project::with_data(200, 4);
    let first = project.run(&[]).exits(0);
    project.write("new/part-000001.csv", marked_rows());
    project.sce(&["put", "new", "--replace"]).exits(0);
    project.sce(&["put", "new", "--prefix", "study-7"]).exits(0);
    project.write("none", "part-000009.csv\n");
    let absent = project.run(&["--manifest", "none"]).exits(2);
    assert!(absent.only_line().contains("manifest: 1 object not registered"), "{absent:?}");
    let prefixed = project.run(&["--prefix", "study-7/"]).exits(0);
    assert_eq!(
        (&prefixed.json()["counts"]["objects"], &prefixed.json()["counts"]["rows"]),
        (&1.into(), &20.into())
    );
    project.write("list", "part-000001.csv\n");
    let replaced = project.run(&["--manifest", "list"]).exits(0);
    assert_eq!(replaced.json()["counts"]["rows"], 20);
    let empty = project.run(&[]).exits(0);
    assert_eq!(empty.json()["state"], "empty");
    let again = project.run(&["--again"]).exits(0);
    assert_eq!(
        (&again.json()["counts"]["objects"], &again.json()["counts"]["rows"]),
        (&5.into(), &190.into())
    );
    assert_ne!(again.run(), first.run());
    project.sce(&["retry", &again.run()]).exits(0);
}

#[test]
fn a_detached_run_continues_and_can_be_canceled_and_retried() {
    let project = Project::with_data(100, 2);
    let started = project.run(&["--detach", "--workers", "0"]).exits(0);
    assert_eq!(started.json()["state"], "running");
    let run = started.run();
    project.sce(&["results", &run, "--out", "out"]).exits(2);
    project.sce(&["retry", &run]).exits(2);
    let canceled = project.sce(&["cancel", &run, "--output", "json"]).exits(0);
    assert_eq!(canceled.json()["state"], "canceled");
    project.sce(&["cancel", &run]).exits(0);
    let ended = project.sce(&["watch", &run, "--output", "json"]).exits(1);
    assert_eq!(ended.json()["state"], "canceled");
    let retried = project.sce(&["retry", &run, "--output", "json"]).exits(0);
    assert_eq!(retried.json()["counts"]["analyzed"], 2);
    project.sce(&["watch", "no-such-run"]).exits(2);
    project.sce(&["watch", &retried.run()[..8]]).exits(0);
}

#[test]
fn the_demo_runs_the_whole_workflow_and_refuses_a_used_directory() {
    let project = Project::empty();
    let demo = project.sce(&["demo", "--dir", "show"]).exits(0);
    assert!(demo.stdout.contains("report:  "), "{demo:?}");
    for name in RESULTS {
        assert!(project.path("show/out").join(name).is_file(), "{name}");
    }
    let refused = project.sce(&["demo", "--dir", "show"]).exits(2);
    assert!(
        refused.only_line().contains("is not empty: remove it, or choose another with --dir"),
        "{refused:?}"
    );
}
