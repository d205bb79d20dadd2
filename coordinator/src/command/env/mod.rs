//! `sce env`: the environment on AWS.

mod down;
mod up;
mod verify;

use std::io::{IsTerminal, Write};

use anyhow::anyhow;
use sce_cloud::overlay::Overlay;
use sce_cloud::settings::Settings;
use sce_core::cost::Money;
use sce_core::ids::Pit;
use sce_provision::Template;
use sce_provision::answers::Answers;
use sce_provision::aws::{Account, AccountError, Event, Stack};
use sce_provision::explain::{is_consequence, remedy};
use sce_provision::monthly::Item;
use sce_provision::stage::Stage;
use serde_json::json;

use crate::cli::{EnvCommand, RenderArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;

impl From<AccountError> for Failure {
    fn from(e: AccountError) -> Self {
        Self::infrastructure(e)
    }
}

/// `sce env`
pub(super) async fn env(
    command: &EnvCommand,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        EnvCommand::Render(args) => render(args, overlay, output),
        EnvCommand::Up(args) => up::up(args, overlay, output).await,
        EnvCommand::Status(args) => verify::status(args, overlay, output).await,
        EnvCommand::Verify => verify::verify(overlay, output).await,
        EnvCommand::Down(args) => down::down(args, overlay, output).await,
    }
}

/// `sce env render`
fn render(args: &RenderArgs, overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let answers = answers(args, overlay.settings_or_default()?.pit);
    let template = Template::environment().and_then(|template| template.render(&answers));
    let template = template.map_err(Failure::usage)?;
    output.say(template.to_yaml().map_err(Failure::usage)?.trim_end());
    output.emit(&template.to_json().map_err(Failure::usage)?);
    Ok(Exit::Done)
}

fn answers(args: &RenderArgs, pit: Pit) -> Answers {
    Answers {
        pit,
        ssh_from: args.ssh_from,
        email: args.email.clone(),
        worker_type: args.worker_type.clone(),
        machine_type: args.machine_type.clone(),
        volume_gib: args.volume,
        monthly_budget_usd: args.monthly_budget,
        nat: !args.no_nat,
        bastion: !args.no_bastion,
        workbench: !args.no_workbench,
        config: !args.no_config,
    }
}

/// What a project's stack says of it, for `sce init`.
pub(super) async fn outputs(pit: &Pit, region: Option<String>) -> Result<Stack, Failure> {
    let account = Account::open(pit.clone(), None, region).await.map_err(Failure::usage)?;
    existing(&account).await
}

/// The account that the settings name.
async fn account(settings: &Settings) -> Result<Account, Failure> {
    let (account, region) = (settings.aws.account.clone(), settings.aws.region.clone());
    Account::open(settings.pit.clone(), account, region).await.map_err(Failure::usage)
}

/// The stack, which must be there.
async fn existing(account: &Account) -> Result<Stack, Failure> {
    let stack = account.stack(None).await?.filter(|of| !of.is_name_only());
    stack.ok_or_else(|| {
        let (name, region) = (account.place.stack(), &account.place.region);
        Failure::usage(anyhow!(
            "there is no environment {name} in {region}: `sce env up` builds one"
        ))
    })
}

/// The template that the stack was deployed from, if it is one of ours.
async fn ours(account: &Account) -> Result<Stage, Failure> {
    let template = account.template().await.map_err(Failure::usage)?;
    if template.note().is_some() {
        return Ok(template);
    }
    let name = account.place.stack();
    Err(Failure::usage(anyhow!(
        "the stack {name} was not deployed by `sce env up`: it is left as it is"
    )))
}

/// Asks a person; where nobody can answer, that is a refusal.
fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let cause = "nothing was changed: nobody can be asked here; repeat with --yes";
        return Err(Failure::usage(anyhow!(cause)));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let asked = std::io::stderr().flush().and_then(|()| std::io::stdin().read_line(&mut answer));
    asked.map_err(Failure::infrastructure)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::usage(anyhow!("nothing was changed")))
}

/// What a month costs, line by line and together.
fn show_month(items: &[Item], output: Output) {
    for Item { what, month } in items {
        let price = month.map_or_else(|| "no price in the table".to_owned(), |of| of.to_string());
        output.say(format_args!("{price:>12}  {what}"));
    }
    let sum = items.iter().filter_map(|of| of.month).fold(Money(0), |sum, of| sum + of);
    let whole = items.iter().all(|of| of.month.is_some());
    let at_least = if whole { "" } else { ", and what has no price" };
    output.say(format_args!(
        "{sum:>12}  a month in all{at_least}; workers, data and traffic come on top"
    ));
    output.emit(&json!({ "schema_version": 1, "month": items, "sum": sum, "whole": whole }));
}

/// Tells a stack's progress, a line per resource, and remembers what failed.
struct Teller {
    output: Output,
    total: usize,
    done: usize,
    failed: Vec<Event>,
}

impl Teller {
    const fn new(output: Output, total: usize) -> Self {
        Self { output, total, done: 0, failed: Vec::new() }
    }

    fn tell(&mut self, event: &Event) {
        self.output.emit(&json!({ "schema_version": 1, "event": event }));
        if event.status.ends_with("_FAILED") {
            self.failed.push(event.clone());
        } else if event.status.ends_with("_IN_PROGRESS") || event.is_stack() {
            return;
        } else {
            self.done += 1;
        }
        let state = event.status.to_lowercase().replace('_', " ");
        // An update may tell of more than it changes.
        let (done, total) = (self.done, self.total.max(self.done));
        self.output
            .say(format_args!("{done:>4}/{total}  {state:<17} {} {}", event.resource, event.kind));
    }

    /// What failed, why, and what to do about it.
    fn failure(&self, status: &str) -> Failure {
        let why = |of: &Event| of.reason.clone().unwrap_or_default();
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
