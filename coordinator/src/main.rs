//! `sce`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    coordinator::run(coordinator::cli::Cli::parse()).into()
}
