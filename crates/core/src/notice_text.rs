//! Subjects and texts of the mails about a run.
//!
//! Used by the publisher of notices. They must contain only ids, states and
//! counts: mail leaves the environment.

use crate::ids::Pit;
use crate::notice::NoticeKind;
use crate::run::{Run, RunStatus};

/// Returns subject and text of a notice.
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
                "No worker of project {pit} is running any more: run {id} costs nothing from now on.\n"
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
            "{} objects: {} analyzed, {} quarantined, {} failed; {} rows.\n",
            counts.objects, counts.analyzed, counts.quarantined, counts.failed, counts.rows
        ));
        text.push_str(&format!("Fetch the results with: sce results {id} --out DIR\n"));
    }
    if run.status != RunStatus::Done {
        text.push_str(&format!("Objects that were not processed: sce retry {id}\n"));
    }
    (subject, text)
}
