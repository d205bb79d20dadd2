//! A run's life: its row in the ledger and the transitions of that row.
//!
//! Used like [`crate::unit`], by ledger adapters, agent and coordinator. One
//! end wins: everything that ends a run asks that it has not ended yet.

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

/// Most counters over which a run's units are spread, so that none is hot.
pub const SHARDS_MAX: u32 = 8;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Being written down; no worker may touch it.
    Draft,
    /// Released to workers.
    Running,
    /// Consolidated; its objects are analysed or quarantined.
    Done,
    /// Ended with failed units, or could not be consolidated.
    Failed,
    /// Ended by a person.
    Canceled,
    /// Ended by the system.
    Aborted,
}

impl RunStatus {
    /// As people read it.
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

/// What became of the objects of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Objects of the manifest.
    pub objects: u64,
    /// Analysed; their rows are in the results.
    pub analysed: u64,
    /// Set aside with a reason; they can never succeed as they are.
    pub quarantined: u64,
    /// In units whose budget was spent.
    pub failed: u64,
    /// Rows read from the analysed objects.
    pub rows: u64,
}

/// What a finalization delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Sealed deliverables, in the output bucket.
    pub deliverables: Vec<ObjectRef>,
    /// Those of them that may leave the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_leave: Vec<ObjectKey>,
    /// What became of the objects.
    pub counts: Counts,
    /// What the finalizer had asked of each service since its last commit.
    #[serde(default)]
    pub requests: Requests,
}

/// A run's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which run.
    pub id: RunId,
    /// What it is; a repeated submission must match it.
    pub plan_digest: PlanDigest,
    /// What it computes.
    pub study: StudySettings,
    /// Where it stands.
    pub status: RunStatus,
    /// How many units it has, with indexes from 0.
    pub units: u32,
    /// How many objects it has.
    pub objects: u64,
    /// When it was first submitted.
    pub created_at: Timestamp,
    /// When workers were let at it.
    pub released_at: Option<Timestamp>,
    /// When it ended, whichever way.
    pub ended_at: Option<Timestamp>,
    /// The attempt that holds or last held the finalization.
    pub fin_owner: Option<OwnerId>,
    /// Grows with every taking of the finalization.
    pub fin_epoch: Epoch,
    /// When the finalizer's lease ends.
    pub fin_until: Timestamp,
    /// What was delivered.
    pub report: Option<Report>,
    /// How far people have been told.
    pub notices: Notices,
    /// How many workers a launch asks for; none where others work on the run.
    pub workers: u32,
    /// Launches asked for so far.
    pub launches: u32,
    /// When the latest of them was asked for.
    pub launched_at: Option<Timestamp>,
    /// Why it failed, or who canceled it: one line, ids only.
    pub reason: Option<String>,
}

/// A wish to change a run's row. The fields are the columns compared or set.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunChange {
    /// Draft → running; in the same transaction every counter is set.
    Release { now: Timestamp, left: Vec<u32> },
    /// The finalization is taken, by the first or after a silent finalizer.
    /// Asked for only after every counter was read as 0.
    TakeFinal { fin_epoch: Epoch, owner: OwnerId, now: Timestamp, until: Timestamp },
    /// Mine: the finalizer's lease lasts longer.
    BeatFinal { fin_epoch: Epoch, until: Timestamp },
    /// Mine: the report is committed and the run ends.
    CommitFinal { fin_epoch: Epoch, report: Report, now: Timestamp },
    /// Mine: consolidation can never succeed and the run ends.
    FailFinal { fin_epoch: Epoch, reason: String, now: Timestamp },
    /// The budget of finalizations is spent on silent finalizers.
    ExhaustFinal { fin_epoch: Epoch, now: Timestamp },
    /// A person ends the run.
    Cancel { now: Timestamp },
    /// The system ends the run.
    Abort { now: Timestamp, reason: String },
    /// People have been told.
    NoticeSent { kind: NoticeKind },
    /// One more launch is asked for; in the same transaction its intent is
    /// written down.
    Launch { launch: u32, workers: u32, now: Timestamp },
}

impl Run {
    /// The run as submitted, not yet released.
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

    /// Over how many counters the units are spread.
    pub fn shards(&self) -> u32 {
        shards(self.units)
    }

    /// What each counter starts from: the units of its shard.
    pub fn counters(&self) -> Vec<u32> {
        let shards = self.shards();
        (0..shards)
            .map(|shard| self.units / shards + u32::from(shard < self.units % shards))
            .collect()
    }

    /// Has it ended, whichever way?
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// May workers work for it?
    pub fn is_open(&self) -> bool {
        self.status == RunStatus::Running && !self.has_ended()
    }

    /// Is the finalization held by this attempt?
    pub fn is_finalized_by(&self, fin_epoch: Epoch, owner: OwnerId) -> bool {
        !self.has_ended() && self.fin_epoch == fin_epoch && self.fin_owner == Some(owner)
    }

    /// The change by which the finalization can move on now, given that every
    /// counter was read as 0: taken, or given up for good; `None` while a
    /// finalizer is alive, or when the run is not open.
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

    /// The row after `change`.
    ///
    /// # Errors
    /// Why the change does not apply to the row as it stands.
    pub fn apply(
        &self,
        change: &RunChange,
        lease: &LeaseRules,
        budgets: &Budgets,
    ) -> Result<Self, Refused> {
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
                row.reason = Some(format!("{fin_epoch} finalizers fell silent"));
                row.end(RunStatus::Failed, *now);
            }
            RunChange::Cancel { now } => row.end(RunStatus::Canceled, *now),
            RunChange::Abort { now, reason } => {
                row.reason = Some(reason.clone());
                row.end(RunStatus::Aborted, *now);
            }
            RunChange::Launch { launch, now, .. } => {
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
        require(self.notices.of(kind) == Some(Notice::Pending))?;
        let mut row = self.clone();
        row.notices.set(kind, Notice::Sent);
        Ok(row)
    }

    fn end(&mut self, status: RunStatus, now: Timestamp) {
        self.status = status;
        self.ended_at = Some(now);
        self.notices.set(NoticeKind::End, Notice::Pending);
        if self.launches > 0 {
            self.notices.set(NoticeKind::Gone, Notice::Pending);
        }
    }
}

/// A launch asked for: written down before the fleet is called, so that a
/// caller that dies in between is resumed and nothing is launched twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchIntent {
    /// For which run.
    pub run: RunId,
    /// Its number within the run, from 0; with the run it is the client token.
    pub launch: u32,
    /// How many workers.
    pub workers: u32,
}

impl LaunchIntent {
    /// The fleet's idempotency token; never used for another launch.
    pub fn token(&self) -> String {
        format!("{}-{}", self.run, self.launch)
    }
}

/// What became of a launch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Started {
    /// Workers that the fleet started; fewer than asked for where there was no
    /// more room, none where the run had ended.
    pub workers: u32,
    /// What they run on (an instance type).
    pub machine: String,
    /// When, on the clock of whoever asked.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// A launch's row; it stays, so that a run's cost can be told later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// What was asked for.
    pub intent: LaunchIntent,
    /// When.
    pub asked_at: Timestamp,
    /// What became of it; `None` while the intent is open.
    pub started: Option<Started>,
}

/// Over how many counters this many units are spread.
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
