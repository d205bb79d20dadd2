//! `sce-agent`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    agent::run(agent::cli::Cli::parse())
}
