//! Bad content and bad names: only the bad object is quarantined or refused,
//! and no message shows its content or name.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Project, files_holding, finish};

fn allow_words(project: &Project, words: &str) {
    project.alter("sce.toml", |text| {
        let list: Vec<String> = words.split(' ').map(|word| format!("\"{word}\"")).collect();
        let changed = String::from_utf8_lossy(text)
            .replace("words = []", &format!("words = [{}]", list.join(", ")));
        *text = changed.into_bytes();
    });
}

#[test]
fn only_broken_files_are_quarantined_and_the_others_are_analyzed() {
    let project = Project::new();
    let made = project.python("test", "tests/python/make_broken.py", &["plain"]).exits(0);
    let cases: Vec<(&str, &str)> =
        made.stdout.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert!(cases.len() >= 17, "{cases:?}");
    let bad: Vec<&str> = cases
        .iter()
        .filter(|(_, expected)| *expected == "quarantined")
        .map(|(name, _)| *name)
        .collect();
    allow_words(&project, "crlf date heavy implausible newline quote unclosed");
    project.sce(&["put", "plain"]).exits(0);
    let ran = project.run(&[]).exits(1);
    assert_eq!(ran.json()["state"], "done");
    assert_eq!(ran.json()["counts"]["quarantined"], bad.len());
    assert_eq!(ran.json()["counts"]["analyzed"], cases.len() - bad.len());
    let summary = project.results(&ran.run(), "out", 1);
    for (name, expected) in &cases {
        let lines = ran.lines_with(name);
        let input = summary["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|input| input["object"] == *name)
            .unwrap();
        let outcome = input["outcome"].as_str().unwrap();
        if *expected == "quarantined" {
            assert!(lines.len() == 1 && lines[0].contains(" put "), "{name}: {lines:?}");
            assert!(outcome.starts_with("quarantined"), "{input}");
        } else {
            assert!(
                lines.is_empty() && outcome.starts_with("analyzed"),
                "{name}: {lines:?} {input}"
            );
        }
    }
    for text in ["P0001", "P0002", "1938-13-45", "1.2.3", "nought", "rg,"] {
        assert!(!ran.stderr.contains(text) && !ran.stdout.contains(text), "{text}: {ran:?}");
        assert_eq!(
            files_holding(&project.path(".sce/fleet/logs"), text),
            Vec::<std::path::PathBuf>::new()
        );
    }
    project.check_by_reference("out", &bad);
    quarantined_is_processed_until_replaced(&project, &ran.run());
}

fn quarantined_is_processed_until_replaced(project: &Project, run: &str) {
    assert_eq!(project.run(&[]).exits(0).json()["state"], "empty");
    fs::copy(project.path("plain/good-000001.csv"), project.path("bad-date-000001.csv")).unwrap();
    project.sce(&["put", "--replace", "bad-date-000001.csv"]).exits(0);
    let retried = project.sce(&["retry", run, "--output", "json"]).exits(1);
    assert_eq!(retried.json()["counts"]["analyzed"], 1);
    assert_eq!(retried.lines_with("bad-date").len(), 0);
}

#[test]
fn refused_names_are_shown_by_position_and_written_only_on_request() {
    let project = Project::new();
    let bad = [
        ("123-45-6789.csv", "social security"),
        ("john_smith.csv", "word outside the vocabulary"),
        ("p_1938-10-30.csv", "date:"),
        ("206-555-0199.csv", "telephone"),
        ("part 1.csv", "form:"),
        ("part-000001.exe", "extension:"),
    ];
    for (name, _) in bad {
        project.write(&format!("plain/{name}"), "x\n");
    }
    project.write("plain/part-000007.csv", "x\n");
    let put = project.sce(&["put", "plain", "--refused", "names", "--output", "json"]).exits(1);
    assert_eq!((&put.json()["put"], &put.json()["refused"]), (&1.into(), &bad.len().into()));
    let written = String::from_utf8(project.read("names")).unwrap();
    assert_eq!(fs::metadata(project.path("names")).unwrap().permissions().mode() & 0o777, 0o600);
    for (name, rule) in bad {
        let line =
            written.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{written}"));
        let position = line.split('\t').next().unwrap();
        let own = put.lines_with(&format!("input {position}: "));
        assert!(own.len() == 1 && own[0].contains(rule), "{name}: {put:?}");
        let stem = name.rsplit_once('.').unwrap().0;
        assert!(stem == "part-000001" || !format!("{put:?}").contains(stem), "{put:?}");
        assert_eq!(files_holding(&project.path(".sce"), stem), Vec::<std::path::PathBuf>::new());
    }
    assert!(!files_holding(&project.path(".sce"), "part-000007").is_empty(), "control");
    // An existing file is never overwritten.
    project.sce(&["put", "plain", "--refused", "names"]).exits(2);
    assert_eq!(String::from_utf8(project.read("names")).unwrap(), written);
}

#[test]
fn a_name_twice_in_one_listing_is_refused_at_its_second_position() {
    let project = Project::new();
    project.write("a/part-000001.csv", "x\n");
    project.write("b/part-000001.csv", "y\n");
    project.write("list", "part-000001.csv\npart-000001.csv\n");
    let put = project.sce(&["put", "a", "b", "--output", "json"]).exits(1);
    assert_eq!((&put.json()["put"], &put.json()["refused"]), (&1.into(), &1.into()));
    let own = put.lines_with("input 2: name refused: duplicate");
    assert!(own.len() == 1 && own[0].contains("rename one of them"), "{put:?}");
    let listed = project.run(&["--manifest", "list"]).exits(2);
    assert!(
        listed.only_line().contains("list line 2: this object is already listed"),
        "{listed:?}"
    );
    project.write("list", "part-000001.csv\n../part-000002.csv\n");
    let listed = project.run(&["--manifest", "list"]).exits(2);
    assert!(listed.only_line().contains("list line 2: "), "{listed:?}");
}

#[test]
fn only_inputs_that_cannot_be_read_are_refused() {
    let project = Project::new();
    project.write("plain/part-000001.csv", "x\n");
    std::os::unix::fs::symlink("/nonexistent", project.path("plain/part-000002.csv")).unwrap();
    let put = project.sce(&["put", "plain", "--output", "json"]).exits(1);
    assert_eq!(put.json()["put"], 1);
    assert_eq!(put.lines_with("part-000002.csv").len(), 1, "{put:?}");
    let mut pipe = project.command("mkfifo");
    finish(pipe.arg("plain/part-000003.csv")).exits(0);
    let piped = project.sce(&["put", "plain/part-000003.csv"]).exits(1);
    assert!(piped.only_line().contains("it is not a regular file"), "{piped:?}");
    let none = project.sce(&["put", "plain", "john_smith"]).exits(2);
    let line = none.only_line();
    assert!(line.contains("argument 2: No such file") && !line.contains("smith"), "{line}");
    fs::create_dir(project.path("empty")).unwrap();
    project.sce(&["put", "empty"]).exits(2).only_line();
}
