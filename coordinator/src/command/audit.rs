//! `sce audit` and `sce names`: lists for an auditor.

use comfy_table::{Table, presets};
use sce_cloud::caller::Caller;
use sce_cloud::error::PortResult;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_core::access::AccessRecord;
use sce_core::ids::{Epoch, UnitId};
use sce_core::object::{Bucket, ObjectKey};
use sce_core::registry::Standing;
use sce_core::unit::{Unit, UnitState};
use serde_json::json;

use super::results::PAGE;
use super::run::{NAMES_PAGE, run_facts};
use crate::cli::NamesArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::project::Project;

/// Longest access record that is read, in bytes; records list at most about 100
/// objects.
const RECORD_MAX_BYTES: u64 = 1 << 20;

/// `sce audit`
pub(super) async fn audit(name: &str, overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let run = project.run(name).await?;
    let mut table = Table::new();
    let header = ["when", "worker", "machine", "unit", "attempt", "objects", "outcome", "key"];
    table.load_style(presets::NOTHING).set_header(header);
    let mut missing = 0;
    let mut from = 0;
    while from < run.units {
        for unit in retry(|| project.ports.ledger.units(run.id, from, PAGE)).await? {
            // Every claim raised the epoch, so epochs 1 to the current one are all attempts.
            for epoch in 1..=unit.epoch.0 {
                let outcome = outcome(&unit, Epoch(epoch));
                match fetch_record(&project.ports, unit.id, Epoch(epoch)).await? {
                    Some(record) => {
                        table.add_row(line(&record, outcome));
                        output.emit(
                            &json!({ "schema_version": 1, "access": record, "outcome": outcome }),
                        );
                    }
                    // An attempt without a record was fenced or killed before it opened anything.
                    // A committed attempt must have one.
                    None => missing += u32::from(outcome == "done"),
                }
            }
        }
        from += PAGE;
    }
    output.say(table);
    if missing > 0 {
        return Err(Failure::refused(anyhow::anyhow!(
            "{} without a readable access record: check the history of the log bucket",
            plural(missing.into(), "committed unit")
        )));
    }
    Ok(Exit::Done)
}

/// The outcome of an attempt according to the ledger.
fn outcome(unit: &Unit, epoch: Epoch) -> &'static str {
    match unit.state {
        // Only the latest attempt can have ended the unit.
        _ if epoch != unit.epoch => "given up",
        UnitState::Done => "done",
        UnitState::Failed => "failed",
        UnitState::Canceled => "canceled",
        UnitState::Leased => "under way",
        UnitState::Pending => "given up",
    }
}

fn line(record: &AccessRecord, outcome: &str) -> [String; 8] {
    [
        record.at.to_string(),
        record.worker.to_string(),
        record.machine.clone(),
        record.unit.to_string(),
        record.epoch.to_string(),
        record.objects.len().to_string(),
        outcome.to_owned(),
        record.key_name.clone(),
    ]
}

async fn fetch_record(
    ports: &Ports,
    unit: UnitId,
    epoch: Epoch,
) -> PortResult<Option<AccessRecord>> {
    let key = ObjectKey::access_record(unit, epoch);
    let found = retry(|| ports.objects.head(Bucket::Logs, &key)).await?;
    // A record that is too long was not written by a worker: report it as missing.
    let Some(found) = found.filter(|found| found.size <= RECORD_MAX_BYTES) else {
        return Ok(None);
    };
    let bytes = retry(async || {
        let mut reader = ports.objects.open(Bucket::Logs, &found).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    })
    .await?;
    Ok(AccessRecord::parse(&bytes))
}

/// `sce names`
pub(super) async fn names(
    args: &NamesArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let facts = run_facts(&project).await?;
    let mut table = Table::new();
    let header = ["object", "bytes", "version", "registered", "state", "run"];
    table.load_style(presets::NOTHING).set_header(header);
    let mut after: Option<ObjectKey> = None;
    loop {
        let ledger = &project.ports.ledger;
        let page = retry(|| ledger.names(&args.prefix, after.as_ref(), NAMES_PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.object.key.clone());
        for name in page {
            let state = match facts.standing(&name) {
                Standing::Free if facts.is_table(&name) => "people",
                Standing::Free => "free",
                Standing::Taken => "in a run",
                Standing::Processed => "processed",
            };
            let run = name.run.map(|run| run.to_string()).unwrap_or_default();
            let object = &name.object;
            let registered = name.registered_at.to_string();
            output.emit(&json!({ "schema_version": 1, "object": object, "registered": registered, "state": state, "run": run }));
            table.add_row([
                object.key.to_string(),
                object.size.to_string(),
                object.version.clone(),
                registered,
                state.to_owned(),
                run,
            ]);
        }
    }
    output.say(table);
    for (bucket, count) in retry(|| project.ports.ledger.refusals()).await? {
        output.say(format_args!(
            "{bucket}: {} refused because of the object name",
            plural(count, "upload")
        ));
        output.emit(&json!({ "schema_version": 1, "bucket": bucket, "refused": count }));
    }
    Ok(Exit::Done)
}
