//! The fleet as child processes.
//!
//! Used in local mode. The standard input of each worker is a file that the
//! launcher has locked. The lock exists exactly as long as the worker, even if
//! the launcher dies, so a worker is alive if and only if its file is locked. A
//! process id must never be trusted for that.

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
use sce_core::ids::{RunId, WorkerId};
use sce_core::run::{LaunchIntent, Started};

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Entropy, Fleet, Instance};

/// Used in place of an instance type.
const MACHINE: &str = "process";

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
    /// Opens the fleet's directory. `agent` is the agent's binary, `environment` the source
    /// of its settings.
    ///
    /// # Errors
    /// Returns an error if a folder cannot be created.
    pub fn open(
        root: &Path,
        agent: PathBuf,
        environment: Vec<(&'static str, OsString)>,
        entropy: Arc<dyn Entropy>,
    ) -> PortResult<Self> {
        let logs = root.join("logs");
        for folder in [&root.join("workers"), &root.join("tokens"), &logs] {
            fs::create_dir_all(folder)
                .map_err(|e| fleet_error("open fleet", root.display(), &e))?;
        }
        Ok(Self { root: root.to_owned(), logs, agent, environment, entropy })
    }

    fn worker_file(&self, worker: &str) -> PathBuf {
        self.root.join("workers").join(worker)
    }

    fn spawn(&self, worker: WorkerId) -> io::Result<()> {
        let name = worker.to_string();
        // Created and locked first: a worker without a locked file would count as gone.
        let mut file = self.create_locked(&name)?;
        let log = File::create_new(self.logs.join(format!("{name}.log")))?;
        let child = Command::new(&self.agent)
            .arg("work")
            .args(["--worker", &name])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(file.try_clone()?))
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            // A group of its own, so that Ctrl-C at the launcher does not reach the worker.
            .process_group(0)
            .spawn()
            // The lock alone would not remove the file: a child that another thread has just
            // forked may still hold it.
            .inspect_err(|_| drop(fs::remove_file(self.worker_file(&name))))
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.agent.display())))?;
        writeln!(file, "{}", child.id())
    }

    /// Locks the folder of the workers. Held while worker files are created, locked, inspected
    /// or removed, so that no process sees a file that is created but not locked yet, or the
    /// lock of another inspection. Released when dropped.
    fn hold_workers(&self) -> io::Result<File> {
        let folder = File::open(self.root.join("workers"))?;
        folder.lock()?;
        Ok(folder)
    }

    fn create_locked(&self, worker: &str) -> io::Result<File> {
        let _held = self.hold_workers()?;
        let file = File::create_new(self.worker_file(worker))?;
        file.try_lock()?;
        Ok(file)
    }

    /// Returns the live workers; removes the files of the others.
    fn sweep(&self) -> io::Result<Vec<Instance>> {
        let _held = self.hold_workers()?;
        let mut live = Vec::new();
        for entry in fs::read_dir(self.root.join("workers"))? {
            live.extend(self.instance(&entry?.file_name().to_string_lossy())?);
        }
        Ok(live)
    }

    fn signal(&self, instance: &Instance, signal: Signal) -> PortResult<()> {
        let fail = |e: io::Error| fleet_error("end worker", instance.worker, &e);
        // Checked first: its process id may belong to another process by now.
        if !self.sweep().map_err(fail)?.contains(instance) {
            return Ok(());
        }
        // No id: the launcher has not written it yet. The worker will read the ledger and
        // leave by itself.
        let Ok(pid) = instance.engine_id.parse() else {
            return Ok(());
        };
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(e) => Err(fail(e.into())),
        }
    }

    /// Returns one worker, or `None` after removing its file if it is gone. The caller holds
    /// the lock of the workers.
    fn instance(&self, name: &str) -> io::Result<Option<Instance>> {
        let Ok(worker) = name.parse() else {
            return Ok(None);
        };
        let path = self.worker_file(name);
        // The lock is tried, not read from a file: only the kernel knows who still runs.
        match File::open(&path)?.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let engine_id = fs::read_to_string(&path)?.trim().to_owned();
                Ok(Some(Instance { worker, engine_id, starting: false, launched_at: None }))
            }
            Err(TryLockError::Error(e)) => Err(e),
            Ok(()) => fs::remove_file(&path).map(|()| None),
        }
    }
}

#[async_trait]
impl Fleet for ProcessFleet {
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<Started> {
        let started = Started { workers: intent.workers, machine: MACHINE.to_owned(), at: None };
        let token = intent.token();
        let token_file = self.root.join("tokens").join(&token);
        // The token is recorded before anything starts: a launch happens at most once, even
        // if this process is killed in between.
        match File::create_new(&token_file) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(started),
            Err(e) => return Err(fleet_error("launch", token, &e)),
        }
        for started in 0..intent.workers {
            let mut id = [0; 8];
            self.entropy.fill(&mut id)?;
            if let Err(e) = self.spawn(WorkerId::new(id)) {
                // Nothing runs under this token: it can be used again once the cause is
                // corrected.
                if started == 0 {
                    let _ = fs::remove_file(&token_file);
                }
                return Err(fleet_error("launch", &token, &e));
            }
        }
        Ok(started)
    }

    async fn live(&self) -> PortResult<Vec<Instance>> {
        self.sweep().map_err(|e| fleet_error("list fleet", self.root.display(), &e))
    }

    async fn drain(&self, instance: &Instance) -> PortResult<()> {
        self.signal(instance, Signal::SIGTERM)
    }

    async fn terminate(&self, instance: &Instance) -> PortResult<()> {
        self.signal(instance, Signal::SIGKILL)
    }

    async fn failures(&self, _: RunId) -> PortResult<Vec<String>> {
        // Processes are not ended by an engine; their logs say why they ended.
        Ok(Vec::new())
    }
}

fn fleet_error(
    operation: &'static str,
    target: impl std::fmt::Display,
    e: &io::Error,
) -> PortError {
    PortError::new(Class::Permanent, operation, target, e)
}
