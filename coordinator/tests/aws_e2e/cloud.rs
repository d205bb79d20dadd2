//! A project on an emulator, with helpers for commands and queries.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use sce_testkit::{ACCOUNT, Emulator, Hypervisor, Kind, REGION};
use serde_json::Value;

use crate::support::{Output, Project, finish, sce};

/// Environment variables of every program under test.
const ALL: [(&str, &str); 3] =
    [("SCE_LOG", "info"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// A project directory and the emulator with its environment.
pub struct Cloud {
    pub emulator: Emulator,
    pub project: Project,
    /// The resources that the set-up of the environment created.
    pub made: Value,
    lease: &'static str,
}

impl Cloud {
    /// A new environment on a new emulator, and a project in it.
    pub fn new(kind: Kind) -> Self {
        let mut cloud = Self::unbuilt(kind);
        cloud.made = cloud.emulator.set_up("hipaa");
        cloud
    }

    /// A project on a new, empty emulator.
    pub fn unbuilt(kind: Kind) -> Self {
        let (emulator, project) = (Emulator::start(kind), Project::empty());
        let cloud = Self { emulator, project, made: Value::Null, lease: "3" };
        cloud.sce(&["init", "--aws", ACCOUNT, "--region", REGION]).exits(0);
        cloud.project.alter("sce.toml", |text| {
            let with = String::from_utf8(text.clone()).unwrap();
            let quick = "poll_milliseconds = 1000";
            *text = with.replace("#: poll_milliseconds = 500", quick).into_bytes();
        });
        cloud
    }

    /// The same with `objects` objects of pseudo-data.
    pub fn with_data(kind: Kind, rows: u32, objects: u32) -> Self {
        let cloud = Self::new(kind);
        cloud.project.synth(rows, objects);
        cloud.sce(&["put", "plain"]).exits(0);
        cloud
    }

    /// A program of the project, on the emulator.
    pub fn command(&self, program: impl AsRef<std::path::Path>) -> Command {
        let mut command = self.project.command(program);
        command.env_remove("AWS_PROFILE").env("AWS_ENDPOINT_URL", self.emulator.endpoint());
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(ALL).env("SCE_LEASE_SECONDS", self.lease);
        command
    }

    pub fn sce(&self, args: &[&str]) -> Output {
        finish(self.command(sce()).args(args))
    }

    /// `sce` in the background. It is killed when the value is dropped.
    pub fn start(&self, args: &[&str]) -> Background {
        let mut command = self.command(sce());
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        Background(Some(command.spawn().unwrap()))
    }

    /// The same with the default leases of projects on AWS.
    pub fn with_long_leases(mut self) -> Self {
        self.lease = "180";
        self
    }

    /// Machines for launched instances.
    pub fn hypervisor(&self) -> Hypervisor {
        let dir = self.project.path("machines");
        Hypervisor::start(&self.emulator, &agent(), &dir, "hipaa", &["SCE_LOG=info"])
    }

    /// Runs an agent process until it ends.
    pub fn agent(&self, name: &str) -> Output {
        let hipaa = self.project.path(&format!("hipaa-{name}"));
        finish(self.command(agent()).arg("work").env("SCE_HIPAA", hipaa))
    }

    /// The patients.csv of the opened results.
    pub fn patients(&self, run: &str) -> Vec<u8> {
        self.sce(&["results", run, "--out", "out", "--in-the-clear"]).exits(0);
        self.project.read("out/patients.csv")
    }

    /// The subjects of the notices so far, which are removed from the mailbox.
    pub fn subjects(&self) -> Vec<String> {
        let mailbox = self.made["queues"]["mailbox"].as_str().unwrap();
        let read = format!(
            "sqs = client('sqs')\nsubjects = []\nwhile True:\n    got = sqs.receive_message(\
             QueueUrl={mailbox:?}, MaxNumberOfMessages=10).get('Messages', [])\n    \
             if not got: break\n    for m in got:\n        \
             subjects.append(json.loads(m['Body'])['Subject'])\n        \
             sqs.delete_message(QueueUrl={mailbox:?}, ReceiptHandle=m['ReceiptHandle'])\n\
             print(json.dumps(subjects))"
        );
        serde_json::from_str(&self.emulator.python(&read)).unwrap()
    }

    /// The live instances according to the emulator.
    pub fn live_instances(&self) -> Vec<String> {
        self.listed(
            "[i['InstanceId'] for r in client('ec2').describe_instances()['Reservations'] \
             for i in r['Instances'] if i['State']['Name'] in ('pending', 'running')]",
        )
    }

    /// The value of a Python expression that is a list of texts.
    pub fn listed(&self, expression: &str) -> Vec<String> {
        let text = self.emulator.python(&format!("print(json.dumps({expression}))"));
        serde_json::from_str(&text).unwrap()
    }

    /// Asserts that no instance or volume is left.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        assert_eq!(self.live_instances(), Vec::<String>::new(), "instances are left");
        let volumes = "[v['VolumeId'] for v in client('ec2').describe_volumes(Filters=[\
             {'Name': 'tag:PIT', 'Values': ['hipaa']}])['Volumes']]";
        assert_eq!(self.listed(volumes), Vec::<String>::new(), "volumes are left");
    }
}

/// A running `sce`.
pub struct Background(Option<std::process::Child>);

impl Background {
    pub fn finish(mut self) -> Output {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Output {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Kills it immediately.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn agent() -> PathBuf {
    sce().with_file_name("sce-agent")
}

/// A rule of the fault proxy.
pub fn fault(service: &str, operation: &str, more: &Value) -> Value {
    let mut rule = serde_json::json!({ "service": service, "operation": operation });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

/// An error that a service returns `times` times.
pub fn refusal(service: &str, operation: &str, code: &str, status: u16, times: i32) -> Value {
    let more = serde_json::json!({
        "fault": "error", "status": status, "code": code, "message": "made by the test", "times": times
    });
    fault(service, operation, &more)
}

/// A response that is lost after the service has executed the request.
pub fn lost(service: &str, operation: &str, times: i32, skip: i32) -> Value {
    let more = serde_json::json!({ "fault": "lose_answer", "times": times, "skip": skip });
    fault(service, operation, &more)
}
