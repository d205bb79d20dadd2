//! A launch: what the request adds to the template, and that it happens at most
//! once.

use std::collections::BTreeMap;
use std::path::Path;

use aws_smithy_types::base64;
use sce_cloud::error::Class;
use sce_cloud::ports::Fleet;
use sce_cloud::settings::{Mode, Settings};
use sce_core::run::Started;
use sce_testkit::Kind;
use serde_json::Value;

use crate::fleet::{Machines, RUN, fleet, intent, settings};
use crate::support::{ALWAYS, ATTEMPTS, asked, error, lost, struck};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_launches_once() {
    for kind in [Kind::Moto, Kind::Ministack] {
        let machines = Machines::of(kind).await;
        for _ in 0..3 {
            let started = machines.fleet.launch(&intent(0, 2)).await.unwrap();
            assert_eq!(started, Started { workers: 2, machine: "m5.large".into(), at: None });
        }
        let (data, arn) = (settings(&machines.project), &machines.key_arn);
        let another = fleet(&machines.project, arn, &data);
        assert_eq!(another.launch(&intent(0, 2)).await.unwrap().workers, 2);
        assert_eq!(machines.live().await.len(), 2, "{}", machines.project.name);
        machines.fleet.launch(&intent(1, 1)).await.unwrap();
        assert_eq!(machines.live().await.len(), 3, "{}", machines.project.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_whose_answer_is_lost_starts_nothing_twice() {
    for kind in [Kind::Moto, Kind::Ministack] {
        let machines = Machines::of(kind).await;
        machines.emulator.fault(&lost("RunInstances", 1));
        let started = machines.fleet.launch(&intent(0, 2)).await.unwrap();
        assert_eq!((started.workers, struck(&machines.emulator)), (2, 1));
        assert_eq!(machines.live().await.len(), 2);
        // Without any response, a caller that finds the intent launches again.
        machines.emulator.fault(&lost("RunInstances", ATTEMPTS));
        let error = machines.fleet.launch(&intent(1, 3)).await.unwrap_err();
        assert_eq!(error.class, Class::Transient, "{error}");
        assert_eq!(struck(&machines.emulator), i64::from(ATTEMPTS));
        assert_eq!(machines.fleet.launch(&intent(1, 3)).await.unwrap().workers, 3);
        assert_eq!(machines.live().await.len(), 5, "{}", machines.project.name);
    }
}

/// Returns the parameters of a RunInstances request by name.
fn parameters(launch: &Value) -> BTreeMap<&str, &str> {
    let form = launch.as_object().unwrap();
    form.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

/// Removes the tags of one kind of resource from a request and returns them.
fn take_tags<'a>(
    form: &mut BTreeMap<&'a str, &'a str>,
    resource: &str,
) -> BTreeMap<&'a str, &'a str> {
    let at = (1..=2).map(|n| format!("TagSpecification.{n}"));
    let of = |at: &String| form.get(format!("{at}.ResourceType").as_str()) == Some(&resource);
    let at = at.into_iter().find(of).unwrap_or_else(|| panic!("no tags of the {resource}"));
    form.remove(format!("{at}.ResourceType").as_str());
    let mut tags = BTreeMap::new();
    for n in 1.. {
        let Some(name) = form.remove(format!("{at}.Tag.{n}.Key").as_str()) else { break };
        tags.insert(name, form.remove(format!("{at}.Tag.{n}.Value").as_str()).unwrap());
    }
    tags
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_adds_what_it_may_and_nothing_of_the_templates() {
    let machines = Machines::of(Kind::Moto).await;
    machines.fleet.launch(&intent(7, 3)).await.unwrap();
    let launches = machines.emulator.launches();
    assert_eq!(launches.len(), 1);
    let mut form = parameters(&launches[0]);
    let (pit, run) = (machines.project.resources.pit.to_string(), RUN.to_string());
    let (token, name) = (format!("{run}-7"), format!("{pit}-worker-{}", &run[..8]));
    let template = format!("{pit}-worker");
    for resource in ["instance", "volume"] {
        let tags = take_tags(&mut form, resource);
        let expected: BTreeMap<&str, &str> = [
            ("PIT", pit.as_str()),
            ("sce:role", "worker"),
            ("sce:run", run.as_str()),
            ("sce:launch", token.as_str()),
            ("Name", name.as_str()),
        ]
        .into();
        assert_eq!(tags, expected, "{resource}");
    }
    let user_data = base64::decode(form.remove("UserData").unwrap()).unwrap();
    // The remaining parameters, by name: nothing that the template sets.
    let rest: BTreeMap<&str, &str> = [
        ("Action", "RunInstances"),
        ("Version", "2016-11-15"),
        ("LaunchTemplate.LaunchTemplateName", template.as_str()),
        ("LaunchTemplate.Version", "1"),
        ("MinCount", "1"),
        ("MaxCount", "3"),
        ("ClientToken", token.as_str()),
    ]
    .into();
    assert_eq!(form, rest);
    check_user_data(&machines, &String::from_utf8(user_data).unwrap());
}

/// Checks that a worker's settings contain ids, names and times only.
fn check_user_data(machines: &Machines, text: &str) {
    let settings = Settings::parse(text, Path::new("user data")).unwrap();
    assert_eq!((&settings.pit, settings.mode), (&machines.project.resources.pit, Mode::Aws));
    assert_eq!(settings.aws.account, Some(machines.project.resources.account.clone()));
    assert_eq!(settings.aws.region.as_deref(), Some("us-east-1"));
    let table: toml::Table = text.parse().unwrap();
    let names = |table: &toml::Table| table.keys().cloned().collect::<Vec<_>>();
    let mut sent = names(&table);
    sent.sort();
    let all = "aws hipaa lease_seconds lifetime_seconds machine mode pit poll_milliseconds";
    assert_eq!(sent.join(" "), all);
    assert_eq!(settings.machine.volume_gib, Some(100));
    // This emulator's lists have no ranges: only the VPC (V).
    assert_eq!(settings.machine.addresses, ["10.0.0.0/16".parse().unwrap()]);
    let mut of_aws = names(table["aws"].as_table().unwrap());
    of_aws.sort();
    assert_eq!(of_aws, ["account", "data_keys", "region"]);
    for never in ["secret", "homer.key", "@", "AKIA", "BEGIN", "arn:", "password"] {
        assert!(!text.contains(never), "{never} in the user data: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_used_with_other_settings_is_counted_not_launched() {
    let machines = Machines::of(Kind::Moto).await;
    machines.fleet.launch(&intent(0, 3)).await.unwrap();
    machines.fleet.launch(&intent(1, 1)).await.unwrap();
    // The settings were changed before a crashed caller was resumed.
    let changed =
        settings(&machines.project).replace("lifetime_seconds = ", "lifetime_seconds = 1");
    let other = fleet(&machines.project, &machines.key_arn, &changed);
    assert_eq!(other.launch(&intent(0, 3)).await.unwrap().workers, 3);
    assert_eq!(machines.live().await.len(), 4);
    // A worker that has ended since was started, too.
    let live = machines.live().await;
    for instance in &live {
        machines.fleet.terminate(instance).await.unwrap();
    }
    assert_eq!(other.launch(&intent(0, 3)).await.unwrap().workers, 3);
    assert_eq!(machines.live().await, vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_ec2_refuses_keeps_its_class() {
    let machines = Machines::of(Kind::Moto).await;
    let emulator = &machines.emulator;
    for (status, code, class, tries) in [
        (500, "InsufficientInstanceCapacity", Class::Transient, ATTEMPTS),
        (503, "RequestLimitExceeded", Class::Transient, ATTEMPTS),
        (503, "Unavailable", Class::Transient, ATTEMPTS),
        (403, "UnauthorizedOperation", Class::Configuration, 1),
        (401, "AuthFailure", Class::Configuration, 1),
        (400, "InvalidParameterValue", Class::Permanent, 1),
    ] {
        emulator.clear_requests();
        emulator.fault(&error("RunInstances", status, code, ALWAYS));
        let error = machines.fleet.launch(&intent(0, 2)).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        let requests = asked(emulator, "ec2.RunInstances");
        assert_eq!(requests, u64::try_from(tries).unwrap(), "{code}");
        emulator.clear_faults();
    }
    assert_eq!(machines.live().await, vec![]);
    for operation in ["RunInstances", "DescribeLaunchTemplateVersions"] {
        emulator.fault(&error(operation, 503, "RequestLimitExceeded", 2));
        assert_eq!(machines.fleet.launch(&intent(0, 2)).await.unwrap().workers, 2);
        assert_eq!(struck(emulator), 2, "{operation}");
    }
    assert_eq!(machines.live().await.len(), 2);
}
