//! The project of a command: its settings and its ports.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use sce_cloud::caller::Caller;
use sce_cloud::local;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::settings::{Mode, Settings};
use sce_core::ids::RunId;
use sce_core::run::Run;

use crate::analyses;
use crate::aws::{self, Aws};
use crate::exit::Failure;
use crate::reconcile::Reconciler;

/// How long a waiting command lets worker processes leave after the run has
/// ended. Instances get the time of their slowest poll and beat in addition.
const LEAVE_WAIT: Duration = Duration::from_secs(10);
/// Shortest prefix of a run id that is accepted, in digits.
const RUN_PREFIX_MIN: usize = 4;

pub(crate) struct Project {
    pub(crate) settings: Settings,
    pub(crate) ports: Ports,
    /// The AWS side of the project; `None` in local mode.
    pub(crate) aws: Option<Aws>,
}

impl Project {
    /// Opens the project given by flags, environment and settings file.
    /// `caller` decides whether objects can be sealed and opened.
    pub(crate) async fn open(overlay: &Overlay, caller: Caller) -> Result<Self, Failure> {
        let mut settings = overlay.settings()?;
        // Before anything is opened: the settings are part of the run's digest, and a wrong one
        // should fail here, not on a worker.
        settings.study = analyses::canonical(&settings.study, &overlay.config)?;
        match settings.mode {
            Mode::Local => {
                let agent = agent_binary().map_err(Failure::infrastructure)?;
                let ports = local::open(&settings, agent, overlay.environment())?;
                Ok(Self { settings, ports, aws: None })
            }
            Mode::Aws => {
                let aws = aws::open(&settings, caller).await?;
                Ok(Self { settings, ports: aws::ports(&aws).clone(), aws: Some(aws) })
            }
        }
    }

    /// The AWS side of the project, for a command that requires it.
    pub(crate) fn aws(&self, command: &str) -> Result<&Aws, Failure> {
        self.aws.as_ref().ok_or_else(|| {
            Failure::usage(anyhow!(
                "{command} requires a project on AWS: this one has mode = \"local\""
            ))
        })
    }

    /// How often a waiting command polls. On AWS every poll costs requests.
    pub(crate) fn look_every(&self) -> Duration {
        match self.settings.mode {
            Mode::Local => Duration::from_millis(300),
            Mode::Aws => self.settings.lease().beat_every.min(Duration::from_secs(5)),
        }
    }

    /// How long workers may take to leave after the last open run has ended.
    pub(crate) fn leave_wait(&self) -> Duration {
        match self.settings.mode {
            Mode::Local => LEAVE_WAIT,
            Mode::Aws => LEAVE_WAIT + self.settings.poll() * 3 + self.settings.lease().beat_every,
        }
    }

    /// The reconciler of this project. `workers` overrides the number of
    /// workers of a launch for one run.
    pub(crate) fn reconciler(&self, workers: Option<(RunId, u32)>) -> Reconciler<'_> {
        Reconciler {
            ports: &self.ports,
            pit: &self.settings.pit,
            lease: self.settings.lease(),
            budgets: self.settings.budgets(),
            workers,
            grace: match self.settings.mode {
                Mode::Local => Duration::ZERO,
                // EC2 is eventually consistent: a new instance may not be listed yet.
                Mode::Aws => self.settings.lease().lease / 2,
            },
        }
    }

    /// Finds a run by its id or a unique prefix of it.
    pub(crate) async fn run(&self, name: &str) -> Result<Run, Failure> {
        let runs = self.ports.ledger.runs().await?;
        let mut named = runs
            .into_iter()
            .filter(|run| name.len() >= RUN_PREFIX_MIN && run.id.to_string().starts_with(name));
        match (named.next(), named.next()) {
            (Some(run), None) => Ok(run),
            (Some(_), Some(_)) => Err(Failure::usage(anyhow!(
                "several runs match this prefix: give more digits of the run id"
            ))),
            (None, _) => Err(Failure::usage(anyhow!(
                "no run matches this id: list the runs with `sce runs`; give at least {RUN_PREFIX_MIN} digits"
            ))),
        }
    }
}

/// The path of `sce-agent`, in the directory of `sce`.
fn agent_binary() -> anyhow::Result<PathBuf> {
    // Not from PATH: coordinator and workers must be of the same version.
    let own = std::env::current_exe().context("find the path of this program")?;
    Ok(own.with_file_name("sce-agent"))
}
