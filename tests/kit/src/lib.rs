//! Emulators of AWS for tests: started on free loopback ports, with a proxy in
//! front that counts requests and injects faults, and a substitute for the
//! hypervisor. The programs are in Python (`tests/emulators`), in an
//! environment that `make venv` creates.
//!
//! Every program started here ends with the test process, however that ends:
//! its standard input is a pipe that this process holds.
#![allow(clippy::unwrap_used)]

mod hypervisor;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Seek};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

pub use self::hypervisor::Hypervisor;

/// Account of everything in the emulators.
pub const ACCOUNT: &str = "123456789012";
/// Region of everything in the emulators.
pub const REGION: &str = "us-east-1";

/// An emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Correct under concurrency: for the protocol, objects, queues and keys.
    Ministack,
    /// Supports launch templates and user data: for the fleet.
    Moto,
}

impl Kind {
    /// Its name as an argument of `start.py`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Moto => "moto",
        }
    }
}

/// A running emulator and the proxy in front of it.
pub struct Emulator {
    kind: Kind,
    port: u16,
    proxy_port: u16,
    _emulator: Running,
    _proxy: Running,
}

impl Emulator {
    /// Starts a separate emulator.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(kind: Kind) -> Self {
        let (port, proxy_port) = (free_port(), free_port());
        let port_text = port.to_string();
        let emulator = Running::start("start.py", &[kind.name(), "--port", &port_text]);
        let to = format!("http://127.0.0.1:{port}");
        let args = ["--port", &proxy_port.to_string(), "--to", &to, "--follow-stdin"];
        let proxy = Running::start("proxy.py", &args);
        Self { kind, port, proxy_port, _emulator: emulator, _proxy: proxy }
    }

    /// The emulator that all tests of this process share.
    pub fn shared(kind: Kind) -> &'static Self {
        static MINISTACK: OnceLock<Emulator> = OnceLock::new();
        static MOTO: OnceLock<Emulator> = OnceLock::new();
        let shared = match kind {
            Kind::Ministack => &MINISTACK,
            Kind::Moto => &MOTO,
        };
        shared.get_or_init(|| Self::start(kind))
    }

    /// The emulated kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The endpoint, through the proxy.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy_port)
    }

    /// The endpoint of the emulator itself.
    pub fn direct(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Creates what the environment's template creates on AWS; returns its ids.
    ///
    /// # Panics
    /// If the emulator rejects a request.
    pub fn set_up(&self, pit: &str) -> Value {
        let template = workspace().join("provision/environment.yaml");
        let output = python("environment.py")
            .args(["--endpoint", &self.endpoint(), "--pit", pit])
            .args(["--account", ACCOUNT, "--region", REGION, "--launch-template"])
            .arg(template)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", output.status);
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        // Only Ministack drops settings of a launch template; Moto keeps them.
        if self.kind == Kind::Ministack {
            self.fault(&whole_templates(made["key"].as_str().unwrap()));
        }
        made
    }

    /// Adds faults: a rule or a list of rules (see `tests/emulators/proxy.py`).
    ///
    /// # Panics
    /// If the proxy rejects them.
    pub fn fault(&self, rules: &Value) {
        let rules =
            if rules.is_array() { rules.clone() } else { Value::Array(vec![rules.clone()]) };
        ureq::post(self.control("faults")).send(rules.to_string()).unwrap();
    }

    /// All rules with the number of times that each has fired, in order.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn fired(&self) -> Vec<Value> {
        self.get("faults").as_array().cloned().unwrap_or_default()
    }

    /// Removes every fault, except the rules that complete an emulator.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn clear_faults(&self) {
        let kept: Vec<Value> = self
            .fired()
            .into_iter()
            .filter(|rule| rule["fault"] == "replace" && rule["times"] == -1)
            .collect();
        ureq::delete(self.control("faults")).call().unwrap();
        let bare = |mut rule: Value| {
            rule.as_object_mut().unwrap().remove("fired");
            rule
        };
        self.fault(&kept.into_iter().map(bare).collect());
    }

    /// Number of requests so far, by `service.Operation`.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let answer = self.get("requests");
        let mut counts = BTreeMap::new();
        for (service, operations) in answer["by"].as_object().unwrap() {
            for (operation, count) in operations.as_object().unwrap() {
                counts.insert(format!("{service}.{operation}"), count.as_u64().unwrap());
            }
        }
        counts
    }

    /// Resets the count of requests.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn clear_requests(&self) {
        ureq::delete(self.control("requests")).call().unwrap();
    }

    /// The parameters of every RunInstances so far.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn launches(&self) -> Vec<Value> {
        self.get("launches").as_array().cloned().unwrap_or_default()
    }

    /// User data, token and tags of the launched instances, by id.
    ///
    /// # Panics
    /// If the proxy has exited.
    pub fn instances(&self) -> Value {
        self.get("instances")
    }

    /// Calls an operation of EC2 directly, as another tool or AWS itself would,
    /// and returns the response. It is not counted, and no fault applies.
    ///
    /// # Panics
    /// If the emulator rejects the request.
    pub fn ec2(&self, operation: &str, parameters: &[(&str, &str)]) -> String {
        let mut form = vec![("Action", operation), ("Version", "2016-11-15")];
        form.extend(parameters);
        let scope = format!("Credential=test/20260101/{REGION}/ec2/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
        let mut answer = ureq::post(self.direct())
            .header("authorization", authorization)
            .send_form(form)
            .unwrap_or_else(|e| panic!("{operation}: {e}"));
        answer.body_mut().read_to_string().unwrap()
    }

    /// Runs a line of Python in which `client(service)` is defined (boto3 on
    /// this emulator, without the proxy), and returns its output.
    ///
    /// # Panics
    /// If it fails.
    pub fn python(&self, code: &str) -> String {
        let prelude = format!(
            "import boto3, json\ndef client(service):\n    return boto3.client(service, \
             endpoint_url={:?}, region_name={REGION:?}, aws_access_key_id='test', \
             aws_secret_access_key='test')\n",
            self.direct()
        );
        let output = interpreter().args(["-c", &(prelude + code)]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{code}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn control(&self, path: &str) -> String {
        format!("{}/-/{path}", self.endpoint())
    }

    fn get(&self, path: &str) -> Value {
        let text = ureq::get(self.control(path)).call().unwrap().body_mut().read_to_string();
        serde_json::from_str(&text.unwrap()).unwrap()
    }
}

/// Ministack drops tenancy and keys of a launch template: the proxy restores
/// them from the template file.
fn whole_templates(key_arn: &str) -> Value {
    let replace = |pattern: &str, with: String| {
        serde_json::json!({
            "service": "ec2", "operation": "DescribeLaunchTemplateVersions", "fault": "replace",
            "times": -1, "pattern": pattern, "with": with,
        })
    };
    let tenancy = "\\1<placement><tenancy>dedicated</tenancy></placement><instanceType>";
    Value::Array(vec![
        replace("(?s)(.*)<instanceType>", tenancy.to_owned()),
        replace("<ebs>", format!("<ebs><kmsKeyId>{key_arn}</kmsKeyId>")),
    ])
}

/// A program of `tests/emulators` that runs as long as this is held.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn start(script: &str, args: &[&str]) -> Self {
        let mut command = python(script);
        let mut said = tempfile::tempfile().unwrap();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(said.try_clone().unwrap());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{script}: {e}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() != "ready" {
            let mut error = String::new();
            said.rewind().unwrap();
            said.read_to_string(&mut error).unwrap();
            panic!("{script} does not start: {error}");
        }
        Self { child }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn python(script: &str) -> Command {
    let mut command = interpreter();
    command.arg(workspace().join("tests/emulators").join(script));
    command
}

fn interpreter() -> Command {
    let python = workspace().join("target/venv/emulators/bin/python");
    assert!(python.exists(), "target/venv/emulators does not exist: run `make venv`");
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A port that is free and not assigned by chance: below those that the kernel
/// assigns, and used only once in this process.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Concurrent test processes start at different ports.
    let first = u16::try_from(std::process::id() % 250).unwrap() * 40;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
