//! Entry point of `sce-agent`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sce_agent::run(sce_agent::cli::Cli::parse())
}
