//! Telling people of a run's end, once somebody finds that nobody has.

use sce_core::ids::{Pit, RunId};
use sce_core::notice::render_end;
use sce_core::run::{Notice, RunChange};

use crate::error::PortResult;
use crate::ports::Ports;
use crate::retry::retry;

/// Publishes the notice if it is pending, then marks it sent: at least once.
/// True if this call published it.
///
/// # Errors
/// The ledger or the notifier fails; the notice stays pending.
pub async fn publish_end(ports: &Ports, pit: &Pit, run: RunId) -> PortResult<bool> {
    let row = retry(|| ports.ledger.run(run)).await?;
    let Some(row) = row.filter(|row| row.notice == Some(Notice::Pending)) else {
        return Ok(false);
    };
    let (subject, text) = render_end(pit, &row);
    retry(|| ports.notifier.publish(&subject, &text)).await?;
    // Refused: another told people meanwhile.
    retry(|| ports.ledger.apply_run(run, &RunChange::NoticeSent)).await.map(|_| true)
}
