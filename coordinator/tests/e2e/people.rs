//! Births and deaths: tables of people with `sce-agent analyze` and in a run,
//! compared with an independent calculation.

use crate::support::{Project, files_holding, files_under};

/// A name that must not occur in any message.
const CANARY: &str = "Zebulon";

impl Project {
    fn with_people(seed: &str) -> Self {
        let project = Self::new();
        let args = ["write", "--out", "made", "--seed", seed];
        project.python("test", "tests/python/people.py", &args).exits(0);
        project
    }

    fn check_people(&self, format: &str, files: &[String], people: &[&str], results: &str) {
        let mut args = vec!["check", "--format", format, "--results", results, "--files"];
        args.extend(files.iter().map(String::as_str));
        if !people.is_empty() {
            args.push("--people");
            args.extend(people);
        }
        self.python("test", "tests/python/people.py", &args).exits(0);
    }
}

#[test]
fn every_table_of_people_gives_what_pandas_gives() {
    let project = Project::with_people("3");
    let agent = crate::support::sce().with_file_name("sce-agent");
    let agent = agent.to_string_lossy();
    project.python("test", "tests/python/people.py", &["selftest", "--agent", &agent]).exits(0);
    let omop = ["made/people/omop/person.csv", "made/people/omop/death.csv"];
    project
        .sce(&["seal", "made/people/plain.csv", "sealed.csv", "--object", "people/plain.csv"])
        .exits(0);
    for (format, people) in [
        ("wide", &[][..]),
        ("wide", &["made/people/plain.csv"]),
        ("wide", &["made/people/synthea.csv"]),
        ("wide", &["made/people/patients.ndjson"]),
        ("omop", &omop[..1]),
        ("omop", &omop),
    ] {
        let files = files_under(&project.path(&format!("made/{format}")));
        let files: Vec<String> =
            files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let mut args: Vec<&str> = files.iter().map(String::as_str).collect();
        people.iter().for_each(|table| args.extend(["--people", table]));
        args.extend(["--out", "out"]);
        project.analyze(&args).exits(0);
        project.check_people(format, &files, people, "out");
        project.python("test", "tests/python/schema.py", &["out"]).exits(0);
    }
    // Sealed for its key in the project; the local file has another name.
    let files = files_under(&project.path("made/wide"));
    let file = files[0].to_string_lossy();
    let sealed = project.analyze(&[&file, "--people", "sealed.csv", "--out", "sealed"]);
    sealed.exits(0);
    project.analyze(&[&file, "--people", "made/people/plain.csv", "--out", "plain"]).exits(0);
    assert_eq!(project.read("sealed/patients.csv"), project.read("plain/patients.csv"));
}

#[test]
fn a_run_reads_its_table_of_people_and_says_so() {
    let project = Project::with_people("4");
    project.sce(&["put", "made/wide", "--prefix", "visits"]).exits(0);
    project.sce(&["put", "made/people/plain.csv", "--prefix", "people"]).exits(0);
    let table = "people/plain.csv";
    let run = project.run(&["--people", table, "--workers", "2"]).exits(0).run();
    project.results(&run, "out", 0);
    let files = files_under(&project.path("made/wide"));
    let files: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    project.check_people("wide", &files, &["made/people/plain.csv"], "out");

    let records = files_under(&project.path(".sce/objects/logs"));
    let holding = files_holding(&project.path(".sce/objects/logs"), table);
    assert!(!records.is_empty() && holding.len() == records.len(), "{records:?} {holding:?}");
    let names = project.sce(&["names", "--prefix", "people"]).exits(0);
    assert!(names.stdout.lines().any(|line| line.contains(table) && line.contains(" people ")));
    // It is not analyzed as an object of measurements, now or later, unless it is listed.
    let nothing = project.sce(&["run"]).exits(0);
    let left_out = nothing.stdout.starts_with("tables of people left out: 1 ");
    assert!(left_out && nothing.stdout.contains("nothing to do"), "{nothing:?}");
    project.write("listed.txt", table);
    let listed = project.run(&["--manifest", "listed.txt", "--workers", "1"]).exits(1);
    assert_eq!(listed.json()["counts"]["quarantined"], 1, "{listed:#?}");
    // The same run again, with the table as it is registered now.
    let again = project.run(&["--people", table, "--again"]).exits(0).run();
    assert_ne!(again, run);
    project.results(&again, "again", 0);
    assert_eq!(project.read("out/patients.csv"), project.read("again/patients.csv"));
}

#[test]
fn a_table_that_cannot_be_read_stops_the_run_and_is_named() {
    let project = Project::with_data(200, 2);
    project.write("people/damaged.csv", format!("patient,birth\n1,1950\n2,{CANARY}\n"));
    project.write("people/clean.csv", "patient,birth\n1,1950\n");
    project.write("people/odd.csv", "patient,weight\n1,1950\n");
    project.sce(&["put", "people", "--prefix", "people"]).exits(0);
    for (table, why) in [
        ("people/damaged.csv", "row 2: birth cannot be read"),
        ("people/odd.csv", "it is not a table of people"),
    ] {
        let failed = project.run(&["--prefix", "part", "--people", table]).exits(1);
        let said = project.sce(&["runs", "--output", "json"]).exits(0).stdout + &failed.stderr;
        assert!(said.contains("failed"), "{said}");
        let out = project.sce(&["results", &failed.run(), "--out", table.trim_end_matches(".csv")]);
        assert_eq!(out.code, Some(1), "{out:#?}");
        let objects = project.read(&format!("{}/objects.csv", table.trim_end_matches(".csv")));
        let objects = String::from_utf8(objects).unwrap();
        assert!(objects.contains(why) && objects.contains(table), "{objects}");
    }
    // An object that was named by mistake is an ordinary object.
    let run = project.run(&["--prefix", "people", "--people", "people/clean.csv"]).exits(1);
    assert_eq!(run.json()["counts"]["quarantined"], 2, "{run:#?}");
    for (table, why) in [("people/none.csv", "sce put"), ("../people", "not an object key")] {
        let refused = project.run(&["--people", table]).exits(2);
        assert!(refused.stderr.contains(why) && !refused.stderr.contains("../people"));
    }
    let leaks = files_holding(&project.path(".sce"), CANARY);
    assert!(leaks.is_empty(), "{leaks:?}");
}
