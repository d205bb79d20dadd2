//! The command line of `sce`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sce_cloud::overlay::Overlay;

pub use crate::synth::SynthArgs;

const EXAMPLE: &str = "Example, on one machine:
  sce init
  sce key new homer.key
  sce synth --out plain
  sce put plain
  sce run --workers 3
  sce results RUN --out out

Exit codes:
  0  done
  1  finished, but objects were refused, quarantined or failed
  2  usage or configuration
  3  infrastructure (store, queue, ledger, fleet, disk)";

/// Analyse private health data without letting them out
#[derive(Debug, Parser)]
#[command(name = "sce", version, after_help = EXAMPLE, infer_subcommands = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What wins over the settings file.
    #[command(flatten, next_help_heading = "Settings")]
    pub overlay: Overlay,
    /// Form of what is printed: lines for people, or JSON for programs
    #[arg(long, global = true, env = "SCE_OUTPUT", value_enum, default_value_t = Form::Text, help_heading = "Settings")]
    pub output: Form,
}

/// Form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write sce.toml and make the project's directories
    Init(InitArgs),
    /// Show the whole job on pseudo-data, in a directory of its own
    Demo(DemoArgs),
    /// Write pseudo-data of any size as CSV objects
    Synth(SynthArgs),
    /// Make a wrapping key
    #[command(subcommand)]
    Key(KeyCommand),
    /// Seal one file
    Seal(SealArgs),
    /// Open one sealed file
    Open(SealArgs),
    /// Seal files, put them into the data bucket and register their names
    Put(PutArgs),
    /// Analyse every registered object that no run has processed yet
    Run(RunArgs),
    /// Follow a run to its end, reviving its workers where they are lost
    Watch(WatchArgs),
    /// List the runs, the newest first
    Runs,
    /// Fetch and open the results of a run
    Results(ResultsArgs),
    /// Run again the objects that a run did not analyse
    Retry(RetryArgs),
    /// End a run now
    Cancel(RunName),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Write man pages
    Man {
        /// Directory for the pages
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// `sce init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Directory of the project
    #[arg(default_value = ".", value_name = "DIR")]
    pub dir: PathBuf,
}

/// `sce demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Directory for the demo's project; it must be new or empty
    #[arg(long, default_value = "sce-demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Worker processes
    #[arg(long, default_value_t = 5, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub workers: u32,
}

/// `sce key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key file: 32 random bytes, mode 0600, never over another file
    New {
        /// The file to make
        file: PathBuf,
    },
}

/// `sce seal` and `sce open`
#[derive(Debug, Args)]
pub struct SealArgs {
    /// File to read
    pub input: PathBuf,
    /// File to write; replaced only when the whole input is good (- for standard output)
    pub out: PathBuf,
    /// Key that the object has, or will have, in the data bucket; the seal binds it [default: the sealed file's name without .sealed]
    #[arg(long, value_name = "KEY")]
    pub object: Option<String>,
    /// Bytes per frame of a sealed file, 1 to 16777216; not used to open
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub frame_length: u32,
}

/// `sce put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Files, or directories whose files (but hidden ones) are put under their relative paths
    #[arg(required = true, value_name = "DIR|FILE")]
    pub inputs: Vec<PathBuf>,
    /// Put before each name, as PREFIX/NAME
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Replace registered objects of the same name; they count as not processed
    #[arg(long)]
    pub replace: bool,
    /// The files are sealed already, for this project and these names
    #[arg(long)]
    pub sealed: bool,
    /// Write refused names to this new file, mode 0600, for you to correct
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
}

/// `sce run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Workers to start [0: start none, others work on the run]
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: u32,
    /// Only objects whose key starts so
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// Only the objects listed in this file, a key a line
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Also objects that were processed before
    #[arg(long)]
    pub again: bool,
    /// Return once the workers are started
    #[arg(long)]
    pub detach: bool,
}

/// `sce watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Workers to start if all are lost [0: start none]
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: u32,
}

/// `sce results`
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Directory for the opened results
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `sce retry`
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Workers to start [0: start none, others work on the run]
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: u32,
    /// Return once the workers are started
    #[arg(long)]
    pub detach: bool,
}

/// A run, as a person names it.
#[derive(Debug, Args)]
pub struct RunName {
    /// Run id, or the beginning of one
    pub run: String,
}
