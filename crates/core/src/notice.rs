//! What people are told by mail of a run, and how far they have been told:
//! ids, states and counts only.

use serde::{Deserialize, Serialize};

/// Whether people have been told of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    /// To be published by whoever sees it first.
    Pending,
    /// Published, at least once.
    Sent,
}

/// What people are told of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// Workers may open its objects from now on.
    Start,
    /// It has ended, whichever way.
    End,
    /// The last worker is gone; due only once the fleet is empty.
    Gone,
}

/// How far people have been told; `None` where nothing is to be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notices {
    /// That work on health data starts.
    pub start: Option<Notice>,
    /// That the run has ended.
    pub end: Option<Notice>,
    /// That the last worker is gone.
    pub gone: Option<Notice>,
}

impl Notices {
    /// How far people have been told of this.
    pub const fn of(&self, kind: NoticeKind) -> Option<Notice> {
        match kind {
            NoticeKind::Start => self.start,
            NoticeKind::End => self.end,
            NoticeKind::Gone => self.gone,
        }
    }

    pub(crate) fn set(&mut self, kind: NoticeKind, notice: Notice) {
        let told = match kind {
            NoticeKind::Start => &mut self.start,
            NoticeKind::End => &mut self.end,
            NoticeKind::Gone => &mut self.gone,
        };
        *told = Some(notice);
    }
}
