//! What people are told by mail: ids, states and counts only.

use crate::ids::Pit;
use crate::run::{Run, RunStatus};

/// Subject and text of the notice of a run's end.
pub fn render_end(pit: &Pit, run: &Run) -> (String, String) {
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
