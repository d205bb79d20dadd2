//! The commands, one module per group.

mod audit;
mod cost;
mod demo;
mod env;
#[cfg(feature = "aws")]
mod key;
mod put;
mod results;
mod run;
mod seal;
mod setup;
#[cfg(feature = "aws")]
mod upkeep;
mod watch;

use crate::cli::{Cli, Command, KeyCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Runs the command given by the command line.
pub(crate) async fn run(cli: Cli) -> Result<Exit, Failure> {
    let output = Output::new(cli.output);
    let overlay = &cli.overlay;
    match &cli.command {
        Command::Init(args) => setup::init(args, output).await,
        Command::Key(KeyCommand::New { file }) => setup::new_key(file, output),
        #[cfg(feature = "aws")]
        Command::Key(KeyCommand::Wrap { file, replace }) => {
            key::wrap_key(file, *replace, overlay, output).await
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
        #[cfg(feature = "aws")]
        Command::Intake(args) => upkeep::intake(args, overlay, output).await,
        #[cfg(feature = "aws")]
        Command::Reap(args) => upkeep::reap(args, overlay, output).await,
        #[cfg(not(feature = "aws"))]
        Command::Key(KeyCommand::Wrap { .. }) => Err(needs_aws("sce key wrap")),
        #[cfg(not(feature = "aws"))]
        Command::Intake(_) => Err(needs_aws("sce intake")),
        #[cfg(not(feature = "aws"))]
        Command::Reap(_) => Err(needs_aws("sce reap")),
        Command::Runs => results::runs(overlay, output).await,
        Command::Results(args) => results::results(args, overlay, output).await,
    }
}

/// The error for a command that `sce` has only with the feature `aws`.
#[cfg(not(feature = "aws"))]
fn needs_aws(command: &str) -> Failure {
    Failure::usage(anyhow::anyhow!("{command}: {}", crate::aws::NEEDS_AWS))
}
