//! The project a command works on: its settings and its ports.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use sce_cloud::local;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::settings::{Mode, Settings};
use sce_core::run::Run;

use crate::exit::Failure;
use crate::tend::Tender;

/// Fewest digits by which a run may be named.
const RUN_PREFIX_MIN: usize = 4;

pub(crate) struct Project {
    pub(crate) settings: Settings,
    pub(crate) ports: Ports,
}

impl Project {
    /// Opens the project that flags, environment and settings file name.
    pub(crate) fn open(overlay: &Overlay) -> Result<Self, Failure> {
        let settings = overlay.settings()?;
        let agent = agent_binary().map_err(Failure::infrastructure)?;
        let ports = match settings.mode {
            Mode::Local => local::open(&settings, agent, overlay.environment())?,
        };
        Ok(Self { settings, ports })
    }

    /// The rules by which runs are tended, launching `workers` at a time.
    pub(crate) fn tender(&self, workers: u32) -> Tender<'_> {
        Tender {
            ports: &self.ports,
            pit: &self.settings.pit,
            lease: self.settings.lease(),
            budgets: self.settings.budgets(),
            workers,
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
