//! `sce env down`: the environment goes, what must outlive it stays.

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

use super::{Teller, account, confirm, existing, ours};
use crate::cli::DownArgs;
use crate::command::cost::load_prices;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// The stack's resources by name.
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
        let cause = format!("somebody is at work on the stack (it is {}): wait", stack.status);
        return Err(Failure::usage(anyhow!(cause)));
    }
    let template = ours(&account).await?;
    let resources = account.resources().await?;
    refuse_while_used(&account, &settings, &resources).await?;
    show_kept(&account, &template, &resources, &prices, output).await?;
    confirm("Take the environment down?", args.yes)?;
    if let Some(id) = resources.get("E") {
        output.say(format_args!("E ({id}) is stopped, for its volume is taken away"));
        account.stop(id).await?;
    }
    let mut teller = Teller::new(output, resources.len());
    match account.delete(&stack, &mut |event| teller.tell(event)).await? {
        Outcome::Done => {}
        Outcome::Failed(status) => return Err(teller.failure(&status)),
    }
    let pit = &account.place.pit;
    output.say(format_args!(
        "the environment {pit} is down; `sce env up` takes up what was kept, but for the snapshot"
    ));
    output.emit(&json!({ "schema_version": 1, "environment": pit, "state": "down" }));
    Ok(Exit::Done)
}

/// A run that is live, or a worker, needs what would go.
async fn refuse_while_used(
    account: &Account,
    settings: &Settings,
    ids: &Ids,
) -> Result<(), Failure> {
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
                "live: run {runs}: wait for its end (sce watch RUN), or end it (sce cancel RUN)"
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
    Err(Failure::usage(anyhow!("workers are there: {workers}: remove them first (sce reap)")))
}

/// What stays, and what that costs in a month.
async fn show_kept(
    account: &Account,
    template: &Stage,
    ids: &Ids,
    prices: &Prices,
    output: Output,
) -> Result<(), Failure> {
    for (name, resource) in template.resources() {
        let kind = resource["Type"].as_str().unwrap_or_default();
        let Some(id) = ids.get(name) else { continue };
        if resource["DeletionPolicy"] == "Snapshot" {
            output.say(format_args!(
                "kept: a snapshot of {name} ({id}), which costs as it is filled"
            ));
            output.emit(&json!({ "schema_version": 1, "kept": name, "id": id, "as": "snapshot" }));
        }
        if resource["DeletionPolicy"] != "Retain" {
            continue;
        }
        let bytes = account.weigh(kind, id).await;
        let month = monthly::kept(kind, bytes.unwrap_or_default(), prices, &account.place.region);
        let size = bytes.map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
        let price = month.map_or_else(String::new, |of| format!(", {of} a month"));
        output.say(format_args!("kept: {name} ({kind} {id}{size}{price})"));
        output.emit(&json!({
            "schema_version": 1, "kept": name, "kind": kind, "id": id, "bytes": bytes, "month": month
        }));
    }
    Ok(())
}
