//! Entry point of `sce`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sce_coordinator::run(sce_coordinator::cli::Cli::parse()).into()
}
