//! The coordinator behind `sce`: submits runs, tends and watches them, and
//! fetches their results.
//!
//! No Polars in it. It reads data only where a person asks it to on their own
//! machine (`put` and `seal` before sealing, `open` and `results` after).

mod analyses;
pub mod cli;
mod command;
pub mod env_cli;
mod exit;
mod files;
mod output;
pub mod price_args;
mod prices;
mod progress;
mod project;
pub mod submit;
mod synth;
pub mod tend;
mod view;

pub use self::exit::Exit;

/// Runs one command to its exit code; an error is one line on standard error.
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
