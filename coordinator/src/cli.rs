//! The command line of `sce`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sce_cloud::overlay::Overlay;
use sce_core::cost::Money;
use sce_core::ids::Pit;
use sce_core::resources::Account;
use sce_vitals::settings::Format;

pub use crate::env_cli::{DownArgs, EnvCommand, RenderArgs, StatusArgs, UpArgs};
use crate::price_args::PriceArgs;
pub use crate::synth::SynthArgs;

const EXAMPLE: &str = "Example, on one machine:
  sce init
  sce key new homer.key
  sce synth --out plain
  sce put plain
  sce run --workers 3
  sce results RUN --out out

The same on AWS, in an environment that is there:
  sce init --from-env hipaa
  sce put plain
  sce run --workers 3 --max-hourly-cost 5
  sce results RUN --out /hipaa/out

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
    /// Make a wrapping key, or wrap one by KMS
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
    /// List the registered objects and where each stands
    Names(NamesArgs),
    /// List the runs, the newest first
    Runs,
    /// Fetch and open the results of a run
    Results(ResultsArgs),
    /// Run again the objects that a run did not analyse
    Retry(RetryArgs),
    /// End a run now: nothing more is started, its workers leave or are ended
    Cancel(CancelArgs),
    /// List who opened which objects of a run, when, with which key
    Audit(RunName),
    /// Tell what a run has cost so far, line by line
    Cost(CostArgs),
    /// Register what is uploaded, as S3 tells of it (AWS)
    Intake(IntakeArgs),
    /// Remove what no live run owns and finish what nobody else finishes (AWS)
    Reap(ReapArgs),
    /// The environment on AWS: build, verify and take it down
    #[command(subcommand)]
    Env(EnvCommand),
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
    /// The project lies on AWS, in this account [default: on this machine]
    #[arg(long, value_name = "ACCOUNT", group = "place")]
    pub aws: Option<Account>,
    /// Its region [default: the one that the AWS CLI would take]
    #[arg(long, value_name = "REGION", requires = "place")]
    pub region: Option<String>,
    /// The project lies on AWS, in the environment of this PIT: read account and region from its stack
    #[arg(long, value_name = "PIT", group = "place")]
    pub from_env: Option<Pit>,
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
    /// Wrap a key file by KMS and store it for the workers (AWS, `data_keys = "homer"`)
    Wrap {
        /// The key file
        file: PathBuf,
        /// Store it even if the project has one: what that one sealed cannot be opened any more
        #[arg(long)]
        replace: bool,
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
    /// How many workers, and what they may cost.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Only objects whose key starts so
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// Only the objects listed in this file, a key a line
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Format of the objects [default: as in the settings file]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)))]
    pub format: Option<String>,
    /// Table of people (births and deaths), an object put before; may be repeated [default: ages are unknown]
    #[arg(long, value_name = "KEY")]
    pub people: Vec<String>,
    /// Also objects that were processed before
    #[arg(long)]
    pub again: bool,
    /// Return once the workers are asked for
    #[arg(long)]
    pub detach: bool,
    /// At the end, count the requests to each service
    #[arg(long)]
    pub stats: bool,
}

/// How many workers, and what they may cost.
#[derive(Debug, Clone, Args)]
pub struct FleetArgs {
    /// Workers to start [0: start none, others work on the run]
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: u32,
    /// Start no worker, now or later: others work on the run (as --workers 0)
    #[arg(long, conflicts_with = "workers")]
    pub no_fleet: bool,
    /// Refuse to start workers that together cost more than this an hour (AWS)
    #[arg(long, value_name = "USD")]
    pub max_hourly_cost: Option<Money>,
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Workers to start if all are lost, 0 for none [default: as the run was submitted]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: Option<u32>,
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce names`
#[derive(Debug, Args)]
pub struct NamesArgs {
    /// Only objects whose key starts so
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub prefix: String,
}

/// `sce cost`
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce cancel`
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// End its workers at once instead of letting them leave (AWS; ends a process by SIGKILL)
    #[arg(long)]
    pub now: bool,
}

/// `sce intake`
#[derive(Debug, Args)]
pub struct IntakeArgs {
    /// Return once nothing waits, instead of going on for ever
    #[arg(long)]
    pub once: bool,
    /// Take the role PIT-intake first, as the bastion's service does: it may do no more than this
    #[arg(long)]
    pub own_role: bool,
}

/// `sce reap`
#[derive(Debug, Args)]
pub struct ReapArgs {
    /// Seconds between the two looks: only what both see is removed
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub grace: u64,
    /// Tell what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `sce results`
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// Directory for the opened results; for a project on AWS within its /hipaa
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write health data outside /hipaa all the same
    #[arg(long)]
    pub in_the_clear: bool,
    /// Write cohort_export.csv only, which is meant to leave: no number of 1 to 10 patients is in
    /// it, or can be derived from it
    #[arg(long)]
    pub cohort: bool,
}

/// `sce retry`
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Run id, or the beginning of one
    pub run: String,
    /// How many workers, and what they may cost.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Return once the workers are asked for
    #[arg(long)]
    pub detach: bool,
}

/// A run, as a person names it.
#[derive(Debug, Args)]
pub struct RunName {
    /// Run id, or the beginning of one
    pub run: String,
}
