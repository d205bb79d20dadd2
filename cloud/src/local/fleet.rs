//! The fleet as child processes.
//!
//! Each worker's standard input is a file that the launcher has locked: the
//! lock lives exactly as long as the worker, whoever else dies, so a worker is
//! alive if and only if its file is locked. No process id is ever trusted.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sce_core::ids::WorkerId;
use sce_core::run::LaunchIntent;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Entropy, Fleet, Instance};

/// Workers as processes of this machine.
pub struct ProcessFleet {
    /// `workers/` (a locked file each) and `tokens/` (a file per launch).
    root: PathBuf,
    logs: PathBuf,
    agent: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    entropy: Arc<dyn Entropy>,
}

impl ProcessFleet {
    /// Opens the fleet's directory. `agent` is the agent's binary,
    /// `environment` what its settings come from.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn open(
        root: &Path,
        agent: PathBuf,
        environment: Vec<(&'static str, OsString)>,
        entropy: Arc<dyn Entropy>,
    ) -> PortResult<Self> {
        let logs = root.join("logs");
        for folder in [&root.join("workers"), &root.join("tokens"), &logs] {
            fs::create_dir_all(folder).map_err(|e| fleet_error("open fleet", root.display(), &e))?;
        }
        Ok(Self { root: root.to_owned(), logs, agent, environment, entropy })
    }

    fn worker_file(&self, worker: &str) -> PathBuf {
        self.root.join("workers").join(worker)
    }

    fn spawn(&self, worker: WorkerId) -> io::Result<()> {
        let name = worker.to_string();
        let mut file = File::create_new(self.worker_file(&name))?;
        file.try_lock()?;
        let log = File::create_new(self.logs.join(format!("{name}.log")))?;
        let child = Command::new(&self.agent)
            .arg("work")
            .args(["--worker", &name])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(file.try_clone()?))
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .process_group(0)
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.agent.display())))?;
        writeln!(file, "{}", child.id())
    }

    fn instance(&self, name: &str) -> io::Result<Option<Instance>> {
        let Ok(worker) = name.parse() else { return Ok(None) };
        let path = self.worker_file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let engine_id = fs::read_to_string(&path)?.trim().to_owned();
                Ok(Some(Instance { worker, engine_id }))
            }
            Err(TryLockError::Error(e)) => Err(e),
            // Its worker is gone; a launcher that has made but not yet locked
            // the file merely loses this name, not its worker.
            Ok(()) => fs::remove_file(&path).map(|()| None),
        }
    }
}

#[async_trait]
impl Fleet for ProcessFleet {
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<()> {
        let token = intent.token();
        match File::create_new(self.root.join("tokens").join(&token)) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(e) => return Err(fleet_error("launch", token, &e)),
        }
        for _ in 0..intent.workers {
            let mut id = [0; 8];
            self.entropy.fill(&mut id)?;
            self.spawn(WorkerId::new(id)).map_err(|e| fleet_error("launch", &token, &e))?;
        }
        Ok(())
    }

    async fn live(&self) -> PortResult<Vec<Instance>> {
        let list = || -> io::Result<Vec<Instance>> {
            let mut live = Vec::new();
            for entry in fs::read_dir(self.root.join("workers"))? {
                live.extend(self.instance(&entry?.file_name().to_string_lossy())?);
            }
            Ok(live)
        };
        list().map_err(|e| fleet_error("list fleet", self.root.display(), &e))
    }

    async fn drain(&self, instance: &Instance) -> PortResult<()> {
        // An empty id: the launcher has not written it yet; the worker sees
        // the ledger and leaves by itself.
        let Ok(pid) = instance.engine_id.parse() else { return Ok(()) };
        match kill(Pid::from_raw(pid), Signal::SIGTERM) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(e) => Err(fleet_error("drain worker", instance.worker, &e.into())),
        }
    }
}

fn fleet_error(operation: &'static str, target: impl std::fmt::Display, e: &io::Error) -> PortError {
    PortError::new(Class::Permanent, operation, target, e)
}
