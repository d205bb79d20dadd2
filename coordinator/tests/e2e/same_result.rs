//! The same rows give byte-identical results, however they are split, shuffled
//! and distributed, and whichever processes are killed.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::support::{Project, files_under, finish, sce, venv, wait_for, workspace};

const OBJECTS: usize = 50;
/// Writes a small study with every kind of unusual cell, unordered rows and
/// ties.
const STUDY: &str = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import small_study; \
    small_study.write_study(pathlib.Path('.'), 30, 160, 1, 7)";

/// The study's header and rows, and the result of one worker from one object.
fn study() -> &'static (String, Vec<String>, Vec<u8>) {
    static STUDY_AND_RESULT: OnceLock<(String, Vec<String>, Vec<u8>)> = OnceLock::new();
    STUDY_AND_RESULT.get_or_init(|| {
        let project = Project::new();
        let mut python = project.command(venv("test").join("python"));
        finish(python.args(["-c", STUDY]).arg(workspace().join("tests/python"))).exits(0);
        let text = fs::read_to_string(project.path("study-000001.csv")).unwrap();
        let mut lines = text.lines().map(str::to_owned);
        let header = lines.next().unwrap();
        project.sce(&["put", "study-000001.csv"]).exits(0);
        let result = ended_result(&project, &project.run(&["--workers", "1"]).exits(0).run());
        (header, lines.collect(), result)
    })
}

/// A project with the study's rows distributed over objects in random order.
fn shuffled() -> Project {
    let (header, rows, _) = study();
    let project = Project::new();
    // A fixed linear congruential generator is random enough, and always the same.
    let mut state = 1938_u64;
    let mut order: Vec<(u64, &String)> = Vec::new();
    for row in rows {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.push((state >> 32, row));
    }
    order.sort();
    for object in 0..OBJECTS {
        let own: Vec<&str> =
            order.iter().skip(object).step_by(OBJECTS).map(|(_, row)| row.as_str()).collect();
        project.write(
            &format!("plain/part-{object:06}.csv"),
            format!("{header}\n{}\n", own.join("\n")),
        );
    }
    project.sce(&["put", "plain"]).exits(0);
    project
}

/// The run's patients.csv. Asserts that nothing is left behind.
fn ended_result(project: &Project, run: &str) -> Vec<u8> {
    project.results(run, "out", 0);
    assert_eq!(files_under(&project.path(".sce/hipaa")), Vec::<std::path::PathBuf>::new());
    assert_eq!(project.mails(&format!("run {run} done")), 1);
    project.read("out/patients.csv")
}

#[track_caller]
fn assert_same(project: &Project, run: &str) {
    assert!(
        ended_result(project, run) == study().2,
        "patients.csv differs from the undisturbed run's"
    );
}

#[test]
fn one_object_or_fifty_shuffled_one_worker_or_eight() {
    assert!(study().2.len() > 10_000, "the study is empty");
    let project = shuffled();
    for workers in ["1", "8"] {
        let ran = project.run(&["--again", "--workers", workers]).exits(0);
        assert_eq!(ran.json()["units"], OBJECTS);
        project.results(&ran.run(), "out", 0);
        assert!(
            project.read("out/patients.csv") == study().2,
            "patients.csv differs with {workers} workers"
        );
    }
}

/// `sce` in the background. It is killed if the test fails.
struct Running(Child);

impl Running {
    fn start(project: &Project, args: &[&str]) -> Self {
        let mut command = project.command(sce());
        Self(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn code(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(name: &str, pid: &str) {
    let kill = format!("kill -{name} {pid}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
}

/// The process ids of the fleet's workers, by worker id.
fn workers(project: &Project) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(project.path(".sce/fleet/workers")) else {
        return BTreeMap::new();
    };
    let mut workers = BTreeMap::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
        if !pid.is_empty() {
            workers.insert(path.file_name().unwrap().to_string_lossy().into_owned(), pid);
        }
    }
    workers
}

/// Whether this worker has claimed a unit and not recorded its outcome.
fn is_at_work(project: &Project, worker: &str) -> bool {
    let log = fs::read_to_string(project.path(&format!(".sce/fleet/logs/{worker}.log")))
        .unwrap_or_default();
    log.lines().last().is_some_and(|line| line.contains("\"claimed\""))
}

/// Stops a worker in the middle of a unit (SIGSTOP). Returns its process id.
fn hold_one_at_work(project: &Project) -> String {
    wait_for("a worker at work", || {
        workers(project).into_iter().find_map(|(worker, pid)| {
            if !is_at_work(project, &worker) {
                return None;
            }
            signal("STOP", &pid);
            if is_at_work(project, &worker) {
                return Some(pid);
            }
            signal("CONT", &pid);
            None
        })
    })
}

#[test]
fn one_worker_killed_halfway() {
    let project = shuffled();
    let run = Running::start(&project, &["run", "--workers", "2"]);
    signal("KILL", &hold_one_at_work(&project));
    assert_eq!(run.code(), Some(0));
    assert_taken_over(&project);
}

#[test]
fn the_whole_fleet_killed_while_sce_run_waits() {
    let project = shuffled();
    let run = Running::start(&project, &["run", "--workers", "3"]);
    let held = hold_one_at_work(&project);
    for pid in workers(&project).into_values() {
        signal("KILL", &pid);
    }
    signal("KILL", &held);
    assert_eq!(run.code(), Some(0));
    assert_taken_over(&project);
}

#[test]
fn the_whole_fleet_killed_while_no_command_waits() {
    let project = shuffled();
    let started = project.run(&["--detach", "--workers", "2"]).exits(0);
    let held = hold_one_at_work(&project);
    for pid in workers(&project).into_values() {
        signal("KILL", &pid);
    }
    signal("KILL", &held);
    project.sce(&["watch", &started.run()]).exits(0);
    assert_taken_over(&project);
}

#[test]
fn sce_run_killed_and_then_watched() {
    let project = shuffled();
    let run = Running::start(&project, &["run", "--workers", "1"]);
    let held = hold_one_at_work(&project);
    run.kill();
    signal("CONT", &held);
    let run = project.sce(&["runs", "--output", "json"]).exits(0).run();
    project.sce(&["watch", &run]).exits(0);
    assert_same(&project, &run);
}

/// Asserts that a unit was claimed a second time, and that the result is the
/// same.
fn assert_taken_over(project: &Project) {
    let epochs = files_under(&project.path(".sce/objects/logs/access"));
    assert!(
        epochs.iter().any(|path| path.ends_with("2.json")),
        "no unit was taken over: {epochs:?}"
    );
    let runs = project.sce(&["runs", "--output", "json"]).exits(0);
    assert_eq!(runs.stdout.lines().count(), 1);
    assert_same(project, &runs.run());
}
