//! `sce env down`: takes the environment down and keeps what must outlive it.

use std::collections::BTreeMap;

use anyhow::anyhow;
use sce_cloud::aws::{DynamoLedger, Ec2Fleet};
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::{Fleet, Ledger};
use sce_cloud::settings::Settings;
use sce_core::cost::Prices;
use sce_provision::aws::{Account, Outcome};
use sce_provision::monthly;
use sce_provision::stage::{LogicalId, Stage};
use serde_json::json;

use super::deployed::{StackProgress, account, confirm, existing, ours};
use crate::cli::DownArgs;
use crate::command::cost::load_prices;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;

/// Physical ids of the stack's resources, by logical id.
type Ids = BTreeMap<LogicalId, String>;

/// `sce env down`
pub(super) async fn down(
    args: &DownArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let settings = overlay.settings()?;
    let prices = load_prices(&args.prices)?;
    let account = account(&settings).await?;
    let stack = existing(&account).await?;
    if stack.is_busy() {
        return Err(Failure::usage(anyhow!(
            "another operation on the stack is in progress ({}): wait until it ends",
            stack.status
        )));
    }
    let template = ours(&account).await?;
    let resources = account.resources().await?;
    refuse_while_used(&account, &settings, &resources).await?;
    show_kept(&account, &template, &resources, &prices, output).await?;
    confirm("Take the environment down?", args.yes)?;
    // Stopped first, so that the file system in the snapshot is consistent.
    if let Some(id) = resources.get("E") {
        output.say(format_args!(
            "stopping the workbench ({id}) so that its data volume can be detached"
        ));
        account.stop(id).await?;
    }
    let mut progress = StackProgress::new(output, resources.len());
    match account.delete(&stack, &mut |event| progress.show(event)).await? {
        Outcome::Done => {}
        Outcome::Failed(status) => return Err(progress.failure(&status)),
    }
    let pit = &account.place.pit;
    output.say(format_args!(
        "environment {pit} is down; `sce env up` adopts what was kept, except the snapshot"
    ));
    output.emit(&json!({ "schema_version": 1, "environment": pit, "state": "down" }));
    Ok(Exit::Done)
}

/// Fails while a run is live or a worker is running, because they need the
/// resources that would be deleted.
async fn refuse_while_used(
    account: &Account,
    settings: &Settings,
    ids: &Ids,
) -> Result<(), Failure> {
    // A stack that failed early may have no ledger yet.
    if ids.contains_key("Ledger") {
        let ledger = DynamoLedger::new(
            account.clients.dynamodb.clone(),
            account.place.table(),
            settings.lease(),
            settings.budgets(),
        );
        let live: Vec<String> = ledger
            .runs()
            .await?
            .iter()
            .filter(|run| !run.has_ended())
            .map(|run| run.id.to_string())
            .collect();
        if !live.is_empty() {
            let runs = live.join(", ");
            return Err(Failure::usage(anyhow!(
                "live runs: {runs}: wait with `sce watch RUN`, or end them with `sce cancel RUN`"
            )));
        }
    }
    let place = account.place.clone();
    let fleet = Ec2Fleet::new(&account.clients, place, String::new(), String::new());
    let workers: Vec<String> = fleet.live().await?.into_iter().map(|of| of.engine_id).collect();
    if workers.is_empty() {
        return Ok(());
    }
    let workers = workers.join(", ");
    Err(Failure::usage(anyhow!("running workers: {workers}: remove them first with `sce reap`")))
}

/// Shows the resources that are kept, and their monthly cost.
async fn show_kept(
    account: &Account,
    template: &Stage,
    ids: &Ids,
    prices: &Prices,
    output: Output,
) -> Result<(), Failure> {
    for (name, resource) in template.resources() {
        let kind = resource["Type"].as_str().unwrap_or_default();
        // A resource that was left out or never created has no id.
        let Some(id) = ids.get(name) else { continue };
        if resource["DeletionPolicy"] == "Snapshot" {
            output.say(format_args!(
                "kept: a snapshot of {name} ({id}), billed by the amount of data in it"
            ));
            output.emit(&json!({ "schema_version": 1, "kept": name, "id": id, "as": "snapshot" }));
        }
        if resource["DeletionPolicy"] != "Retain" {
            continue;
        }
        let bytes = account.weigh(kind, id).await;
        let month = monthly::kept(kind, bytes.unwrap_or_default(), prices, &account.place.region);
        let size = bytes.map_or_else(String::new, |bytes| format!(", {}", plural(bytes, "byte")));
        let price = month.map_or_else(String::new, |of| format!(", {of} per month"));
        output.say(format_args!("kept: {name} ({kind} {id}{size}{price})"));
        output.emit(&json!({
            "schema_version": 1, "kept": name, "kind": kind, "id": id, "bytes": bytes, "month": month
        }));
    }
    Ok(())
}
