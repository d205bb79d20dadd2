//! `sce env render`: needs no account, network or project, and never renders an
//! environment that is open to the internet.

use serde_json::Value;

use crate::support::{Project, files_under};

const GIVEN: [&str; 6] =
    ["env", "render", "--ssh-from", "192.0.2.0/24", "--email", "it@example.org"];

#[test]
fn a_template_needs_nothing_but_two_answers() {
    let project = Project::empty();
    let yaml = project.sce(&GIVEN).exits(0).stdout;
    assert!(yaml.contains("InstanceTenancy: dedicated") && yaml.contains("CidrIp: 192.0.2.0/24"));
    let json = project.sce(&[&GIVEN[..], &["--output", "json"]].concat()).exits(0).json();
    assert_eq!(json["Resources"]["NoticesByMail"]["Properties"]["Endpoint"], "it@example.org");
    assert!(files_under(&project.path(".")).is_empty(), "nothing is written");
}

#[test]
fn flags_say_what_is_built() {
    let project = Project::empty();
    let flags = ["--no-nat", "--pit", "study-7", "--worker-type", "c6i.xlarge", "--volume", "500"];
    let json = [&GIVEN[..], &flags, &["--output", "json"]].concat();
    let json = project.sce(&json).exits(0).json();
    let worker = &json["Resources"]["WorkerTemplate"]["Properties"];
    assert_eq!(worker["LaunchTemplateName"], "study-7-worker");
    assert_eq!(worker["LaunchTemplateData"]["InstanceType"], "c6i.xlarge");
    let volume = &worker["LaunchTemplateData"]["BlockDeviceMappings"][1]["Ebs"]["VolumeSize"];
    assert_eq!(*volume, 500);
    assert_eq!(json["Resources"]["NG"], Value::Null);
}

#[test]
fn what_would_open_the_environment_is_refused() {
    let project = Project::empty();
    for (option, bad, says) in [
        ("--ssh-from", "0.0.0.0/0", "never open to the whole internet"),
        ("--ssh-from", "everywhere", "range of IPv4 addresses"),
        ("--email", "it", "not an e-mail address"),
        ("--worker-type", "t3.large", "t family"),
        ("--machine-type", "t2.micro", "t family"),
        ("--volume", "1", "10..=16384"),
        ("--pit", "Study_7", "PIT"),
    ] {
        let mut args = GIVEN.to_vec();
        match args.iter().position(|arg| *arg == option) {
            Some(at) => args[at + 1] = bad,
            None => args.extend([option, bad]),
        }
        let refused = project.sce(&args).exits(2);
        assert!(refused.stderr.contains(says), "{option} {bad}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}
