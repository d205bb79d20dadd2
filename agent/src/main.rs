//! `sce-agent`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sce_agent::run(sce_agent::cli::Cli::parse())
}
