//! A worker: its ports, its rules, and who it is.

use std::sync::Arc;
use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::notice::publish_pending;
use sce_cloud::ports::Ports;
use sce_core::ids::{OwnerId, Pit, RunId, WorkerId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::room::{Load, Room};
use tracing::info;

use super::analyses::StartedAnalyses;

/// Units read at a time when looking for work.
pub(super) const PAGE: u32 = 100;

/// What someone outside asks of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Go on.
    Work,
    /// Finish the current unit, take no more.
    Drain,
    /// Put the current unit back and leave.
    Stop,
}

/// Why a worker left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// No run is open.
    NoOpenRun,
    /// Open runs have nothing for it: their units have live owners.
    Idle,
    /// It was asked to, or its lifetime is over.
    Asked,
}

/// Times and budgets a worker goes by.
#[derive(Debug, Clone, Copy)]
pub struct WorkRules {
    /// Leases and beats.
    pub lease: LeaseRules,
    /// Errors, losses, finalizations.
    pub budgets: Budgets,
    /// How long to wait at an empty queue.
    pub poll: Duration,
    /// How long to live at most.
    pub lifetime: Duration,
    /// How much to take on at a time.
    pub load: Load,
}

/// One worker.
pub struct Worker {
    /// Everything outside.
    pub ports: Ports,
    /// The analyses that runs may name.
    pub analyses: StartedAnalyses,
    /// Times and budgets.
    pub rules: WorkRules,
    /// The project.
    pub pit: Pit,
    /// This worker.
    pub id: WorkerId,
    /// What it runs on, for access records.
    pub machine: String,
    /// Measures what room is left here.
    pub measure: Arc<dyn Fn() -> Room + Send + Sync>,
}

impl Worker {
    pub(super) fn fresh_owner(&self) -> PortResult<OwnerId> {
        self.ports.random_id().map(OwnerId::new)
    }

    pub(super) async fn notify(&self, run: RunId) -> PortResult<()> {
        if publish_pending(&self.ports, &self.pit, run).await? {
            info!(worker = %self.id, %run, "notice sent");
        }
        Ok(())
    }
}
