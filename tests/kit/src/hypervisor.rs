//! A substitute for EC2's hypervisor: one agent process per launched instance.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Emulator, REGION, Running};

/// How long a test waits for machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running substitute.
pub struct Hypervisor {
    dir: PathBuf,
    _running: Running,
}

impl Hypervisor {
    /// Starts it for the instances of a project; each gets a directory in
    /// `dir`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(emulator: &Emulator, agent: &Path, dir: &Path, pit: &str, env: &[&str]) -> Self {
        fs::create_dir_all(dir).unwrap();
        let (endpoint, agent) = (emulator.endpoint(), agent.display().to_string());
        let (dir_text, mut args) = (dir.display().to_string(), Vec::new());
        args.extend(["--proxy", &endpoint, "--agent", &agent, "--dir", &dir_text]);
        args.extend(["--pit", pit, "--region", REGION, "--follow-stdin"]);
        args.extend(env.iter().flat_map(|pair| ["--env", pair]));
        Self { dir: dir.to_owned(), _running: Running::start("hypervisor.py", &args) }
    }

    /// The state of each instance so far.
    pub fn instances(&self) -> BTreeMap<String, Value> {
        let text = fs::read_to_string(self.dir.join("instances.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Waits until `holds` accepts the states of the instances.
    ///
    /// # Panics
    /// After a minute.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&BTreeMap<String, Value>) -> bool) {
        let start = Instant::now();
        while !holds(&self.instances()) {
            let waited = start.elapsed();
            assert!(waited < PATIENCE, "timed out waiting until {what}: {:#?}", self.instances());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `count` instances were started and none is running.
    ///
    /// # Panics
    /// After a minute.
    #[track_caller]
    pub fn wait_until_over(&self, count: usize) {
        self.wait_until("every instance has ended", |all| {
            all.len() == count && all.values().all(|one| one["state"] == "ended")
        });
    }

    /// The log of an instance's agent.
    pub fn log(&self, instance: &str) -> String {
        fs::read_to_string(self.dir.join(instance).join("agent.log")).unwrap_or_default()
    }
}
