//! The environment by command: built, used, verified, taken down and adopted
//! again. On one emulator only, because the other cannot import.

use std::collections::BTreeSet;

use sce_testkit::{ACCOUNT, Kind, REGION};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::support::Output;

/// Resource types that the emulator does not support.
const LACKING: [&str; 3] =
    ["AWS::Budgets::Budget", "AWS::Config::ConfigurationRecorder", "AWS::Config::DeliveryChannel"];
/// Controls that are unknown because of it, and because it does not support the
/// settings of an account.
const SILENT: [&str; 3] = ["account", "config", "warnings"];
/// Resources that must outlive an environment.
const KEPT: [&str; 10] = [
    "AccessLogs",
    "FlowLogGroup",
    "Key",
    "KeyAlias",
    "Ledger",
    "S3A",
    "S3D",
    "S3L",
    "S3O",
    "TrailGroup",
];

/// A project whose environment is not built yet.
fn unbuilt() -> Cloud {
    let cloud = Cloud::unbuilt(Kind::Ministack);
    cloud.emulator.python("client('ec2').create_key_pair(KeyName='hipaa_keypair')");
    cloud.project.alter("sce.toml", |text| {
        let with = String::from_utf8(text.clone()).unwrap();
        *text = with.replace("#: baa_accepted", "baa_accepted").into_bytes();
    });
    cloud
}

fn up(cloud: &Cloud, more: &[&str]) -> Output {
    let left_out = LACKING.iter().flat_map(|kind| ["--leave-out", kind]);
    up_with(cloud, &left_out.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn up_with(cloud: &Cloud, more: &[&str]) -> Output {
    let image = cloud
        .emulator
        .python("print(min(i['ImageId'] for i in client('ec2').describe_images()['Images']))");
    let mut args = vec!["env", "up", "--ssh-from", "192.0.2.0/24", "--email", "it@example.org"];
    for flag in ["--worker-ami", "--bastion-ami", "--workbench-ami"] {
        args.extend([flag, &image]);
    }
    args.extend(more);
    cloud.sce(&args)
}

pub fn built() -> Cloud {
    let cloud = unbuilt();
    up(&cloud, &["--yes"]).exits(0);
    cloud
}

/// The controls with a verdict.
pub fn controls(lines: &[Value], verdict: &str) -> BTreeSet<String> {
    let of = lines.iter().filter(|line| line["verdict"] == verdict);
    of.map(|line| line["control"].as_str().unwrap().to_owned()).collect()
}

pub fn verify(cloud: &Cloud, code: i32) -> Vec<Value> {
    let verified = cloud.sce(&["env", "verify", "--output", "json"]).exits(code);
    verified.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn assert_all_hold(cloud: &Cloud) {
    let lines = verify(cloud, 0);
    assert_eq!(controls(&lines, "cannot tell"), SILENT.map(str::to_owned).into(), "{lines:?}");
    assert!(controls(&lines, "holds").len() >= 25, "{lines:?}");
}

#[test]
fn an_environment_is_built_used_taken_down_and_adopted_again() {
    let cloud = built();
    let addendum = verify(&cloud, 0);
    let addendum = addendum.iter().find(|line| line["control"] == "addendum").unwrap();
    assert_eq!(addendum["evidence"], "accepted by Jo Doe, 2026-11-25");
    assert_all_hold(&cloud);
    let stack = verify(&cloud, 0).remove(0);
    assert!(stack["evidence"].as_str().unwrap().contains("SshFrom 192.0.2.0/24"), "{stack}");
    // A repeated call finds nothing to do.
    let again = up(&cloud, &["--yes"]).exits(0);
    assert!(again.stdout.contains("nothing to change"), "{again:?}");
    // A run in it, with workers from its launch template.
    cloud.project.synth(600, 6);
    cloud.sce(&["put", "plain"]).exits(0);
    let idle = cloud.sce(&["run", "--no-fleet", "--detach", "--output", "json"]).exits(0).run();
    let refused = cloud.sce(&["env", "down", "--yes"]).exits(2);
    assert!(refused.only_line().contains(&idle), "{refused:?}");
    cloud.sce(&["cancel", &idle]).exits(0);
    let machines = cloud.hypervisor();
    let ran = cloud.sce(&["run", "--again", "--workers", "2", "--output", "json"]).exits(0);
    machines.wait_until_over(2);
    assert_eq!(ran.json()["counts"]["rows"], 600);
    cloud.sce(&["reap", "--grace", "0"]).exits(0);
    let patients = cloud.patients(&ran.run());
    let before = kept(&cloud);

    let down = cloud.sce(&["env", "down", "--yes"]).exits(0);
    KEPT.iter()
        .for_each(|id| assert!(down.stdout.contains(&format!("kept: {id} ")), "{id}: {down:?}"));
    assert!(down.stdout.contains("a snapshot of EVolume"), "{down:?}");
    assert_eq!(kept(&cloud), before);
    assert_eq!(left(&cloud), Vec::<String>::new());
    assert!(cloud.sce(&["env", "verify"]).exits(2).only_line().contains("no environment"));

    let adopted = up(&cloud, &["--yes"]).exits(0);
    assert!(adopted.stdout.contains("Import  S3D"), "{adopted:?}");
    assert_eq!(kept(&cloud), before);
    assert_all_hold(&cloud);
    std::fs::remove_dir_all(cloud.project.path("out")).unwrap();
    assert!(
        cloud.patients(&ran.run()) == patients,
        "results differ after the environment was adopted"
    );
}

/// Data, results, records, ledger, key and logs, as the account has them.
fn kept(cloud: &Cloud) -> String {
    cloud.emulator.python(
        "s3, out = client('s3'), {}\n\
         for b in s3.list_buckets()['Buckets']:\n    \
             out[b['Name']] = sorted((o['Key'], o['VersionId'], o['ETag']) for o in \
             s3.list_object_versions(Bucket=b['Name']).get('Versions', []) \
             if not o['Key'].startswith('templates/'))\n\
         out['ledger'] = client('dynamodb').scan(TableName='hipaa-ledger')['Count']\n\
         out['key'] = client('kms').describe_key(KeyId='alias/hipaa')['KeyMetadata']['Arn']\n\
         out['groups'] = [g['logGroupName'] for g in client('logs').describe_log_groups()['logGroups']]\n\
         print(json.dumps(out, sort_keys=True))",
    )
}

/// Resources that must not exist after the environment is down.
fn left(cloud: &Cloud) -> Vec<String> {
    cloud.listed(
        "[v['VpcId'] for v in client('ec2').describe_vpcs()['Vpcs'] if not v['IsDefault']] \
         + [i['InstanceId'] for r in client('ec2').describe_instances()['Reservations'] \
         for i in r['Instances'] if i['State']['Name'] != 'terminated'] \
         + [v['VolumeId'] for v in client('ec2').describe_volumes()['Volumes'] \
         if {'Key': 'PIT', 'Value': 'hipaa'} in v.get('Tags', [])] \
         + [n['NatGatewayId'] for n in client('ec2').describe_nat_gateways()['NatGateways'] if n['State'] != 'deleted'] \
         + [a['AllocationId'] for a in client('ec2').describe_addresses()['Addresses']] \
         + client('sqs').list_queues().get('QueueUrls', []) \
         + [t['TopicArn'] for t in client('sns').list_topics()['Topics']] \
         + [t['Name'] for t in client('cloudtrail').describe_trails()['trailList']] \
         + [r['RoleName'] for r in client('iam').list_roles()['Roles'] if r['RoleName'].startswith('hipaa')]",
    )
}

#[test]
fn nothing_is_built_without_the_required_settings() {
    let cloud = Cloud::unbuilt(Kind::Ministack);
    let refused = up(&cloud, &["--yes"]).exits(2);
    assert!(refused.only_line().contains("baa_accepted"), "{refused:?}");
    let cloud = unbuilt();
    // No confirmation was possible, so nothing is built.
    let refused = up(&cloud, &[]).exits(2);
    assert!(
        refused.stderr.contains("--yes") && refused.stdout.contains("Add     S3D"),
        "{refused:?}"
    );
    assert_eq!(
        cloud.listed("[b['Name'] for b in client('s3').list_buckets()['Buckets']]"),
        [""; 0]
    );
    let lacking =
        cloud.sce(&["env", "up", "--ssh-from", "192.0.2.0/24", "--email", "it@example.org"]);
    assert!(lacking.exits(2).only_line().contains("sce:image="));
    for (command, remedy) in
        [("status", "sce env up"), ("verify", "sce env up"), ("down", "sce env up")]
    {
        assert!(cloud.sce(&["env", command]).exits(2).only_line().contains(remedy), "{command}");
    }
    cloud.project.alter("sce.toml", |text| {
        let other = String::from_utf8(text.clone()).unwrap().replace(ACCOUNT, "999999999999");
        *text = other.into_bytes();
    });
    let refused = up(&cloud, &["--yes"]).exits(2);
    assert!(refused.only_line().contains("999999999999"), "{refused:?}");
}

#[test]
fn a_failed_resource_is_explained_and_the_next_call_continues() {
    let cloud = unbuilt();
    // A trail of that name exists outside the stack.
    cloud.emulator.python(
        "client('s3').create_bucket(Bucket='elsewhere')\n\
         client('cloudtrail').create_trail(Name='hipaa-trail', S3BucketName='elsewhere')",
    );
    let failed = up(&cloud, &["--yes"]).exits(3);
    assert!(failed.stderr.contains("Trail (AWS::CloudTrail::Trail)"), "{failed:?}");
    assert!(failed.stderr.contains("choose another PIT"), "{failed:?}");
    assert!(controls(&verify(&cloud, 1), "broken").contains("stack"));
    cloud.emulator.python("client('cloudtrail').delete_trail(Name='hipaa-trail')");
    up(&cloud, &["--yes"]).exits(0);
    assert_all_hold(&cloud);
}

#[test]
fn a_stack_whose_creation_failed_is_replaced() {
    let cloud = unbuilt();
    let stack = "{'Resources': {'T': {'Type': 'AWS::CloudTrail::Trail', 'Properties': \
         {'TrailName': 'x', 'IsLogging': True, 'S3BucketName': 'nowhere'}}}}";
    cloud.emulator.python(&format!(
        "client('s3').create_bucket(Bucket='elsewhere')\n\
         client('cloudtrail').create_trail(Name='x', S3BucketName='elsewhere')\n\
         c = client('cloudformation'); c.create_stack(StackName='hipaa', TemplateBody=json.dumps({stack}))\n\
         try: c.get_waiter('stack_create_complete').wait(StackName='hipaa', WaiterConfig={{'Delay': 1, 'MaxAttempts': 30}})\n\
         except Exception: assert c.describe_stacks(StackName='hipaa')['Stacks'][0]['StackStatus'] == 'ROLLBACK_COMPLETE'"
    ));
    let up = up(&cloud, &["--yes"]).exits(0);
    assert!(up.stdout.contains("Add     S3D"), "{up:?}");
    assert_all_hold(&cloud);
}

#[test]
fn foreign_resources_are_not_changed() {
    let cloud = unbuilt();
    cloud.emulator.python(
        "c = client('cloudformation'); c.create_stack(StackName='hipaa', TemplateBody=json.dumps(\
         {'Resources': {'T': {'Type': 'AWS::SNS::Topic'}}}))\n\
         c.get_waiter('stack_create_complete').wait(StackName='hipaa')",
    );
    for refused in [up(&cloud, &["--yes"]), cloud.sce(&["env", "down", "--yes"])] {
        assert!(refused.exits(2).only_line().contains("not deployed by `sce env up`"));
    }
    assert_eq!(
        cloud.listed("[t['TopicArn'] for t in client('sns').list_topics()['Topics']]").len(),
        1
    );
    // The error names the flags for what an emulator lacks.
    let lacking = up_with(&unbuilt(), &["--yes"]).exits(3);
    LACKING.iter().for_each(|kind| {
        assert!(lacking.stderr.contains(&format!("--leave-out {kind}")), "{lacking:?}");
    });
    // If the key of an earlier environment's data is not found, no new key is created.
    let cloud = unbuilt();
    cloud.emulator.python("client('s3').create_bucket(Bucket='hipaa-123456789012-data')");
    let refused = up(&cloud, &["--yes"]).exits(3);
    assert!(refused.stderr.contains("aws kms create-alias"), "{refused:?}");
}

#[test]
fn the_smallest_environment_holds_and_another_recorder_is_not_changed() {
    let cloud = unbuilt();
    cloud.emulator.python(
        "c = client('config'); c.put_configuration_recorder(ConfigurationRecorder={'name': 'theirs', 'roleARN': \
         'arn:aws:iam::123456789012:role/theirs', 'recordingGroup': {'allSupported': True}})\n\
         client('s3').create_bucket(Bucket='theirs')\n\
         c.put_delivery_channel(DeliveryChannel={'name': 'theirs', 's3BucketName': 'theirs'})\n\
         c.start_configuration_recorder(ConfigurationRecorderName='theirs')",
    );
    let least = ["--no-nat", "--no-bastion", "--no-workbench", "--leave-out", LACKING[0], "--yes"];
    let up = up_with(&cloud, &least).exits(0);
    assert!(up.stdout.contains("already has the recorder theirs"), "{up:?}");
    let lines = verify(&cloud, 0);
    assert_eq!(controls(&lines, "cannot tell"), ["account", "warnings"].map(str::to_owned).into());
    assert!(
        controls(&lines, "holds").contains("config") && !controls(&lines, "holds").contains("nat")
    );
    cloud
        .emulator
        .python("client('config').stop_configuration_recorder(ConfigurationRecorderName='theirs')");
    assert_eq!(controls(&verify(&cloud, 1), "broken"), ["config".to_owned()].into());
}

#[test]
fn a_project_is_set_up_from_its_environment() {
    let cloud = built();
    let init = ["init", "--from-env", "hipaa", "--region", REGION, "bastion"];
    cloud.sce(&init).exits(0);
    let text = String::from_utf8(cloud.project.read("bastion/sce.toml")).unwrap();
    for line in [
        "pit = \"hipaa\"",
        "mode = \"aws\"",
        "hipaa = \"/hipaa\"",
        &format!("account = \"{ACCOUNT}\""),
        &format!("region = \"{REGION}\""),
        "baa_accepted = \"Jo Doe, 2026-11-25\"",
    ] {
        assert!(text.lines().any(|of| of == line), "{line}: {text}");
    }
    cloud.sce(&["--config", "bastion/sce.toml", "runs"]).exits(0);
    let status = cloud.sce(&["env", "status"]).exits(0);
    assert!(
        status.stdout.contains("UPDATE_COMPLETE") && status.stdout.contains("per month in total")
    );
    let none =
        cloud.sce(&["init", "--from-env", "other", "--region", REGION, "elsewhere"]).exits(2);
    assert!(none.only_line().contains("no environment other"), "{none:?}");
}
