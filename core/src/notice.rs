//! What people are told by mail of a run, and how far they have been told:
//! ids, states and counts only.

use serde::{Deserialize, Serialize};

use crate::ids::Pit;
use crate::run::{Run, RunStatus};

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

/// Subject and text of a notice.
pub fn render(kind: NoticeKind, pit: &Pit, run: &Run) -> (String, String) {
    let id = run.id;
    match kind {
        NoticeKind::Start => (
            format!("[{pit}] run {id} starts"),
            format!(
                "Work on health data starts: run {id} of project {pit}, {} objects in {} units.\n\
                 Follow it with: sce watch {id}\nEnd it with: sce cancel {id}\n",
                run.objects, run.units
            ),
        ),
        NoticeKind::End => render_end(pit, run),
        NoticeKind::Gone => (
            format!("[{pit}] run {id}: last worker gone"),
            format!(
                "No worker of project {pit} lives any more: run {id} costs nothing from now on.\n"
            ),
        ),
    }
}

fn render_end(pit: &Pit, run: &Run) -> (String, String) {
    let (id, status) = (run.id, run.status.name());
    let subject = format!("[{pit}] run {id} {status}");
    let mut text = format!("Run {id} of project {pit} has ended: {status}.\n");
    if let Some(ended) = run.ended_at {
        text.push_str(&format!("Ended at {ended}.\n"));
    }
    if let Some(reason) = &run.reason {
        text.push_str(&format!("Reason: {reason}.\n"));
    }
    if let Some(report) = &run.report {
        let counts = report.counts;
        text.push_str(&format!(
            "{} objects: {} analysed, {} quarantined, {} failed; {} rows.\n",
            counts.objects, counts.analysed, counts.quarantined, counts.failed, counts.rows
        ));
        text.push_str(&format!("Fetch the results with: sce results {id} --out DIR\n"));
    }
    if run.status != RunStatus::Done {
        text.push_str(&format!("Objects that were not processed: sce retry {id}\n"));
    }
    (subject, text)
}
