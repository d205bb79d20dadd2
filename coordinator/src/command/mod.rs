//! The commands, one module per group of them.

mod audit;
mod cost;
mod demo;
mod env;
mod put;
mod results;
mod run;
mod seal;
mod setup;
mod upkeep;
mod watch;

use crate::cli::{Cli, Command, KeyCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Runs the command that the command line names.
pub(crate) async fn run(cli: Cli) -> Result<Exit, Failure> {
    let output = Output::new(cli.output);
    let overlay = &cli.overlay;
    match &cli.command {
        Command::Init(args) => setup::init(args, output).await,
        Command::Key(KeyCommand::New { file }) => setup::new_key(file, output),
        Command::Key(KeyCommand::Wrap { file, replace }) => {
            seal::wrap_key(file, *replace, overlay, output).await
        }
        Command::Env(command) => env::env(command, overlay, output).await,
        Command::Completions { shell } => setup::completions(*shell),
        Command::Man { out } => setup::man(out, output),
        Command::Synth(args) => setup::synth(args, output),
        Command::Demo(args) => demo::demo(args, overlay, output).await,
        Command::Seal(args) => seal::seal(args, overlay).await,
        Command::Open(args) => seal::open(args, overlay).await,
        Command::Put(args) => put::put(args, overlay, output).await,
        Command::Run(args) => run::run(args, overlay, output).await,
        Command::Watch(args) => watch::watch(args, overlay, output).await,
        Command::Retry(args) => run::retry_run(args, overlay, output).await,
        Command::Cancel(args) => watch::cancel(args, overlay, output).await,
        Command::Names(args) => audit::names(args, overlay, output).await,
        Command::Audit(args) => audit::audit(&args.run, overlay, output).await,
        Command::Cost(args) => cost::cost(args, overlay, output).await,
        Command::Intake(args) => upkeep::intake(args, overlay, output).await,
        Command::Reap(args) => upkeep::reap(args, overlay, output).await,
        Command::Runs => results::runs(overlay, output).await,
        Command::Results(args) => results::results(args, overlay, output).await,
    }
}
