//! A unit's row in the ledger and the transitions of that row.
//!
//! Used by every ledger adapter and by the agent. The adapters apply
//! [`Unit::apply`] and write the result only if the row has not changed since
//! it was read (SQLite in a transaction, DynamoDB by the row's revision); one
//! conformance suite tests both. Each condition is there because some order of
//! events breaks the protocol without it. Must never do I/O or read a clock.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, OwnerId, UnitId};
use crate::limits::{Budgets, LeaseRules};
use crate::object::{ObjectKey, ObjectRef};
use crate::requests::Requests;
use crate::room::Room;
use crate::time::Timestamp;

/// The state of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    /// Waits for a worker.
    Pending,
    /// Held by one worker until its lease ends.
    Leased,
    /// Its partial is committed.
    Done,
    /// Its budget of errors or losses is used up.
    Failed,
    /// Its run ended before it did.
    Canceled,
}

impl UnitState {
    /// True if no change applies to a unit in this state.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

/// The outcome of one object of a committed unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectOutcome {
    /// The object.
    pub key: ObjectKey,
    /// `None` if the object was analyzed. Otherwise why it is quarantined: one line with
    /// ids and positions only, what is wrong and what to do.
    pub quarantined: Option<String>,
    /// Rows read from the object (0 if quarantined).
    pub rows: u64,
}

/// A unit's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The unit.
    pub id: UnitId,
    /// The objects of the unit.
    pub objects: Vec<ObjectRef>,
    /// The counter of the run that the unit decrements.
    pub shard: u32,
    /// The state.
    pub state: UnitState,
    /// Increases with every claim.
    pub epoch: Epoch,
    /// The attempt that holds or last held the unit.
    pub owner: Option<OwnerId>,
    /// Increases with every beat of that attempt.
    pub beat: u32,
    /// When the lease ends.
    pub lease_until: Timestamp,
    /// Free memory and disk space of the worker at its last beat.
    #[serde(default)]
    pub room: Option<Room>,
    /// Errors reported by owners.
    pub task_errors: u32,
    /// Owners that stopped responding.
    pub losses: u32,
    /// Planned stops; not charged.
    pub stops: u32,
    /// The committed partial.
    pub partial: Option<ObjectRef>,
    /// The outcomes of the objects, once the unit is done.
    pub outcomes: Vec<ObjectOutcome>,
    /// Requests that the committing worker sent to each service since its previous
    /// commit.
    #[serde(default)]
    pub requests: Requests,
    /// Why the unit failed or was last released: one line, ids only.
    pub reason: Option<String>,
}

/// A requested change of a unit's row. The fields are the columns compared or set.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitChange {
    /// Pending → leased.
    Claim { epoch: Epoch, owner: OwnerId, lease_until: Timestamp },
    /// Leased → leased by another owner, if the owner has not renewed the lease since this
    /// epoch and beat; only while losses remain in the budget.
    TakeOver { epoch: Epoch, beat: u32, now: Timestamp, owner: OwnerId, lease_until: Timestamp },
    /// The same when the budget of losses is used up → failed.
    GiveUp { epoch: Epoch, beat: u32, now: Timestamp },
    /// By the owner: extends the lease and reports the worker's free resources.
    Beat { epoch: Epoch, lease_until: Timestamp, room: Room },
    /// By the owner: leased → done.
    Commit { epoch: Epoch, partial: ObjectRef, outcomes: Vec<ObjectOutcome>, requests: Requests },
    /// By the owner: leased → pending, charged; only while errors remain in the budget.
    Error { epoch: Epoch, reason: String },
    /// By the owner: leased → failed, when the budget of errors is used up.
    Fail { epoch: Epoch, reason: String },
    /// By the owner: leased → pending, not charged.
    Stop { epoch: Epoch },
    /// Not terminal → canceled, because the run has ended.
    Cancel,
}

/// Why a change does not apply. The row is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such row.
    #[error("no such row")]
    Absent,
    /// The row has another state or a later epoch.
    #[error("the row has changed since it was read")]
    MovedOn,
    /// The owner may still be alive.
    #[error("the lease has not expired")]
    Live,
    /// The budget requires the other transition.
    #[error(
        "retry budget mismatch: this change is allowed only while retries remain, or only once none do"
    )]
    Budget,
    /// The run has ended.
    #[error("the run has ended")]
    Ended,
    /// The counter would become negative: an invariant is broken.
    #[error("the counter of remaining units would become negative: the ledger is inconsistent")]
    CounterSpent,
}

impl Unit {
    /// Returns the unit as submitted.
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

    /// True if this attempt holds the unit. Shows whether an unanswered claim succeeded.
    pub fn is_held_by(&self, epoch: Epoch, owner: OwnerId) -> bool {
        self.state == UnitState::Leased && self.epoch == epoch && self.owner == Some(owner)
    }

    /// Returns the change by which a worker can claim the unit now, or fail it for good;
    /// `None` while the unit has a live owner or if it is terminal.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sce_core::ids::{OwnerId, RunId, UnitId};
    /// use sce_core::limits::{Budgets, LeaseRules};
    /// use sce_core::time::Timestamp;
    /// use sce_core::unit::{Unit, UnitState};
    ///
    /// let (lease, budgets) = (LeaseRules::of(Duration::from_secs(60)), Budgets::default());
    /// let unit = Unit::pending(UnitId { run: RunId::new([1; 8]), index: 0 }, Vec::new(), 0);
    /// let claim = unit
    ///     .plan_claim(OwnerId::new([2; 8]), Timestamp(0), &lease, &budgets)
    ///     .expect("a pending unit can be claimed");
    /// let leased = unit.apply(&claim, &lease, &budgets)?;
    /// assert_eq!(leased.state, UnitState::Leased);
    /// # Ok::<(), sce_core::unit::Refused>(())
    /// ```
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
            // This takeover is itself a loss, hence the + 1.
            UnitState::Leased if self.losses + 1 < budgets.losses => {
                Some(UnitChange::TakeOver { epoch, beat, now, owner, lease_until })
            }
            UnitState::Leased => Some(UnitChange::GiveUp { epoch, beat, now }),
            UnitState::Done | UnitState::Failed | UnitState::Canceled => None,
        }
    }

    /// Returns the change that a failed attempt requests: a retry, or the end of the unit.
    pub fn plan_error(&self, reason: String, budgets: &Budgets) -> UnitChange {
        let epoch = self.epoch;
        if self.task_errors + 1 < budgets.task_errors {
            UnitChange::Error { epoch, reason }
        } else {
            UnitChange::Fail { epoch, reason }
        }
    }

    /// Returns the row after `change`.
    ///
    /// # Errors
    /// Returns why the change does not apply to the row in its current state.
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
                // Checked again here: the row may have changed since the takeover was planned.
                require_budget(self.losses + 1 < budgets.losses)?;
                row.losses += 1;
                row.lease_to(*owner, *lease_until);
            }
            UnitChange::GiveUp { epoch, beat, now } => {
                self.require_expired(*epoch, *beat, *now, lease)?;
                require_budget(self.losses + 1 >= budgets.losses)?;
                row.losses += 1;
                row.fail(format!("{} workers stopped responding while they held it", row.losses));
            }
            UnitChange::Beat { epoch, lease_until, room } => {
                // The epoch alone identifies the owner: every claim has a new one.
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
                // The reason of an earlier error no longer applies.
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
                // Keeps the reason of an earlier error: a planned stop is not a failure.
                row.release(self.reason.clone());
            }
            // Not fenced by an epoch: the end of the run overrides every owner.
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
        // A beat since the row was read means that the owner is alive, even if its clock is
        // so wrong that its lease seems to have expired.
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
        // Owner and epoch are kept: the next claim increases the epoch, which fences late
        // writes of this owner.
        self.state = UnitState::Pending;
        self.reason = reason;
    }

    fn fail(&mut self, reason: String) {
        self.state = UnitState::Failed;
        self.reason = Some(reason);
    }
}

impl UnitChange {
    /// True if the change decrements the run's counter (in the same transaction).
    pub const fn counts_down(&self) -> bool {
        // Not `Cancel`: a canceled unit counts for no result, and its run has ended.
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
