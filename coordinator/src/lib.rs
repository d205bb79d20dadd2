//! The coordinator behind `sce`: submits runs, reconciles and watches them,
//! and fetches their results.
//!
//! It does not contain Polars. It reads data only if the user asks for it on
//! their own machine (`put` and `seal` before sealing, `open` and `results`
//! after).

mod analyses;
#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "without_aws.rs"]
mod aws;
pub mod cli;
mod command;
pub mod env_cli;
mod exit;
mod files;
mod output;
mod plural;
pub mod price_args;
mod prices;
mod progress;
mod project;
pub mod reconcile;
pub mod submit;
mod synth;
mod view;

pub use self::exit::Exit;

/// Runs one command and returns its exit code. An error is printed as one line
/// on standard error.
pub fn run(cli: cli::Cli) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command::run(cli)),
        Err(e) => Err(exit::Failure::infrastructure(e)),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("sce: {failure}");
        failure.exit
    })
}
