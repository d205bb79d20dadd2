//! Services that throttle, fail, refuse or lose responses; machines that
//! disappear. Each test ends with every unit terminal and no machine running.

use serde_json::json;

use sce_testkit::{Hypervisor, Kind};

use crate::cloud::{Cloud, fault, lost, refusal};
use crate::journey::embedded;
use crate::support::{Output, wait_for};

const ROWS: u32 = 600;
const OBJECTS: u32 = 8;

/// Runs three workers with these faults. The run must end like an undisturbed
/// one.
fn survives(kind: Kind, faults: &[serde_json::Value]) {
    let cloud = Cloud::with_data(kind, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    cloud.emulator.fault(&json!(faults));
    let ran = cloud.sce(&["run", "--workers", "3", "--output", "json"]).exits(0);
    assert_done(&cloud, &machines, &ran);
    for rule in cloud.emulator.fired().iter().filter(|rule| rule["fault"] != "replace") {
        assert!(rule["fired"].as_u64() > Some(0), "this fault never struck: {rule}");
    }
}

#[track_caller]
fn assert_done(cloud: &Cloud, machines: &Hypervisor, ran: &Output) {
    assert_eq!(ran.json()["counts"]["analyzed"], OBJECTS, "{ran:#?}");
    machines.wait_until("every instance is over", |all| {
        !all.is_empty() && all.values().all(|one| one["state"] == "ended")
    });
    cloud.emulator.clear_faults();
    cloud.assert_nothing_is_left();
    assert!(cloud.patients(&ran.run()) == embedded(cloud), "patients.csv differs");
}

#[test]
fn responses_lost_after_success_change_nothing() {
    survives(
        Kind::Ministack,
        &[
            lost("dynamodb", "TransactWriteItems", 5, 1),
            lost("dynamodb", "PutItem", 5, 2),
            lost("dynamodb", "GetItem", 3, 5),
            lost("s3", "PutObject", 4, 1),
            lost("sqs", "SendMessageBatch", 1, 0),
            lost("sqs", "DeleteMessage", 2, 0),
            lost("kms", "GenerateDataKey", 1, 0),
            lost("ec2", "RunInstances", 2, 0),
            lost("sns", "Publish", 1, 0),
        ],
    );
}

#[test]
fn a_launch_whose_response_is_lost_starts_no_more_than_requested() {
    let cloud = Cloud::with_data(Kind::Moto, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    cloud.emulator.fault(&lost("ec2", "RunInstances", 2, 0));
    let ran = cloud.sce(&["run", "--workers", "3", "--output", "json"]).exits(0);
    assert_done(&cloud, &machines, &ran);
    assert_eq!(cloud.emulator.launches().len(), 3, "two responses were lost");
    assert_eq!(machines.instances().len(), 3, "instances of one launch");
}

#[test]
fn throttling_and_internal_errors_are_retried() {
    survives(
        Kind::Ministack,
        &[
            refusal("dynamodb", "*", "ThrottlingException", 400, 12),
            refusal("s3", "*", "SlowDown", 503, 6),
            refusal("sqs", "*", "InternalError", 500, 5),
            refusal("kms", "*", "ThrottlingException", 400, 6),
            refusal("ec2", "RunInstances", "RequestLimitExceeded", 503, 2),
            refusal("sns", "*", "InternalError", 500, 1),
        ],
    );
}

#[test]
fn cut_and_slow_bodies_are_read_to_their_end() {
    let cut = |times, skip| {
        fault("s3", "GetObject", &json!({ "fault": "cut", "times": times, "skip": skip }))
    };
    let slow = fault("s3", "GetObject", &json!({ "fault": "slow", "seconds": 1, "times": 2 }));
    survives(Kind::Ministack, &[slow, cut(5, 0), cut(3, 2)]);
}

#[test]
fn credentials_that_expire_during_a_run_are_renewed() {
    let expired = |service, code, skip| {
        let mut rule = refusal(service, "*", code, 400, 3);
        rule["skip"] = json!(skip);
        rule
    };
    survives(
        Kind::Ministack,
        &[expired("dynamodb", "ExpiredTokenException", 60), expired("s3", "ExpiredToken", 6)],
    );
}

#[test]
fn repeated_and_unreadable_messages_do_no_harm() {
    let cloud = Cloud::with_data(Kind::Ministack, ROWS, OBJECTS);
    let run = cloud.start(&["run", "--no-fleet", "--output", "json"]);
    wait_for("the messages", || {
        (cloud.emulator.requests().get("sqs.SendMessageBatch") > Some(&0)).then_some(())
    });
    let queue = cloud.made["queues"]["units"].as_str().unwrap();
    let again = format!(
        "sqs = client('sqs')\nwhile True:\n    got = sqs.receive_message(QueueUrl={queue:?}, \
         MaxNumberOfMessages=10, VisibilityTimeout=1).get('Messages', [])\n    if got: break\n\
         for m in got:\n    for n in range(3):\n        \
         sqs.send_message(QueueUrl={queue:?}, MessageBody=m['Body'])\n\
         for strange in ['{{}}', 'x' * 5000, got[0]['Body'].replace('run\":\"', 'run\":\"0')]:\n    \
         sqs.send_message(QueueUrl={queue:?}, MessageBody=strange)"
    );
    cloud.emulator.python(&again);
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(|| cloud.agent(name).exits(0));
        }
    });
    let ran = run.finish().exits(0);
    assert_eq!(ran.json()["counts"]["analyzed"], OBJECTS);
    let audit = cloud.sce(&["audit", &ran.run(), "--output", "json"]).exits(0);
    let attempts = audit.stdout.lines().count() as u64;
    assert_eq!(Some(attempts), ran.json()["units"].as_u64(), "a unit was done twice");
}

#[test]
fn if_kms_refuses_the_run_fails_and_names_every_object() {
    let cloud = Cloud::with_data(Kind::Moto, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    cloud.emulator.fault(&refusal("kms", "Decrypt", "AccessDeniedException", 400, -1));
    let ran = cloud.sce(&["run", "--workers", "2", "--output", "json"]).exits(1);
    let end = ran.json();
    assert_eq!((&end["state"], &end["counts"]["failed"]), (&json!("failed"), &json!(OBJECTS)));
    let reason = end["not_analyzed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("AccessDeniedException"), "{reason}");
    machines.wait_until_over(2);
    cloud.assert_nothing_is_left();
    // Once the key can be used again, a retry analyzes all objects.
    cloud.emulator.clear_faults();
    let retried = cloud.sce(&["retry", &ran.run(), "--workers", "2", "--output", "json"]).exits(0);
    assert_eq!(retried.json()["counts"]["analyzed"], OBJECTS);
    assert!(cloud.patients(&retried.run()) == embedded(&cloud), "patients.csv differs");
}

/// Slows the reading of objects, so that a test can intervene.
fn slowed(cloud: &Cloud) {
    let slow = json!({ "fault": "slow", "seconds": 2, "times": 40 });
    cloud.emulator.fault(&fault("s3", "GetObject", &slow));
}

/// Waits until an agent has claimed a unit. Returns its instance.
fn wait_for_claim(machines: &Hypervisor) -> String {
    wait_for("a claim", || {
        machines.instances().into_keys().find(|id| machines.log(id).contains("\"claimed\""))
    })
}

#[test]
fn a_terminated_instance_loses_nothing() {
    let cloud = Cloud::with_data(Kind::Moto, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    slowed(&cloud);
    let run = cloud.start(&["run", "--workers", "3", "--output", "json"]);
    let victim = wait_for_claim(&machines);
    cloud.emulator.ec2("TerminateInstances", &[("InstanceId.1", &victim)]);
    let ran = run.finish().exits(0);
    assert_done(&cloud, &machines, &ran);
    assert_eq!(machines.instances()[&victim]["killed"], true, "control: it was killed");
    assert_eq!(cloud.emulator.launches().len(), 1, "the others continued");
}

#[test]
fn a_completely_lost_fleet_is_revived() {
    let cloud = Cloud::with_data(Kind::Moto, ROWS, OBJECTS);
    let machines = cloud.hypervisor();
    slowed(&cloud);
    let run = cloud.start(&["run", "--workers", "2", "--output", "json"]);
    wait_for_claim(&machines);
    for victim in cloud.live_instances() {
        cloud.emulator.ec2("TerminateInstances", &[("InstanceId.1", &victim)]);
    }
    let ran = run.finish().exits(0);
    assert_done(&cloud, &machines, &ran);
    assert_eq!(cloud.emulator.launches().len(), 2, "one more launch");
}
