//! The whole workflow with a fleet of three workers, from put to the notice of
//! the last worker, with the same patients.csv as in local mode.

use std::collections::BTreeSet;

use sce_testkit::Kind;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::support::{Project, files_holding};

const ROWS: u32 = 2000;
const OBJECTS: u32 = 12;

/// The patients.csv of the same files in local mode.
pub fn embedded(cloud: &Cloud) -> Vec<u8> {
    let project = Project::new();
    let plain = cloud.project.path("plain");
    project.sce(&["put", plain.to_str().unwrap()]).exits(0);
    let run = project.run(&["--workers", "2"]).exits(0).run();
    project.results(&run, "out", 0);
    project.read("out/patients.csv")
}

fn whole_workflow(kind: Kind) {
    let cloud = Cloud::with_data(kind, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    let ran = cloud.sce(&["run", "--workers", "3", "--output", "json", "--stats"]).exits(0);
    let end = ran.json();
    assert_eq!(end["state"], "done");
    assert_eq!(end["counts"]["rows"], ROWS);
    machines.wait_until_over(3);
    for (id, machine) in machines.instances() {
        assert_eq!(machine["exit"], 0, "{id}: {}", machines.log(&id));
        assert_eq!(machine["imds_v1_refused"], 0, "{id} asked metadata version 1");
        assert_eq!((&machine["powered_off"], &machine["killed"]), (&false.into(), &false.into()));
    }
    cloud.assert_nothing_is_left();
    // The last instance may be terminated after `sce run` has looked.
    cloud.sce(&["reap", "--grace", "0"]).exits(0);
    let run = ran.run();
    // Each at least once: two processes may send the same notice at the same time.
    let subjects: BTreeSet<String> = cloud.subjects().into_iter().collect();
    let expected = [" done", " starts", ": last worker gone"];
    assert_eq!(subjects, expected.map(|what| format!("[hipaa] run {run}{what}")).into());
    assert!(cloud.patients(&run) == embedded(&cloud), "patients.csv differs from the default's");
    audited(&cloud, &run);
    logs_are_delivered(&cloud);
    nothing_of_a_patient_leaves(&cloud);
}

/// Asserts that every unit has an access record with its instance.
fn audited(cloud: &Cloud, run: &str) {
    let audit = cloud.sce(&["audit", run, "--output", "json"]).exits(0);
    let lines: Vec<Value> =
        audit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let objects: usize = lines
        .iter()
        .map(|line| {
            assert_eq!(line["outcome"], "done", "{line}");
            assert!(line["access"]["machine"].as_str().unwrap().starts_with("i-"), "{line}");
            assert!(line["access"]["key_name"].as_str().unwrap().starts_with("arn:aws:kms:"));
            line["access"]["objects"].as_array().unwrap().len()
        })
        .sum();
    assert_eq!(objects, OBJECTS as usize);
}

fn logs_are_delivered(cloud: &Cloud) {
    let logs = cloud.listed(
        "[o['Key'] for o in client('s3').list_objects_v2(Bucket='hipaa-123456789012-logs', \
         Prefix='workers/')['Contents']]",
    );
    assert_eq!(logs.len(), 3, "{logs:?}");
}

/// Asserts that user data, and everything that machines wrote, contain only ids
/// and names.
fn nothing_of_a_patient_leaves(cloud: &Cloud) {
    for (id, launched) in cloud.emulator.instances().as_object().unwrap() {
        let user_data = launched["user_data"].as_str().unwrap();
        for line in user_data.lines().filter(|line| !line.is_empty() && !line.starts_with('[')) {
            let name = line.split(" = ").next().unwrap();
            let known = [
                "pit",
                "mode",
                "hipaa",
                "lease_seconds",
                "poll_milliseconds",
                "lifetime_seconds",
                "account",
                "region",
                "data_keys",
                "volume_gib",
                "addresses",
            ];
            assert!(known.contains(&name), "{id}: {line}");
        }
    }
    let machines = cloud.project.path("machines");
    for text in ["1938-1", "1940-", "heart rate,OSat"] {
        assert!(!files_holding(&cloud.project.path("plain"), text).is_empty(), "control: {text}");
        assert_eq!(files_holding(&machines, text), Vec::<std::path::PathBuf>::new(), "{text}");
    }
}

#[test]
fn with_a_fleet_on_moto() {
    whole_workflow(Kind::Moto);
}

#[test]
fn with_a_fleet_on_ministack() {
    whole_workflow(Kind::Ministack);
}

#[test]
fn workers_started_by_hand_share_a_run() {
    let cloud = Cloud::with_data(Kind::Ministack, ROWS, OBJECTS);
    let run = cloud.start(&["run", "--no-fleet", "--output", "json"]);
    // An agent that starts before the run is released leaves at once.
    crate::support::wait_for("the run", || {
        let runs = cloud.sce(&["runs", "--output", "json"]).exits(0).stdout;
        runs.contains("running").then_some(())
    });
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(|| cloud.agent(name).exits(0));
        }
    });
    let ran = run.finish().exits(0);
    assert_eq!(ran.json()["counts"]["analyzed"], OBJECTS);
    assert!(cloud.emulator.launches().is_empty(), "nothing is launched with --no-fleet");
    let run = ran.run();
    let watched = cloud.sce(&["watch", &run, "--output", "json"]).exits(0);
    assert_eq!(watched.run(), run);
    assert!(cloud.patients(&run) == embedded(&cloud), "patients.csv differs from the default's");
    let refused = cloud.sce(&["results", &run, "--out", "elsewhere"]).exits(2);
    assert!(refused.only_line().contains("--in-the-clear"), "{refused:?}");
}
