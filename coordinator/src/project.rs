//! The project a command works on: its settings and its ports.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use sce_cloud::aws::{self, Aws, Caller};
use sce_cloud::local;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::settings::{Mode, Settings};
use sce_core::ids::RunId;
use sce_core::run::Run;

use crate::analyses;
use crate::exit::Failure;
use crate::tend::Tender;

/// How long a waiting command gives processes to leave after the end; machines
/// get what their slowest poll and beat take, and this.
const LEAVE_WAIT: Duration = Duration::from_secs(10);
/// Fewest digits by which a run may be named.
const RUN_PREFIX_MIN: usize = 4;

pub(crate) struct Project {
    pub(crate) settings: Settings,
    pub(crate) ports: Ports,
    /// What only AWS has.
    pub(crate) aws: Option<Aws>,
}

impl Project {
    /// Opens the project that flags, environment and settings file name.
    /// `caller` says whether objects are to be sealed or opened.
    pub(crate) async fn open(overlay: &Overlay, caller: Caller) -> Result<Self, Failure> {
        let mut settings = overlay.settings()?;
        settings.study = analyses::canonical(&settings.study, &overlay.config)?;
        match settings.mode {
            Mode::Local => {
                let agent = agent_binary().map_err(Failure::infrastructure)?;
                let ports = local::open(&settings, agent, overlay.environment())?;
                Ok(Self { settings, ports, aws: None })
            }
            Mode::Aws => {
                let aws = aws::open(&settings, caller).await?;
                Ok(Self { settings, ports: aws.ports.clone(), aws: Some(aws) })
            }
        }
    }

    /// What only AWS has, for a command that means nothing without it.
    pub(crate) fn aws(&self, command: &str) -> Result<&Aws, Failure> {
        self.aws.as_ref().ok_or_else(|| {
            Failure::usage(anyhow!(
                "{command} is for projects on AWS: this one is mode = \"local\""
            ))
        })
    }

    /// How often a waiting command looks: on AWS each look is requests.
    pub(crate) fn look_every(&self) -> Duration {
        match self.settings.mode {
            Mode::Local => Duration::from_millis(300),
            Mode::Aws => self.settings.lease().beat_every.min(Duration::from_secs(5)),
        }
    }

    /// How long workers may take to leave once no run is open.
    pub(crate) fn leave_wait(&self) -> Duration {
        match self.settings.mode {
            Mode::Local => LEAVE_WAIT,
            Mode::Aws => LEAVE_WAIT + self.settings.poll() * 3 + self.settings.lease().beat_every,
        }
    }

    /// The rules by which runs are tended; a launch for the run that is named
    /// asks for so many workers.
    pub(crate) fn tender(&self, workers: Option<(RunId, u32)>) -> Tender<'_> {
        Tender {
            ports: &self.ports,
            pit: &self.settings.pit,
            lease: self.settings.lease(),
            budgets: self.settings.budgets(),
            workers,
            grace: match self.settings.mode {
                Mode::Local => Duration::ZERO,
                // EC2 may take a while to list what it has just started.
                Mode::Aws => self.settings.lease().lease / 2,
            },
        }
    }

    /// The run that a person names by its id or the beginning of one.
    pub(crate) async fn run(&self, name: &str) -> Result<Run, Failure> {
        let runs = self.ports.ledger.runs().await?;
        let mut named = runs
            .into_iter()
            .filter(|run| name.len() >= RUN_PREFIX_MIN && run.id.to_string().starts_with(name));
        match (named.next(), named.next()) {
            (Some(run), None) => Ok(run),
            (Some(_), Some(_)) => {
                Err(Failure::usage(anyhow!("several runs begin so: give more digits of the id")))
            }
            (None, _) => Err(Failure::usage(anyhow!(
                "no run has this id: `sce runs` lists them; give at least {RUN_PREFIX_MIN} digits"
            ))),
        }
    }
}

/// `sce-agent`, beside `sce`.
fn agent_binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program's own file")?;
    Ok(own.with_file_name("sce-agent"))
}
