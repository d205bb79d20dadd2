//! A bastion that dies while it submits or launches, at each step: the next
//! command continues from there, and nothing is started twice.

use serde_json::json;

use sce_testkit::Kind;

use crate::cloud::{Cloud, fault, lost};
use crate::support::wait_for;

const OBJECTS: u32 = 6;

/// Kills `sce run` while it waits for the response that `rule` delays.
fn die_at(cloud: &Cloud, rule: &serde_json::Value) {
    cloud.emulator.fault(rule);
    let run = cloud.start(&["run", "--workers", "2"]);
    wait_for("the moment to die", || {
        let fired = cloud.emulator.fired();
        fired.iter().any(|r| r["fault"] != "replace" && r["fired"] == 1).then_some(())
    });
    run.kill();
    cloud.emulator.clear_faults();
}

#[test]
fn an_interrupted_submission_is_completed_by_repeating_it() {
    // Names, draft, a unit, release, messages: before and after each step.
    let steps = [
        ("dynamodb", "TransactWriteItems", 0),
        ("dynamodb", "PutItem", 0),
        ("dynamodb", "PutItem", 3),
        ("dynamodb", "TransactWriteItems", 1),
        ("sqs", "SendMessageBatch", 0),
    ];
    for (service, operation, skip) in steps {
        let cloud = Cloud::with_data(Kind::Moto, 60, OBJECTS);
        let machines = cloud.hypervisor();
        let slow = json!({ "fault": "slow", "seconds": 2, "skip": skip });
        die_at(&cloud, &fault(service, operation, &slow));
        let ran = cloud.sce(&["run", "--workers", "2", "--output", "json"]).exits(0);
        // Already released: its names are taken, so it is continued by `sce watch`.
        let ran = match ran.json()["state"].as_str() {
            Some("empty") => {
                let runs = cloud.sce(&["runs", "--output", "json"]).exits(0).run();
                cloud.sce(&["watch", &runs, "--output", "json"]).exits(0)
            }
            _ => ran,
        };
        assert_eq!(ran.json()["counts"]["analyzed"], OBJECTS, "{operation} {skip}");
        machines.wait_until_over(2);
        cloud.assert_nothing_is_left();
    }
}

#[test]
fn an_interrupted_launch_is_resumed_by_reap_with_the_same_token() {
    let delayed = fault("ec2", "RunInstances", &json!({ "fault": "slow", "seconds": 2 }));
    for rule in [delayed, lost("ec2", "RunInstances", 1, 0)] {
        let cloud = Cloud::with_data(Kind::Moto, 60, OBJECTS);
        let machines = cloud.hypervisor();
        die_at(&cloud, &rule);
        wait_for("the end", || {
            cloud.sce(&["reap", "--grace", "0"]).exits(0);
            let runs = cloud.sce(&["runs", "--output", "json"]).exits(0);
            (runs.json()["state"] == "done").then_some(())
        });
        machines.wait_until_over(2);
        cloud.assert_nothing_is_left();
        let tokens: std::collections::BTreeSet<String> = cloud
            .emulator
            .launches()
            .iter()
            .map(|launch| launch["ClientToken"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(tokens.len(), 1, "one launch, however often it is requested");
    }
}
