//! Publishing the pending notices of a run.
//!
//! Used by every process that may find one: workers, `sce run`, `sce watch` and
//! `sce reap`. Must never mark a notice as sent before it is published.

use sce_core::ids::{Pit, RunId};
use sce_core::notice::{Notice, NoticeKind};
use sce_core::notice_text::render;
use sce_core::run::RunChange;

use crate::error::PortResult;
use crate::ports::Ports;
use crate::retry::retry;

/// Publishes the pending notices of a run's start and end, each at least once. Returns
/// true if this call published one.
///
/// # Errors
/// Returns an error if the ledger or the notifier fails; the notice stays pending.
pub async fn publish_pending(ports: &Ports, pit: &Pit, run: RunId) -> PortResult<bool> {
    let start = publish(ports, pit, run, NoticeKind::Start).await?;
    let end = publish(ports, pit, run, NoticeKind::End).await?;
    Ok(start || end)
}

/// Publishes one notice if it is pending, then marks it as sent.
///
/// # Errors
/// Returns an error if the ledger or the notifier fails; the notice stays pending.
pub async fn publish(ports: &Ports, pit: &Pit, run: RunId, kind: NoticeKind) -> PortResult<bool> {
    let row = retry(|| ports.ledger.run(run)).await?;
    let Some(row) = row.filter(|row| row.notices.of(kind) == Some(Notice::Pending)) else {
        return Ok(false);
    };
    let (subject, text) = render(kind, pit, &row);
    retry(|| ports.notifier.publish(&subject, &text)).await?;
    // A refusal means that another process published and marked it in the meantime.
    let sent = RunChange::NoticeSent { kind };
    retry(|| ports.ledger.apply_run(run, &sent)).await.map(|_| true)
}
