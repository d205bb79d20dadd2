//! Objects that do not open: another key, altered, truncated, swapped, foreign,
//! missing, changed. Each gives one line, and the others are analyzed.

use std::fs;

use crate::support::{Output, Project};

const OBJECTS: u32 = 12;

fn stored(number: u32) -> String {
    format!(".sce/objects/data/part-{number:06}.csv")
}

/// Asserts that one line names the object, the cause and the remedy.
#[track_caller]
fn assert_reported(ran: &Output, object: &str, what: &str, remedy: &str) {
    let lines = ran.lines_with(object);
    assert!(lines.len() == 1, "{object}: {lines:#?}");
    assert!(lines[0].contains(what) && lines[0].contains(remedy), "{object}: {}", lines[0]);
}

#[test]
fn only_damaged_objects_of_the_store_are_quarantined() {
    let project = Project::with_data(4000, OBJECTS);
    // The ends of the object identify its version; in between, only the tags protect it.
    project.alter(&stored(1), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    project.alter(&stored(2), |bytes| bytes[8] ^= 1);
    project.alter(&stored(3), |bytes| bytes.truncate(bytes.len() - 1));
    let (four, five) = (project.read(&stored(4)), project.read(&stored(5)));
    project.write(&stored(4), five);
    project.write(&stored(5), four);
    fs::remove_file(project.path(&stored(6))).unwrap();
    project.write(&stored(7), "");
    let ran = project.run(&[]).exits(1);
    assert_reported(&ran, "part-000001", "frame 1: tag does not verify", "upload it again");
    for changed in ["part-000002", "part-000003", "part-000004", "part-000005", "part-000007"] {
        assert_reported(
            &ran,
            changed,
            "it changed after it was registered",
            "put it again with --replace",
        );
    }
    assert_reported(&ran, "part-000006", "missing from the store", "put it again");
    assert_eq!(ran.json()["counts"]["quarantined"], 7);
    let summary = project.results(&ran.run(), "out", 1);
    let outcomes = summary["inputs"].as_array().unwrap();
    let quarantined =
        outcomes.iter().filter(|i| i["outcome"].as_str().unwrap().starts_with("quarantined"));
    assert_eq!((outcomes.len(), quarantined.count()), (OBJECTS as usize, 7));
    let leave_out: Vec<String> = (1..=7).map(|n| format!("part-{n:06}.csv")).collect();
    project.check_by_reference("out", &leave_out.iter().map(String::as_str).collect::<Vec<_>>());
    // The remedies of the lines work: after another put, the rest is analyzed.
    project.sce(&["put", "plain", "--replace"]).exits(0);
    let retried = project.sce(&["retry", &ran.run(), "--output", "json"]).exits(0);
    assert_eq!(retried.json()["counts"]["analyzed"], 7);
}

#[test]
fn sealed_objects_that_are_wrong_are_refused_or_quarantined() {
    let project = Project::new();
    project.synth(600, 6);
    project.sce(&["key", "new", "other.key"]).exits(0);
    let seal = |number: u32, more: &[&str]| {
        let (plain, out) =
            (format!("plain/part-{number:06}.csv"), format!("in/part-{number:06}.csv"));
        fs::create_dir_all(project.path("in")).unwrap();
        project.sce(&[&["seal", &plain, &out], more].concat()).exits(0);
        out
    };
    seal(1, &["--key-file", "other.key"]);
    let cut = seal(2, &["--frame-length", "1000"]);
    project.alter(&cut, |bytes| bytes.truncate(bytes.len() - 100));
    let flipped = seal(3, &[]);
    project.alter(&flipped, |bytes| bytes[8] ^= 1);
    let longer = seal(4, &[]);
    project.alter(&longer, |bytes| bytes.push(0));
    seal(5, &["--pit", "other"]);
    seal(6, &["--object", "part-000007.csv"]);
    fs::copy(project.path("plain/part-000001.csv"), project.path("in/part-000008.csv")).unwrap();
    seal_good(&project);
    let put = project.sce(&["put", "--sealed", "in", "--output", "json"]).exits(1);
    assert_eq!((&put.json()["put"], &put.json()["refused"]), (&5.into(), &3.into()));
    assert_reported(&put, "part-000005", "`pit` differs", "sealed for another place");
    assert_reported(&put, "part-000006", "`object` differs", "sealed for another place");
    assert_reported(&put, "part-000008", "not a sealed object", "seal it with");
    let ran = project.run(&[]).exits(1);
    assert_reported(
        &ran,
        "part-000001",
        "sealed with another key",
        "configure the key it was sealed with",
    );
    assert_reported(&ran, "part-000002", "ends early", "upload it again");
    assert_reported(&ran, "part-000003", "header: tag does not verify", "upload it again");
    assert_reported(&ran, "part-000004", "bytes follow the final frame", "upload it again");
    assert_eq!(
        (&ran.json()["counts"]["analyzed"], ran.lines_with("part-000009").len()),
        (&1.into(), 0)
    );
}

fn seal_good(project: &Project) {
    project
        .sce(&["seal", "plain/part-000002.csv", "in/part-000009.csv", "--frame-length", "77"])
        .exits(0);
}

#[test]
fn a_wrong_key_costs_nothing_but_the_retry() {
    let project = Project::with_data(300, 3);
    project.sce(&["key", "new", "other.key"]).exits(0);
    let ran = project.run(&["--key-file", "other.key"]).exits(1);
    for object in ["part-000001", "part-000002", "part-000003"] {
        assert_reported(
            &ran,
            object,
            "sealed with another key",
            "configure the key it was sealed with",
        );
    }
    assert_eq!(ran.json()["counts"]["quarantined"], 3);
    let retried = project.sce(&["retry", &ran.run(), "--output", "json"]).exits(0);
    project.results(&retried.run(), "out", 0);
    project.check_by_reference("out", &[]);
    let refused = project
        .sce(&["results", &retried.run(), "--out", "bad", "--key-file", "other.key"])
        .exits(2);
    assert!(refused.only_line().contains("sealed with another key"), "{refused:?}");
    assert!(
        fs::read_dir(project.path("bad")).unwrap().next().is_none(),
        "an unverified file was written"
    );
}

#[test]
fn a_damaged_result_is_not_written_and_can_be_computed_again() {
    let project = Project::with_data(100, 2);
    let ran = project.run(&[]).exits(0);
    let stored = format!(".sce/objects/output/runs/{}/final/1/patients.csv", ran.run());
    project.alter(&stored, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let refused = project.sce(&["results", &ran.run(), "--out", "out"]).exits(3);
    assert!(refused.only_line().contains("sce run --again"), "{refused:?}");
    assert!(!project.path("out/patients.csv").exists(), "an unverified file was written");
    project.results(&project.run(&["--again"]).exits(0).run(), "out", 0);
    project.check_by_reference("out", &[]);
}

#[test]
fn an_object_replaced_during_a_run_waits_for_the_next() {
    let project = Project::with_data(300, 3);
    let started = project.run(&["--detach", "--workers", "0"]).exits(0);
    fs::rename(project.path("plain/part-000002.csv"), project.path("plain/part-000001.csv"))
        .unwrap();
    project.sce(&["put", "--replace", "plain/part-000001.csv"]).exits(0);
    let ended =
        project.sce(&["watch", &started.run(), "--workers", "2", "--output", "json"]).exits(1);
    assert_reported(
        &ended,
        "part-000001",
        "it changed after it was registered",
        "put it again with --replace",
    );
    assert_eq!(ended.json()["counts"]["analyzed"], 2);
    let next = project.run(&[]).exits(0);
    assert_eq!(
        (&next.json()["counts"]["objects"], &next.json()["counts"]["rows"]),
        (&1.into(), &100.into())
    );
}
