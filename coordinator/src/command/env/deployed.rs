//! The deployed environment: its account, its stack and the stack's progress.

use std::io::{IsTerminal, Write};

use anyhow::anyhow;
use sce_cloud::settings::Settings;
use sce_core::cost::Money;
use sce_core::ids::Pit;
use sce_provision::aws::{Account, AccountError, Event, Stack};
use sce_provision::explain::{is_consequence, remedy};
use sce_provision::monthly::Item;
use sce_provision::stage::Stage;
use serde_json::json;

use crate::exit::Failure;
use crate::output::Output;

impl From<AccountError> for Failure {
    fn from(e: AccountError) -> Self {
        Self::infrastructure(e)
    }
}

/// Reads the stack of an environment, for `sce init`.
pub(in crate::command) async fn outputs(
    pit: &Pit,
    region: Option<String>,
) -> Result<Stack, Failure> {
    let account = Account::open(pit.clone(), None, region).await.map_err(Failure::usage)?;
    existing(&account).await
}

/// Opens the account given by the settings.
pub(super) async fn account(settings: &Settings) -> Result<Account, Failure> {
    let (account, region) = (settings.aws.account.clone(), settings.aws.region.clone());
    Account::open(settings.pit.clone(), account, region).await.map_err(Failure::usage)
}

/// Reads the stack, which must exist.
pub(super) async fn existing(account: &Account) -> Result<Stack, Failure> {
    // A stack that consists of a name is left by a change set that was never executed.
    let stack = account.stack(None).await?.filter(|of| !of.is_name_only());
    stack.ok_or_else(|| {
        let (name, region) = (account.place.stack(), &account.place.region);
        Failure::usage(anyhow!("no environment {name} in {region}: build it with `sce env up`"))
    })
}

/// Reads the template of the stack, which `sce env up` must have deployed.
pub(super) async fn ours(account: &Account) -> Result<Stage, Failure> {
    let template = account.template().await.map_err(Failure::usage)?;
    // `sce env up` puts a note into every template; another stack of the same name has none.
    if template.note().is_some() {
        return Ok(template);
    }
    let name = account.place.stack();
    Err(Failure::usage(anyhow!(
        "stack {name} was not deployed by `sce env up`: nothing was changed"
    )))
}

/// Asks the user for confirmation. Without a terminal, the answer is no.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let cause = "nothing was changed: cannot ask without a terminal: repeat with --yes";
        return Err(Failure::usage(anyhow!(cause)));
    }
    // On standard error, so that the question is seen if standard output is redirected.
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let asked = std::io::stderr().flush().and_then(|()| std::io::stdin().read_line(&mut answer));
    asked.map_err(Failure::infrastructure)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::usage(anyhow!("nothing was changed")))
}

/// Shows the monthly cost, item by item and in total.
pub(super) fn show_month(items: &[Item], output: Output) {
    for Item { what, month } in items {
        let price = month.map_or_else(|| "no price in the table".to_owned(), |of| of.to_string());
        output.say(format_args!("{price:>12}  {what}"));
    }
    let sum = items.iter().filter_map(|of| of.month).fold(Money(0), |sum, of| sum + of);
    let whole = items.iter().all(|of| of.month.is_some());
    let at_least = if whole { "" } else { ", plus items without a price" };
    output.say(format_args!(
        "{sum:>12}  per month in total{at_least}; workers, data and traffic are not included"
    ));
    output.emit(&json!({ "schema_version": 1, "month": items, "sum": sum, "whole": whole }));
}

/// Shows the progress of a stack, one line per resource, and collects failures.
pub(super) struct StackProgress {
    output: Output,
    total: usize,
    done: usize,
    failed: Vec<Event>,
}

impl StackProgress {
    pub(super) const fn new(output: Output, total: usize) -> Self {
        Self { output, total, done: 0, failed: Vec::new() }
    }

    pub(super) fn show(&mut self, event: &Event) {
        self.output.emit(&json!({ "schema_version": 1, "event": event }));
        if event.status.ends_with("_FAILED") {
            self.failed.push(event.clone());
        } else if event.status.ends_with("_IN_PROGRESS") || event.is_stack() {
            return;
        } else {
            self.done += 1;
        }
        let state = event.status.to_lowercase().replace('_', " ");
        // An update may report more resources than the change set contains.
        let (done, total) = (self.done, self.total.max(self.done));
        self.output
            .say(format_args!("{done:>4}/{total}  {state:<17} {} {}", event.resource, event.kind));
    }

    /// The error after a failure: the failed resources, why, and what to do.
    pub(super) fn failure(&self, status: &str) -> Failure {
        let why = |of: &Event| of.reason.clone().unwrap_or_default();
        // CloudFormation cancels other resources after a failure; those would hide the cause.
        let causes = self.failed.iter().filter(|of| !of.is_stack() && !is_consequence(&why(of)));
        let lines: Vec<String> = causes
            .map(|of| {
                let reason = why(of);
                let what = remedy(&reason).map_or_else(String::new, |what| format!("\n    {what}"));
                format!("\n  {} ({}): {reason}{what}", of.resource, of.kind)
            })
            .collect();
        Failure::infrastructure(anyhow!("the stack is {status}:{}", lines.concat()))
    }
}
