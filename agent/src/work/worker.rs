//! A worker: its ports, its rules and its identity.

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

/// Whether, and how, the worker should leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownMode {
    /// Continue.
    Run,
    /// Finish the current unit and take no more.
    Drain,
    /// Put the current unit back and leave.
    Stop,
}

/// Why a worker left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// No run is open.
    NoOpenRun,
    /// Open runs have no work for it: all their units have live owners.
    Idle,
    /// It was asked to leave, or its lifetime has ended.
    Asked,
}

/// Times and budgets of a worker.
#[derive(Debug, Clone, Copy)]
pub struct WorkRules {
    /// Leases and beats.
    pub lease: LeaseRules,
    /// How often errors, losses and finalizations may occur.
    pub budgets: Budgets,
    /// How long a poll waits at an empty queue.
    pub poll: Duration,
    /// Longest lifetime.
    pub lifetime: Duration,
    /// How much is processed at a time.
    pub load: Load,
}

/// One worker.
pub struct Worker {
    /// The ports of the project.
    pub ports: Ports,
    /// The available analyses.
    pub analyses: StartedAnalyses,
    /// Times and budgets.
    pub rules: WorkRules,
    /// The project.
    pub pit: Pit,
    /// The id of this worker.
    pub id: WorkerId,
    /// The machine that it runs on, for access records.
    pub machine: String,
    /// Measures the free memory and disk space.
    pub measure: Arc<dyn Fn() -> Room + Send + Sync>,
}

impl Worker {
    /// Returns a new random owner, for one claim.
    pub(super) fn fresh_owner(&self) -> PortResult<OwnerId> {
        self.ports.random_id().map(OwnerId::new)
    }

    /// Sends the pending notices of a run.
    pub(super) async fn notify(&self, run: RunId) -> PortResult<()> {
        if publish_pending(&self.ports, &self.pit, run).await? {
            info!(worker = %self.id, %run, "notice sent");
        }
        Ok(())
    }
}
