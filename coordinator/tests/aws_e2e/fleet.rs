//! Launching and ending workers: refusals before a launch, machines that die at
//! boot, missing capacity, cancel.

use serde_json::json;

use sce_testkit::{Hypervisor, Kind};

use crate::cloud::{Cloud, fault, refusal};
use crate::support::wait_for;

fn assert_nothing_was_started(cloud: &Cloud) {
    assert!(cloud.emulator.launches().is_empty());
    assert!(cloud.sce(&["runs"]).exits(0).stdout.contains("no runs yet"));
}

#[test]
fn a_fleet_more_expensive_than_allowed_is_refused() {
    let cloud = Cloud::with_data(Kind::Moto, 60, 3);
    let expensive = ["run", "--workers", "50", "--max-hourly-cost", "3"];
    let refused = cloud.sce(&expensive).exits(2);
    // $2 fee; m5.large at $0.102 and 116 GB of volume at $0.08 a month.
    assert!(refused.only_line().contains("$7.74 per hour"), "{refused:?}");
    assert!(refused.only_line().ends_with(": start at most 8"), "{refused:?}");
    assert_nothing_was_started(&cloud);
    cloud.project.write("prices.toml", "date = \"2026-01-01\"\nsource = \"a test\"\n");
    let unknown = [&expensive[..], &["--prices", "prices.toml"]].concat();
    assert!(cloud.sce(&unknown).exits(2).only_line().contains("no row"));
    assert_nothing_was_started(&cloud);
}

#[test]
fn a_launch_template_that_was_weakened_is_refused() {
    let cloud = Cloud::with_data(Kind::Moto, 60, 3);
    for (change, fault) in [
        ("'InstanceType': 't3.large'", "t family"),
        ("'Placement': {'Tenancy': 'default'}", "tenancy"),
        ("'MetadataOptions': {'HttpTokens': 'optional'}", "IMDSv2"),
        ("'InstanceInitiatedShutdownBehavior': 'stop'", "shutdown"),
    ] {
        let weaken = format!(
            "ec2 = client('ec2')\ndata = ec2.describe_launch_template_versions(\
             LaunchTemplateName='hipaa-worker', Versions=['1'])['LaunchTemplateVersions'][0]\
             ['LaunchTemplateData']\nec2.create_launch_template_version(\
             LaunchTemplateName='hipaa-worker', LaunchTemplateData={{**data, {change}}})"
        );
        cloud.emulator.python(&weaken);
        let refused = cloud.sce(&["run", "--workers", "1"]).exits(2);
        assert!(refused.only_line().contains(fault), "{fault}: {refused:?}");
        assert_nothing_was_started(&cloud);
    }
}

#[test]
fn machines_that_die_at_boot_end_the_run_with_their_reason() {
    let cloud = Cloud::with_data(Kind::Moto, 60, 3);
    let reason = json!({
        "fault": "replace", "times": -1, "pattern": "Client.UserInitiatedShutdown",
        "with": "Client.InternalError"
    });
    cloud.emulator.fault(&fault("ec2", "DescribeInstances", &reason));
    let dir = cloud.project.path("machines");
    let broken = std::path::Path::new("/bin/false");
    let machines = Hypervisor::start(&cloud.emulator, broken, &dir, "hipaa", &[]);
    let ran = cloud.sce(&["run", "--workers", "3", "--output", "json"]).exits(1);
    let end = ran.json();
    assert_eq!(end["state"], "aborted");
    let reason = end["reason"].as_str().unwrap();
    assert!(reason.contains("3 workers died at boot"), "{reason}");
    assert!(reason.contains("Client.InternalError"), "{reason}");
    assert_eq!(machines.instances().len(), 3, "no further launch");
    cloud.assert_nothing_is_left();
}

#[test]
fn a_launch_waits_for_capacity() {
    let cloud = Cloud::with_data(Kind::Moto, 60, 3);
    let machines = cloud.hypervisor();
    cloud.emulator.fault(&refusal("ec2", "RunInstances", "InsufficientInstanceCapacity", 500, 6));
    let ran = cloud.sce(&["run", "--workers", "2", "--output", "json"]).exits(0);
    let warned = ran.lines_with("InsufficientInstanceCapacity");
    assert!(!warned.is_empty() && warned[0].ends_with("; retrying"), "{ran:#?}");
    machines.wait_until_over(2);
    let tokens = cloud.emulator.launches().iter().map(|l| l["ClientToken"].to_string()).collect();
    let tokens: std::collections::BTreeSet<String> = tokens;
    assert_eq!(tokens.len(), 1, "the same launch, requested again");
}

#[test]
fn fewer_machines_than_requested_complete_the_run() {
    let cloud = Cloud::with_data(Kind::Moto, 60, 3);
    let machines = cloud.hypervisor();
    cloud.emulator.fault(&fault("ec2", "RunInstances", &json!({ "fault": "scarce" })));
    let ran = cloud.sce(&["run", "--workers", "3", "--output", "json"]).exits(0);
    assert_eq!(ran.lines_with("1 of 3 workers started").len(), 1, "{ran:#?}");
    machines.wait_until_over(1);
    cloud.assert_nothing_is_left();
}

#[test]
fn cancel_ends_the_run_and_its_workers() {
    for now in [false, true] {
        let cloud = Cloud::with_data(Kind::Moto, 600, 8);
        let machines = cloud.hypervisor();
        let slow = json!({ "fault": "slow", "seconds": 3, "times": -1 });
        cloud.emulator.fault(&fault("s3", "GetObject", &slow));
        let run = cloud.sce(&["run", "--workers", "2", "--detach", "--output", "json"]).exits(0);
        let run = run.run();
        wait_for("a claim", || {
            let claimed = |id: &String| machines.log(id).contains("\"claimed\"");
            machines.instances().keys().any(claimed).then_some(())
        });
        let cancel = ["cancel", &run, "--now"];
        cloud.sce(&cancel[..if now { 3 } else { 2 }]).exits(0);
        machines.wait_until_over(2);
        cloud.assert_nothing_is_left();
        let ended = machines.instances().values().filter(|one| one["killed"] == true).count();
        assert_eq!(ended, if now { 2 } else { 0 }, "workers leave on their own unless --now");
        let runs = cloud.sce(&["runs", "--output", "json"]).exits(0);
        assert_eq!(runs.json()["state"], "canceled");
        // The notice that the last worker is gone is sent once no started worker can be missing
        // from EC2's list: by `sce reap`, if not by `sce cancel`.
        let mut subjects = Vec::new();
        wait_for("the notices", || {
            cloud.sce(&["reap", "--grace", "0"]).exits(0);
            subjects.extend(cloud.subjects());
            let sent = |end: &str| subjects.iter().any(|subject| subject.ends_with(end));
            (sent("canceled") && sent("last worker gone")).then_some(())
        });
        // Canceling again is not an error.
        cloud.sce(&["cancel", &run]).exits(0);
    }
}
