//! The command line of `sce-agent`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sce_cloud::overlay::Overlay;
use sce_core::ids::WorkerId;

const EXAMPLE: &str = "Example, for files at hand:
  sce-agent analyze visits.csv --format wide --out out

Exit codes:
  0  done
  1  finished, but an object was set aside
  2  usage or configuration
  3  infrastructure (store, queue, ledger, disk)";

/// Open sealed objects, analyse them, deliver sealed results
#[derive(Debug, Parser)]
#[command(name = "sce-agent", version, after_help = EXAMPLE)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What wins over the settings file.
    #[command(flatten, next_help_heading = "Settings")]
    pub overlay: Overlay,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work on open runs until there is nothing left to do
    Work(WorkArgs),
    /// End the EC2 instance that this runs on
    Terminate(TerminateArgs),
    /// Analyse files at hand; the results are written in the clear
    Analyze(AnalyzeArgs),
}

/// `sce-agent work`
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// This worker's id, 16 hex digits [default: a random one]
    #[arg(long, value_name = "ID", conflicts_with = "instance")]
    pub worker: Option<WorkerId>,
    /// This is an EC2 worker: take identity and settings from the instance's metadata
    #[arg(long)]
    pub instance: bool,
}

/// `sce-agent terminate`
#[derive(Debug, Args)]
pub struct TerminateArgs {
    /// Yes, this instance
    #[arg(long, required = true)]
    pub instance: bool,
}

/// `sce-agent analyze`
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Files, sealed or plain
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format of the opened files: wide is the pseudo-data's CSV
    #[arg(long, default_value = "wide", value_parser = ["wide"])]
    pub format: String,
    /// Directory for the results, written in the clear
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Object key that a sealed file is bound to [default: its name without .sealed]
    #[arg(long, value_name = "KEY")]
    pub object: Option<String>,
}
