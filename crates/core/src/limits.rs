//! Times and budgets of the protocol, and the times derived from them.
//!
//! Used by the rules of units and runs and by the work loop. Must never read a
//! clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How long a lease lasts and how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRules {
    /// Length of a lease, from its last beat.
    pub lease: Duration,
    /// Time between two beats of an owner.
    pub beat_every: Duration,
    /// How long an owner that cannot beat relies on its lease, by its own clock.
    pub fence_after: Duration,
    /// How far two clocks may differ before a takeover wastes work.
    pub margin: Duration,
}

impl LeaseRules {
    /// Derives the rules from the length of a lease: a beat after each third of it; the
    /// owner fences itself after two thirds.
    pub fn of(lease: Duration) -> Self {
        // Beats at 1/3 and fencing at 2/3: one beat may be lost before the owner stops, and
        // it stops before others may take over.
        Self { lease, beat_every: lease / 3, fence_after: lease * 2 / 3, margin: lease / 12 }
    }

    /// True if a lease that ends at `until` has certainly ended by `now`.
    pub fn expired(&self, until: Timestamp, now: Timestamp) -> bool {
        // The margin covers the difference between two clocks.
        until < now.before(self.margin)
    }

    /// Returns how long a received message stays invisible to others.
    pub fn visibility(&self) -> Duration {
        // Longer than the lease, so that the message reappears only when it can be claimed.
        self.lease + self.margin
    }

    /// Returns when a message should reappear whose unit has a live owner: after the
    /// lease and the margin, but at least 5 s from now (at least `beat_every`, if that is
    /// shorter, as in tests).
    pub fn put_back_for(&self, until: Timestamp, now: Timestamp) -> Duration {
        // The lower bound keeps a message from circulating while its lease is about to end.
        let least = Duration::from_secs(5).min(self.beat_every);
        (until.since(now) + self.margin).max(least)
    }
}

/// How often something may fail before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Errors of a unit, reported by its owners.
    pub task_errors: u32,
    /// Losses of a unit: owners that stopped responding.
    pub losses: u32,
    /// Finalizations started.
    pub finalizations: u32,
    /// Launches of one run.
    pub launches: u32,
    /// Workers of one run that the engine itself terminated.
    pub engine_failures: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { task_errors: 3, losses: 3, finalizations: 3, launches: 10, engine_failures: 3 }
    }
}
