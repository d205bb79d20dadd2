//! A unit's life: its row in the ledger and the transitions of that row.
//!
//! Used by every ledger adapter (the embedded one applies [`Unit::apply`]
//! itself inside a transaction, DynamoDB gets the same conditions as
//! expressions; one conformance suite holds both to it) and by the agent.
//! Every condition is here because a trace breaks the protocol without it.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, OwnerId, UnitId};
use crate::limits::{Budgets, LeaseRules};
use crate::object::{ObjectKey, ObjectRef};
use crate::requests::Requests;
use crate::room::Room;
use crate::time::Timestamp;

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    /// Waits for a worker.
    Pending,
    /// One worker has it, until its lease ends.
    Leased,
    /// Its partial is committed.
    Done,
    /// Its budget of errors or losses is spent.
    Failed,
    /// Its run was canceled first.
    Canceled,
}

impl UnitState {
    /// Nothing changes a unit that stands here.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

/// What became of one object of a committed unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectOutcome {
    /// Which object.
    pub key: ObjectKey,
    /// `None`: analysed. Else why it is quarantined: one line, ids and
    /// positions only, what is wrong and what to do.
    pub quarantined: Option<String>,
    /// Rows read from it (0 when quarantined).
    pub rows: u64,
}

/// A unit's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Which unit.
    pub id: UnitId,
    /// What it carries.
    pub objects: Vec<ObjectRef>,
    /// Which counter of the run it counts down.
    pub shard: u32,
    /// Where it stands.
    pub state: UnitState,
    /// Grows with every claim.
    pub epoch: Epoch,
    /// The attempt that holds or last held it.
    pub owner: Option<OwnerId>,
    /// Grows with every beat of that attempt.
    pub beat: u32,
    /// When its lease ends.
    pub lease_until: Timestamp,
    /// What room its worker had left at the last beat.
    #[serde(default)]
    pub room: Option<Room>,
    /// Errors its owners reported.
    pub task_errors: u32,
    /// Owners that fell silent.
    pub losses: u32,
    /// Planned stops; never charged.
    pub stops: u32,
    /// Where its committed partial lies.
    pub partial: Option<ObjectRef>,
    /// What became of its objects, once done.
    pub outcomes: Vec<ObjectOutcome>,
    /// What the worker that committed it had asked of each service since its
    /// last commit.
    #[serde(default)]
    pub requests: Requests,
    /// Why it failed or last went back: one line, ids only.
    pub reason: Option<String>,
}

/// A wish to change a unit's row. The fields are the columns compared or set.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitChange {
    /// Pending → leased.
    Claim { epoch: Epoch, owner: OwnerId, lease_until: Timestamp },
    /// Leased by an owner seen silent at this epoch and beat → leased by
    /// another; while the budget of losses lasts.
    TakeOver { epoch: Epoch, beat: u32, now: Timestamp, owner: OwnerId, lease_until: Timestamp },
    /// The same with the budget of losses spent → failed.
    GiveUp { epoch: Epoch, beat: u32, now: Timestamp },
    /// Mine: the lease lasts longer; what room the worker has left.
    Beat { epoch: Epoch, lease_until: Timestamp, room: Room },
    /// Mine → done.
    Commit { epoch: Epoch, partial: ObjectRef, outcomes: Vec<ObjectOutcome>, requests: Requests },
    /// Mine → pending, charged; while the budget of errors lasts.
    Error { epoch: Epoch, reason: String },
    /// Mine with the budget of errors spent → failed.
    Fail { epoch: Epoch, reason: String },
    /// Mine → pending, not charged.
    Stop { epoch: Epoch },
    /// Not terminal → canceled; its run has ended.
    Cancel,
}

/// Why a change does not apply. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such row.
    #[error("no such row")]
    Absent,
    /// The row stands elsewhere: another state or a later epoch.
    #[error("the row has moved on")]
    MovedOn,
    /// Its owner may still be alive.
    #[error("the lease has not expired")]
    Live,
    /// The budget asks for the other transition.
    #[error("the budget decides otherwise")]
    Budget,
    /// The run has ended.
    #[error("the run has ended")]
    Ended,
    /// The counter would fall below nothing: an invariant is broken.
    #[error("a counter would fall below nothing")]
    CounterSpent,
}

impl Unit {
    /// The unit as submitted.
    pub fn pending(id: UnitId, objects: Vec<ObjectRef>, shard: u32) -> Self {
        Self {
            id,
            objects,
            shard,
            state: UnitState::Pending,
            epoch: Epoch::default(),
            owner: None,
            beat: 0,
            lease_until: Timestamp::default(),
            room: None,
            task_errors: 0,
            losses: 0,
            stops: 0,
            partial: None,
            outcomes: Vec::new(),
            requests: Requests::new(),
            reason: None,
        }
    }

    /// Is the unit held by this attempt? Decides what an unanswered claim did.
    pub fn is_held_by(&self, epoch: Epoch, owner: OwnerId) -> bool {
        self.state == UnitState::Leased && self.epoch == epoch && self.owner == Some(owner)
    }

    /// The change by which a worker may get hold of the unit now (or give it
    /// up for good); `None` while it has a live owner or is terminal.
    pub fn plan_claim(
        &self,
        owner: OwnerId,
        now: Timestamp,
        lease: &LeaseRules,
        budgets: &Budgets,
    ) -> Option<UnitChange> {
        let (epoch, beat, lease_until) = (self.epoch, self.beat, now.after(lease.lease));
        match self.state {
            UnitState::Pending => Some(UnitChange::Claim { epoch, owner, lease_until }),
            UnitState::Leased if !lease.expired(self.lease_until, now) => None,
            UnitState::Leased if self.losses + 1 < budgets.losses => {
                Some(UnitChange::TakeOver { epoch, beat, now, owner, lease_until })
            }
            UnitState::Leased => Some(UnitChange::GiveUp { epoch, beat, now }),
            UnitState::Done | UnitState::Failed | UnitState::Canceled => None,
        }
    }

    /// What an attempt that went wrong asks for: another try, or the end.
    pub fn plan_error(&self, reason: String, budgets: &Budgets) -> UnitChange {
        let epoch = self.epoch;
        if self.task_errors + 1 < budgets.task_errors {
            UnitChange::Error { epoch, reason }
        } else {
            UnitChange::Fail { epoch, reason }
        }
    }

    /// The row after `change`.
    ///
    /// # Errors
    /// Why the change does not apply to the row as it stands.
    pub fn apply(
        &self,
        change: &UnitChange,
        lease: &LeaseRules,
        budgets: &Budgets,
    ) -> Result<Self, Refused> {
        let mut row = self.clone();
        match change {
            UnitChange::Claim { epoch, owner, lease_until } => {
                self.require(UnitState::Pending, *epoch)?;
                row.lease_to(*owner, *lease_until);
            }
            UnitChange::TakeOver { epoch, beat, now, owner, lease_until } => {
                self.require_expired(*epoch, *beat, *now, lease)?;
                require_budget(self.losses + 1 < budgets.losses)?;
                row.losses += 1;
                row.lease_to(*owner, *lease_until);
            }
            UnitChange::GiveUp { epoch, beat, now } => {
                self.require_expired(*epoch, *beat, *now, lease)?;
                require_budget(self.losses + 1 >= budgets.losses)?;
                row.losses += 1;
                row.fail(format!("{} workers fell silent while they had it", row.losses));
            }
            UnitChange::Beat { epoch, lease_until, room } => {
                self.require(UnitState::Leased, *epoch)?;
                row.beat = row.beat.saturating_add(1);
                row.lease_until = *lease_until;
                row.room = Some(*room);
            }
            UnitChange::Commit { epoch, partial, outcomes, requests } => {
                self.require(UnitState::Leased, *epoch)?;
                row.state = UnitState::Done;
                row.partial = Some(partial.clone());
                row.outcomes.clone_from(outcomes);
                row.requests.clone_from(requests);
                row.reason = None;
            }
            UnitChange::Error { epoch, reason } => {
                self.require(UnitState::Leased, *epoch)?;
                require_budget(self.task_errors + 1 < budgets.task_errors)?;
                row.task_errors += 1;
                row.release(Some(reason.clone()));
            }
            UnitChange::Fail { epoch, reason } => {
                self.require(UnitState::Leased, *epoch)?;
                require_budget(self.task_errors + 1 >= budgets.task_errors)?;
                row.task_errors += 1;
                row.fail(reason.clone());
            }
            UnitChange::Stop { epoch } => {
                self.require(UnitState::Leased, *epoch)?;
                row.stops += 1;
                row.release(self.reason.clone());
            }
            UnitChange::Cancel if self.state.is_terminal() => return Err(Refused::MovedOn),
            UnitChange::Cancel => row.state = UnitState::Canceled,
        }
        Ok(row)
    }

    fn require(&self, state: UnitState, epoch: Epoch) -> Result<(), Refused> {
        if self.state == state && self.epoch == epoch { Ok(()) } else { Err(Refused::MovedOn) }
    }

    fn require_expired(
        &self,
        epoch: Epoch,
        beat: u32,
        now: Timestamp,
        lease: &LeaseRules,
    ) -> Result<(), Refused> {
        self.require(UnitState::Leased, epoch)?;
        if self.beat == beat && lease.expired(self.lease_until, now) {
            Ok(())
        } else {
            Err(Refused::Live)
        }
    }

    fn lease_to(&mut self, owner: OwnerId, until: Timestamp) {
        self.state = UnitState::Leased;
        self.epoch = self.epoch.next();
        self.owner = Some(owner);
        self.beat = 0;
        self.lease_until = until;
    }

    fn release(&mut self, reason: Option<String>) {
        self.state = UnitState::Pending;
        self.reason = reason;
    }

    fn fail(&mut self, reason: String) {
        self.state = UnitState::Failed;
        self.reason = Some(reason);
    }
}

impl UnitChange {
    /// Does the change count down the run's counter (in the same transaction)?
    pub const fn counts_down(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::Fail { .. } | Self::GiveUp { .. })
    }
}

fn require_budget(holds: bool) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Budget) }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
