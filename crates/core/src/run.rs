//! A run's row in the ledger and the transitions of that row.
//!
//! Used like [`crate::unit`], by ledger adapters, agent and coordinator. A run
//! must end only once: every change that ends it requires that it has not ended.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, OwnerId, RunId};
use crate::limits::{Budgets, LeaseRules};
use crate::manifest::PlanDigest;
use crate::notice::{Notice, NoticeKind, Notices};
use crate::object::{ObjectKey, ObjectRef};
use crate::requests::Requests;
use crate::study::StudySettings;
use crate::time::Timestamp;
use crate::unit::Refused;

/// The most counters over which a run's units are spread, so that no row is hot.
pub const SHARDS_MAX: u32 = 8;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Being written; no worker may claim its units.
    Draft,
    /// Released to workers.
    Running,
    /// Finalized; every object is analyzed or quarantined.
    Done,
    /// Ended with failed units, or could not be finalized.
    Failed,
    /// Ended by a user.
    Canceled,
    /// Ended by the system.
    Aborted,
}

impl RunStatus {
    /// Returns the name that users see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Aborted => "aborted",
        }
    }
}

/// The outcomes of the objects of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Objects of the manifest.
    pub objects: u64,
    /// Analyzed; their rows are in the results.
    pub analyzed: u64,
    /// Quarantined with a reason; they can never succeed as they are.
    pub quarantined: u64,
    /// In units that used up their budget.
    pub failed: u64,
    /// Rows read from the analyzed objects.
    pub rows: u64,
}

/// The result of a finalization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Sealed deliverables, in the output bucket.
    pub deliverables: Vec<ObjectRef>,
    /// The deliverables that may leave the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_leave: Vec<ObjectKey>,
    /// The outcomes of the objects.
    pub counts: Counts,
    /// Requests that the finalizer sent to each service since its previous commit.
    #[serde(default)]
    pub requests: Requests,
}

/// A run's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The run.
    pub id: RunId,
    /// The digest of the plan; a repeated submission must match it.
    pub plan_digest: PlanDigest,
    /// The analysis and its settings.
    pub study: StudySettings,
    /// The state.
    pub status: RunStatus,
    /// The number of units, with indexes from 0.
    pub units: u32,
    /// The number of objects.
    pub objects: u64,
    /// When the run was first submitted.
    pub created_at: Timestamp,
    /// When the run was released to workers.
    pub released_at: Option<Timestamp>,
    /// When the run ended, in any way.
    pub ended_at: Option<Timestamp>,
    /// The attempt that holds or last held the finalization.
    pub fin_owner: Option<OwnerId>,
    /// Increases whenever the finalization is taken.
    pub fin_epoch: Epoch,
    /// When the finalizer's lease ends.
    pub fin_until: Timestamp,
    /// The result of the finalization.
    pub report: Option<Report>,
    /// Which notices were sent.
    pub notices: Notices,
    /// How many workers a launch requests; 0 if other workers process the run.
    pub workers: u32,
    /// Launches requested so far.
    pub launches: u32,
    /// When the latest launch was requested.
    pub launched_at: Option<Timestamp>,
    /// Why the run failed, or who canceled it: one line, ids only.
    pub reason: Option<String>,
}

/// A requested change of a run's row. The fields are the columns compared or set.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunChange {
    /// Draft → running; the same transaction sets every counter.
    Release { now: Timestamp, left: Vec<u32> },
    /// Takes the finalization, for the first time or after a finalizer that stopped
    /// responding. Requested only after every counter was read as 0.
    TakeFinal { fin_epoch: Epoch, owner: OwnerId, now: Timestamp, until: Timestamp },
    /// By the finalizer: extends its lease.
    BeatFinal { fin_epoch: Epoch, until: Timestamp },
    /// By the finalizer: commits the report and ends the run.
    CommitFinal { fin_epoch: Epoch, report: Report, now: Timestamp },
    /// By the finalizer: finalization can never succeed; ends the run.
    FailFinal { fin_epoch: Epoch, reason: String, now: Timestamp },
    /// Ends the run because its budget of finalizations is used up.
    ExhaustFinal { fin_epoch: Epoch, now: Timestamp },
    /// A user ends the run.
    Cancel { now: Timestamp },
    /// The system ends the run.
    Abort { now: Timestamp, reason: String },
    /// A notice was sent.
    NoticeSent { kind: NoticeKind },
    /// Requests one more launch; the same transaction records its intent.
    Launch { launch: u32, workers: u32, now: Timestamp },
}

impl Run {
    /// Returns the run as submitted, not yet released.
    pub fn draft(
        plan_digest: PlanDigest,
        study: StudySettings,
        units: u32,
        objects: u64,
        now: Timestamp,
    ) -> Self {
        Self {
            id: plan_digest.run_id(),
            plan_digest,
            study,
            status: RunStatus::Draft,
            units,
            objects,
            created_at: now,
            released_at: None,
            ended_at: None,
            fin_owner: None,
            fin_epoch: Epoch::default(),
            fin_until: Timestamp::default(),
            report: None,
            notices: Notices::default(),
            workers: 0,
            launches: 0,
            launched_at: None,
            reason: None,
        }
    }

    /// Returns the number of counters over which the units are spread.
    pub fn shards(&self) -> u32 {
        shards(self.units)
    }

    /// Returns the initial value of each counter: the number of units of its shard.
    pub fn counters(&self) -> Vec<u32> {
        let shards = self.shards();
        // The same distribution as `index % shards`, which assigns units to counters.
        (0..shards)
            .map(|shard| self.units / shards + u32::from(shard < self.units % shards))
            .collect()
    }

    /// True if the run has ended, in any way.
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// True if workers may process the run.
    pub fn is_open(&self) -> bool {
        self.status == RunStatus::Running && !self.has_ended()
    }

    /// True if this attempt holds the finalization.
    pub fn is_finalized_by(&self, fin_epoch: Epoch, owner: OwnerId) -> bool {
        !self.has_ended() && self.fin_epoch == fin_epoch && self.fin_owner == Some(owner)
    }

    /// Returns the change that advances the finalization now, given that every counter
    /// was read as 0: take it, or give it up for good. `None` while a finalizer is alive,
    /// or if the run is not open.
    pub fn plan_finalize(
        &self,
        owner: OwnerId,
        now: Timestamp,
        lease: &LeaseRules,
        budgets: &Budgets,
    ) -> Option<RunChange> {
        let fin_epoch = self.fin_epoch;
        if !self.is_open() || !self.finalizer_is_gone(now, lease) {
            return None;
        }
        // Only the epoch counts finalizations, so it is also what the budget limits.
        if fin_epoch.0 < budgets.finalizations {
            return Some(RunChange::TakeFinal {
                fin_epoch,
                owner,
                now,
                until: now.after(lease.lease),
            });
        }
        Some(RunChange::ExhaustFinal { fin_epoch, now })
    }

    /// Returns the row after `change`.
    ///
    /// # Errors
    /// Returns why the change does not apply to the row in its current state.
    pub fn apply(
        &self,
        change: &RunChange,
        lease: &LeaseRules,
        budgets: &Budgets,
    ) -> Result<Self, Refused> {
        // A notice of the end is sent after the end, so it is checked before `has_ended`.
        if let RunChange::NoticeSent { kind } = change {
            return self.with_notice_sent(*kind);
        }
        if self.has_ended() {
            return Err(Refused::Ended);
        }
        let mut row = self.clone();
        match change {
            RunChange::Release { now, .. } => {
                require(self.status == RunStatus::Draft && self.released_at.is_none())?;
                row.status = RunStatus::Running;
                row.released_at = Some(*now);
                row.notices.set(NoticeKind::Start, Notice::Pending);
            }
            RunChange::TakeFinal { fin_epoch, owner, now, until } => {
                require(self.released_at.is_some() && self.fin_epoch == *fin_epoch)?;
                require_else(fin_epoch.0 < budgets.finalizations, Refused::Budget)?;
                require_else(self.finalizer_is_gone(*now, lease), Refused::Live)?;
                row.fin_owner = Some(*owner);
                row.fin_epoch = fin_epoch.next();
                row.fin_until = *until;
            }
            RunChange::BeatFinal { fin_epoch, until } => {
                require(self.fin_epoch == *fin_epoch)?;
                row.fin_until = *until;
            }
            RunChange::CommitFinal { fin_epoch, report, now } => {
                require(self.fin_epoch == *fin_epoch)?;
                let failed = report.counts.failed > 0;
                row.report = Some(report.clone());
                row.end(if failed { RunStatus::Failed } else { RunStatus::Done }, *now);
            }
            RunChange::FailFinal { fin_epoch, reason, now } => {
                require(self.fin_epoch == *fin_epoch)?;
                row.reason = Some(reason.clone());
                row.end(RunStatus::Failed, *now);
            }
            RunChange::ExhaustFinal { fin_epoch, now } => {
                require(self.fin_epoch == *fin_epoch)?;
                require_else(fin_epoch.0 >= budgets.finalizations, Refused::Budget)?;
                require_else(self.finalizer_is_gone(*now, lease), Refused::Live)?;
                row.reason = Some(format!("{fin_epoch} finalizers stopped responding"));
                row.end(RunStatus::Failed, *now);
            }
            RunChange::Cancel { now } => row.end(RunStatus::Canceled, *now),
            RunChange::Abort { now, reason } => {
                row.reason = Some(reason.clone());
                row.end(RunStatus::Aborted, *now);
            }
            RunChange::Launch { launch, now, .. } => {
                // The number must be the next one: it is part of the client token.
                require(self.released_at.is_some() && self.launches == *launch)?;
                require_else(self.launches < budgets.launches, Refused::Budget)?;
                row.launches += 1;
                row.launched_at = Some(*now);
            }
            RunChange::NoticeSent { .. } => {}
        }
        Ok(row)
    }

    fn finalizer_is_gone(&self, now: Timestamp, lease: &LeaseRules) -> bool {
        self.fin_owner.is_none() || lease.expired(self.fin_until, now)
    }

    fn with_notice_sent(&self, kind: NoticeKind) -> Result<Self, Refused> {
        // Several processes may publish the same notice; only one of them marks it.
        require(self.notices.of(kind) == Some(Notice::Pending))?;
        let mut row = self.clone();
        row.notices.set(kind, Notice::Sent);
        Ok(row)
    }

    fn end(&mut self, status: RunStatus, now: Timestamp) {
        self.status = status;
        self.ended_at = Some(now);
        self.notices.set(NoticeKind::End, Notice::Pending);
        // Without a launch there is no worker whose end could be reported.
        if self.launches > 0 {
            self.notices.set(NoticeKind::Gone, Notice::Pending);
        }
    }
}

/// A requested launch. It is recorded before the fleet is called, so that a caller that
/// crashes in between is resumed and nothing is launched twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchIntent {
    /// The run.
    pub run: RunId,
    /// The number of the launch within the run, from 0; run and number are the client token.
    pub launch: u32,
    /// The number of workers.
    pub workers: u32,
}

impl LaunchIntent {
    /// Returns the fleet's idempotency token; it is never used for another launch.
    pub fn token(&self) -> String {
        format!("{}-{}", self.run, self.launch)
    }
}

/// The result of a launch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Started {
    /// Workers that the fleet started; fewer than requested if there was not enough
    /// capacity, none if the run had ended.
    pub workers: u32,
    /// The instance type of the workers.
    pub machine: String,
    /// When, by the clock of the caller.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// A launch's row; it is kept, so that the cost of a run can be computed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The request.
    pub intent: LaunchIntent,
    /// When it was made.
    pub asked_at: Timestamp,
    /// The result; `None` while the intent is open.
    pub started: Option<Started>,
}

/// Returns the number of counters over which this many units are spread.
pub fn shards(units: u32) -> u32 {
    units.clamp(1, SHARDS_MAX)
}

fn require(holds: bool) -> Result<(), Refused> {
    require_else(holds, Refused::MovedOn)
}

fn require_else(holds: bool, otherwise: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
#[path = "run_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
