//! The requests of a run, counted by the emulator's proxy.

use std::collections::BTreeMap;

use sce_testkit::Kind;

use crate::cloud::Cloud;
use crate::support::wait_for;

/// Enough small objects to fill units, as in large runs.
const OBJECTS: u32 = 10_000;

#[test]
fn ten_thousand_small_objects_stay_within_the_budget() {
    let cloud = Cloud::new(Kind::Ministack).with_long_leases();
    cloud.project.synth(2 * OBJECTS, OBJECTS);
    cloud.sce(&["put", "plain"]).exits(0);
    let machines = cloud.hypervisor();
    cloud.emulator.clear_requests();
    let ran = cloud.sce(&["run", "--workers", "2", "--stats", "--output", "json"]).exits(0);
    machines.wait_until_over(2);
    let sent = cloud.emulator.requests();
    eprintln!("{sent:#?}");
    let end = ran.json();
    assert_eq!(end["counts"]["analyzed"], OBJECTS);
    let units = end["units"].as_u64().unwrap();
    let objects = u64::from(OBJECTS);
    let of = |name: &str| sent.get(name).copied().unwrap_or_default();
    // Partials are fetched and opened once, too: one request of each kind per unit.
    assert_eq!(of("s3.GetObject"), objects + units, "exactly one GET per object");
    assert_eq!(of("kms.Decrypt"), objects + units, "one KMS call per object");
    let all: u64 = sent.values().sum();
    let rest = all - 2 * objects;
    assert!(rest * 5 <= objects, "{rest} requests for everything else");
    counted_as_seen(&sent, &end["requests"]);
}

/// Asserts that `--stats` shows the same counts as the proxy, except for the
/// requests of workers after their last commit.
fn counted_as_seen(sent: &BTreeMap<String, u64>, shown: &serde_json::Value) {
    for name in ["s3.GetObject", "kms.Decrypt", "kms.GenerateDataKey", "sqs.SendMessageBatch"] {
        let of = |who: &str| shown[who][name].as_u64().unwrap_or_default();
        assert_eq!(of("sce") + of("workers"), sent[name], "{name}");
    }
}

#[test]
fn an_idle_worker_polls_three_times() {
    let cloud = Cloud::with_data(Kind::Ministack, 60, 1);
    let slow = serde_json::json!({
        "service": "s3", "operation": "GetObject", "fault": "slow", "seconds": 20
    });
    cloud.emulator.fault(&slow);
    let run = cloud.start(&["run", "--no-fleet", "--output", "json"]);
    wait_for("the run", || cloud.sce(&["runs"]).exits(0).stdout.contains("running").then_some(()));
    std::thread::scope(|scope| {
        // It holds the only unit; another finds nothing to do.
        scope.spawn(|| cloud.agent("busy").exits(0));
        wait_for("the claim", || {
            let audit = "client('s3').list_objects_v2(Bucket='hipaa-123456789012-logs', \
                 Prefix='access/').get('Contents', [])";
            (!cloud.listed(&format!("[o['Key'] for o in {audit}]")).is_empty()).then_some(())
        });
        let polls = || cloud.emulator.requests().get("sqs.ReceiveMessage").copied();
        let before = polls().unwrap_or_default();
        cloud.agent("idle").exits(0);
        // Three polls (of 20 s each on AWS: a minute), then it reads the ledger once and leaves.
        assert_eq!(polls().unwrap_or_default() - before, 3);
    });
    run.finish().exits(0);
}
