//! Tests of the required settings of a launch template, one by one.

use super::*;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";

fn good() -> TemplateFacts {
    let volume = |device: &str| VolumeFacts {
        device: device.to_owned(),
        size_gib: 16,
        encrypted: true,
        key: Some(KEY.to_owned()),
        deleted_with_instance: true,
    };
    TemplateFacts {
        instance_type: "m5.large".into(),
        tenancy: "dedicated".into(),
        shutdown_behavior: "terminate".into(),
        metadata_tokens: "required".into(),
        metadata_hops: 1,
        instance_profile: Some("hipaa-worker".into()),
        interfaces: vec![InterfaceFacts {
            subnet: Some("subnet-1".into()),
            public_address: Some(false),
        }],
        volumes: vec![volume("/dev/xvda"), volume(HIPAA_DEVICE)],
    }
}

#[test]
fn a_correct_template_has_no_fault() {
    assert_eq!(find_template_faults(&good(), KEY), Vec::<String>::new());
}

#[test]
fn each_weakened_line_is_a_fault_by_itself() {
    type Weaken = fn(&mut TemplateFacts);
    let cases: [(&str, Weaken); 17] = [
        ("tenancy", |t| t.tenancy = "default".into()),
        ("tenancy", |t| t.tenancy = String::new()),
        ("t family", |t| t.instance_type = "t3.large".into()),
        ("t family", |t| t.instance_type = String::new()),
        ("shutdown", |t| t.shutdown_behavior = "stop".into()),
        ("IMDSv2", |t| t.metadata_tokens = "optional".into()),
        ("one hop", |t| t.metadata_hops = 2),
        ("no role", |t| t.instance_profile = None),
        ("no network", |t| t.interfaces.clear()),
        ("no subnet", |t| t.interfaces[0].subnet = None),
        ("public address", |t| t.interfaces[0].public_address = Some(true)),
        ("public address", |t| t.interfaces[0].public_address = None),
        ("for /hipaa", |t| t.volumes.truncate(1)),
        ("/dev/sdf is not encrypted", |t| t.volumes[1].encrypted = false),
        ("project's key", |t| t.volumes[0].key = None),
        ("project's key", |t| t.volumes[1].key = Some("arn:another".into())),
        ("outlives", |t| t.volumes[1].deleted_with_instance = false),
    ];
    for (expected, weaken) in cases {
        let mut facts = good();
        weaken(&mut facts);
        let faults = find_template_faults(&facts, KEY);
        assert!(matches!(&faults[..], [one] if one.contains(expected)), "{expected}: {faults:?}");
    }
}

#[test]
fn a_request_adds_count_token_tags_and_user_data_only() {
    let resources = Resources {
        pit: "hipaa".parse().unwrap(),
        account: "123456789012".parse().unwrap(),
        region: "us-east-1".into(),
    };
    let intent = LaunchIntent { run: RunId::new([0xab; 8]), launch: 2, workers: 7 };
    let request = plan_launch(&resources, &intent, "pit = \"hipaa\"\n");
    assert_eq!(request.template, "hipaa-worker");
    assert_eq!((request.workers, request.client_token.as_str()), (7, "abababababababab-2"));
    for tag in [("PIT", "hipaa"), ("sce:role", "worker"), ("sce:run", "abababababababab")] {
        assert!(request.tags.contains(&(tag.0, tag.1.to_owned())), "{tag:?}");
    }
    // The longest client token that EC2 accepts.
    assert!(request.client_token.len() <= 64);
}

#[test]
fn a_worker_that_left_by_itself_is_no_failure() {
    for (code, failure) in [
        ("", false),
        ("Client.UserInitiatedShutdown", false),
        ("Client.InstanceInitiatedShutdown", false),
        ("Client.InternalError", true),
        ("Client.InvalidSnapshot.NotFound", true),
        ("Client.VolumeLimitExceeded", true),
        ("Server.InsufficientInstanceCapacity", true),
        ("Server.InternalError", true),
    ] {
        assert_eq!(is_engine_failure(code), failure, "{code}");
    }
}
