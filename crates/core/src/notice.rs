//! The notices of a run, and which of them were sent.
//!
//! Used by the run's row and by every process that publishes notices. They must
//! contain only ids, states and counts.

use serde::{Deserialize, Serialize};

/// Whether a notice was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    /// To be published by the first process that finds it.
    Pending,
    /// Published at least once.
    Sent,
}

/// The events of a run that are reported by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// Workers may open the run's objects from now on.
    Start,
    /// The run has ended, in any way.
    End,
    /// The last worker has ended; due only once the fleet is empty.
    Gone,
}

/// The state of each notice; `None` if it is not due yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notices {
    /// Work on health data starts.
    pub start: Option<Notice>,
    /// The run has ended.
    pub end: Option<Notice>,
    /// The last worker has ended.
    pub gone: Option<Notice>,
}

impl Notices {
    /// Returns the state of one notice.
    pub const fn of(&self, kind: NoticeKind) -> Option<Notice> {
        match kind {
            NoticeKind::Start => self.start,
            NoticeKind::End => self.end,
            NoticeKind::Gone => self.gone,
        }
    }

    pub(crate) fn set(&mut self, kind: NoticeKind, notice: Notice) {
        let sent = match kind {
            NoticeKind::Start => &mut self.start,
            NoticeKind::End => &mut self.end,
            NoticeKind::Gone => &mut self.gone,
        };
        *sent = Some(notice);
    }
}
