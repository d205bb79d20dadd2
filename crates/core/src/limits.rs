//! Times and budgets of the protocol, and what is derived from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How long a claim lasts and how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRules {
    /// How long a lease lasts from its last beat.
    pub lease: Duration,
    /// How often its owner beats.
    pub beat_every: Duration,
    /// How long an owner that cannot beat trusts its lease (its own clock).
    pub fence_after: Duration,
    /// How far two clocks may differ before a takeover wastes work.
    pub margin: Duration,
}

impl LeaseRules {
    /// The rules that follow from a lease's length: a beat each third of it,
    /// the owner fences itself after two thirds.
    pub fn of(lease: Duration) -> Self {
        Self { lease, beat_every: lease / 3, fence_after: lease * 2 / 3, margin: lease / 12 }
    }

    /// Has a lease that ends at `until` surely ended by `now`?
    pub fn expired(&self, until: Timestamp, now: Timestamp) -> bool {
        until < now.before(self.margin)
    }

    /// How long a message stays invisible to others once received.
    pub fn visibility(&self) -> Duration {
        self.lease + self.margin
    }

    /// When a message whose unit has a live owner should come back: past the
    /// lease and margin, at least 5 s from now (at least `beat_every`, where
    /// that is shorter, as in tests).
    pub fn put_back_for(&self, until: Timestamp, now: Timestamp) -> Duration {
        let least = Duration::from_secs(5).min(self.beat_every);
        (until.since(now) + self.margin).max(least)
    }
}

/// How often a thing may go wrong before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// E: errors of a unit, reported by its owners.
    pub task_errors: u32,
    /// L: losses of a unit, owners that fell silent.
    pub losses: u32,
    /// F: finalizations begun.
    pub finalizations: u32,
    /// Launches of one run.
    pub launches: u32,
    /// Workers of one run that the engine itself ended.
    pub engine_failures: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { task_errors: 3, losses: 3, finalizations: 3, launches: 10, engine_failures: 3 }
    }
}
