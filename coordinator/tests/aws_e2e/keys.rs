//! Keys on AWS: objects exchanged with the standard client under KMS, and a
//! HomerKey wrapped by KMS.

use std::fs;

use sce_testkit::Kind;

use crate::cloud::Cloud;
use crate::journey::embedded;
use crate::support::{Output, files_holding, finish, venv, wait_for, workspace};

const ROWS: u32 = 90;
const OBJECTS: u32 = 3;

/// A run that is processed by an agent started by hand.
fn run_by_hand(cloud: &Cloud) -> String {
    let run = cloud.start(&["run", "--no-fleet", "--output", "json"]);
    wait_for("the run", || cloud.sce(&["runs"]).exits(0).stdout.contains("running").then_some(()));
    cloud.agent("one").exits(0);
    let ran = run.finish().exits(0);
    assert_eq!(ran.json()["counts"]["analyzed"], OBJECTS);
    ran.run()
}

/// The standard client for Python with the project's KMS key.
fn standard_client(cloud: &Cloud, action: &str, object: &str, from: &str, to: &str) -> Output {
    let key = cloud.made["key"].as_str().unwrap();
    let script = workspace().join("tests/interop/esdk.py");
    let mut python = cloud.command(venv("mpl").join("python"));
    python.arg(script).args([action, "--kms-key", key, "--context", "pit=hipaa"]);
    finish(python.args([&format!("object={object}"), "--", from, to]))
}

#[test]
fn the_standard_client_seals_and_opens_under_kms() {
    let cloud = Cloud::new(Kind::Moto);
    cloud.project.synth(ROWS, OBJECTS);
    fs::create_dir(cloud.project.path("sealed")).unwrap();
    for n in 1..=OBJECTS {
        let name = format!("part-{n:06}.csv");
        let (plain, sealed) = (format!("plain/{name}"), format!("sealed/{name}"));
        standard_client(&cloud, "seal", &name, &plain, &sealed).exits(0);
    }
    cloud.sce(&["put", "--sealed", "sealed"]).exits(0);
    let run = run_by_hand(&cloud);
    let patients = cloud.patients(&run);
    assert!(patients == embedded(&cloud), "patients.csv differs");
    // The other direction: the sealed result as stored in the bucket.
    let key = format!("runs/{run}/final/1/patients.csv");
    cloud.emulator.python(&format!(
        "client('s3').download_file('hipaa-123456789012-output', {key:?}, {:?})",
        cloud.project.path("result.sealed")
    ));
    standard_client(&cloud, "open", &key, "result.sealed", "result.csv").exits(0);
    assert!(cloud.project.read("result.csv") == patients, "the opened result differs");
    let moved = standard_client(&cloud, "open", "another", "result.sealed", "moved.csv");
    assert_ne!(moved.code, Some(0), "another context opens it");
}

#[test]
fn a_homer_key_is_wrapped_stored_and_unwrapped_by_workers_only() {
    let cloud = Cloud::new(Kind::Ministack);
    cloud.project.alter("sce.toml", |text| {
        let with = String::from_utf8(text.clone()).unwrap();
        *text = with.replace("data_keys = \"kms\"", "data_keys = \"homer\"").into_bytes();
    });
    cloud.project.synth(ROWS, OBJECTS);
    let absent = cloud.sce(&["put", "plain"]).exits(2);
    assert!(absent.only_line().contains("sce key wrap"), "{absent:?}");
    cloud.sce(&["key", "new", "homer.key"]).exits(0);
    cloud.sce(&["key", "wrap", "homer.key"]).exits(0);
    let twice = cloud.sce(&["key", "wrap", "homer.key"]).exits(2);
    assert!(twice.only_line().contains("already has a wrapped key"), "{twice:?}");
    cloud.sce(&["put", "plain"]).exits(0);
    cloud.emulator.clear_requests();
    let machines = cloud.hypervisor();
    let ran = cloud.sce(&["run", "--workers", "2", "--output", "json"]).exits(0);
    machines.wait_until_over(2);
    let requests = cloud.emulator.requests();
    assert_eq!(requests.get("kms.Decrypt"), Some(&2), "each worker unwraps once: {requests:?}");
    assert_eq!(requests.get("kms.GenerateDataKey"), None);
    assert!(cloud.patients(&ran.run()) == embedded(&cloud), "patients.csv differs");
    let audit = cloud.sce(&["audit", &ran.run()]).exits(0);
    assert!(audit.stdout.contains("HomerKey"), "{audit:?}");
    // The raw key is only in its file.
    let key = cloud.project.read("homer.key");
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let holders = files_holding(&cloud.project.path("machines"), &hex[..16]);
    assert_eq!(holders, Vec::<std::path::PathBuf>::new());
    let raw = |user_data: &str| user_data.as_bytes().windows(8).any(|w| w == &key[..8]);
    for launched in cloud.emulator.instances().as_object().unwrap().values() {
        let user_data = launched["user_data"].as_str().unwrap();
        assert!(!raw(user_data) && !user_data.contains(&hex[..16]));
    }
}
