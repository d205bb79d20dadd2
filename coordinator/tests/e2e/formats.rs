//! Every input format through the whole workflow, compared with an independent
//! calculation that reads the same files natively.

use std::path::PathBuf;

use crate::support::{Output, Project, files_under, finish, sce};

impl Project {
    /// The generated files of a format, by path.
    fn files_of(&self, format: &str) -> Vec<String> {
        self.files_in(&format!("files/{format}"))
    }

    pub fn files_in(&self, directory: &str) -> Vec<String> {
        let files = files_under(&self.path(directory));
        assert!(files.len() >= 2, "{files:?}");
        files.iter().map(|file| file.to_string_lossy().into_owned()).collect()
    }

    /// A project with files of every format, with deliberate errors in them.
    fn with_files(seed: &str) -> Self {
        let project = Self::new();
        let args = ["write", "--out", "files", "--seed", seed];
        project.python("test", "tests/python/formats.py", &args).exits(0);
        project
    }

    fn check_format(&self, format: &str, files: &[String], results: &str) {
        for script in ["formats.py", "described.py"] {
            let mut args = vec!["--format", format, "--results", results, "--files"];
            args.extend(files.iter().map(String::as_str));
            if script == "formats.py" {
                args.insert(0, "check");
            }
            self.python("test", &format!("tests/python/{script}"), &args).exits(0);
        }
    }

    pub fn analyze(&self, args: &[&str]) -> Output {
        finish(self.command(sce().with_file_name("sce-agent")).arg("analyze").args(args))
    }
}

#[test]
fn every_format_gives_what_pandas_gives_for_the_same_files() {
    let project = Project::with_files("6");
    project.python("test", "tests/python/formats_selftest.py", &[]).exits(0);
    for format in ["omop", "fhir", "synthea"] {
        let files = project.files_of(format);
        for file in &files {
            // The format is detected first, then given. Sealed files are another test.
            let found = project.analyze(&[file, "--out", "found"]).exits(0);
            assert!(found.stderr.contains("in the clear"), "{found:#?}");
            project.check_format(format, std::slice::from_ref(file), "found");
            project.analyze(&[file, "--format", format, "--out", "named"]).exits(0);
            assert_eq!(project.read("found/patients.csv"), project.read("named/patients.csv"));
        }
        // A file in another format than the given one is quarantined.
        let wrong = project.analyze(&[&files[0], "--format", "wide", "--out", "wrong"]).exits(1);
        assert!(wrong.stderr.contains("quarantined"), "{wrong:#?}");
    }
}

#[test]
fn a_run_over_every_format_merges_them() {
    let project = Project::with_files("7");
    project.sce(&["put", "files/omop"]).exits(0);
    let run = project.run(&["--workers", "2"]).exits(0).run();
    project.results(&run, "out", 0);
    project.check_format("omop", &project.files_of("omop"), "out");
    for format in ["fhir", "synthea"] {
        project.sce(&["put", &format!("files/{format}")]).exits(0);
    }
    let both = project.run(&["--workers", "2"]).exits(0).run();
    let summary = project.results(&both, "both", 0);
    let formats: Vec<&str> =
        summary["inputs"].as_array().unwrap().iter().filter_map(|i| i["format"].as_str()).collect();
    assert!(formats.contains(&"fhir") && formats.contains(&"synthea"), "{formats:?}");
    let left = files_under(&project.path(".sce/hipaa"));
    assert_eq!(left, Vec::<PathBuf>::new(), "files are left on the volume");
}

#[test]
fn the_settings_of_a_site_are_part_of_the_run() {
    let project = Project::new();
    project.write(
        "plain/part-000001.csv",
        "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS\n\
         2020-01-31,7,e,PULSE,d,82,bpm\n2020-02-01,7,e,PULSE,d,400,bpm\n",
    );
    project.alter("sce.toml", |text| {
        let site = "ranges = \"mimic\"\n[study.range]\nheart_rate = [80, 90]\n\
                    [study.codes]\nheart_rate = [\"PULSE\"]\n[study.units]\nbpm = \"/min\"\n";
        let changed = String::from_utf8_lossy(text).replace("ranges = \"default\"\n", site);
        *text = changed.into_bytes();
    });
    project.sce(&["put", "plain"]).exits(0);
    let run = project.run(&["--workers", "1"]).exits(0).run();
    let summary = project.results(&run, "out", 0);
    assert_eq!(summary["range_profile"], "mimic, adjusted");
    let pulse = &summary["vitals"]["heart_rate"];
    assert_eq!((pulse["n"].as_u64(), pulse["implausible"].as_u64()), (Some(1), Some(1)));
    assert_eq!(pulse["plausible"], "80–90");
}
