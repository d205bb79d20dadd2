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

The same on AWS, in an existing environment:
  sce init --from-env hipaa
  sce put plain
  sce run --workers 3 --max-hourly-cost 5
  sce results RUN --out /hipaa/out

Exit codes:
  0  done
  1  finished, but objects were refused, quarantined or failed
  2  usage or configuration
  3  infrastructure (store, queue, ledger, fleet, disk)";

/// Analyze private health data without exposing it
#[derive(Debug, Parser)]
#[command(name = "sce", version, after_help = EXAMPLE, infer_subcommands = false)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options that override the settings file.
    #[command(flatten, next_help_heading = "Settings")]
    pub overlay: Overlay,
    /// Output format: lines of text, or JSON for programs
    #[arg(long, global = true, env = "SCE_OUTPUT", value_enum, default_value_t = Form::Text, help_heading = "Settings")]
    pub output: Form,
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Lines of text.
    Text,
    /// One JSON object per line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write sce.toml and create the project's directories
    Init(InitArgs),
    /// Run a complete example on pseudo-data, in a directory of its own
    Demo(DemoArgs),
    /// Write pseudo-data of any size as CSV objects
    Synth(SynthArgs),
    /// Create a wrapping key, or wrap one with KMS
    #[command(subcommand)]
    Key(KeyCommand),
    /// Seal one file
    Seal(SealArgs),
    /// Open one sealed file
    Open(SealArgs),
    /// Seal files, put them into the data bucket and register their names
    Put(PutArgs),
    /// Analyze every registered object that no run has processed yet
    Run(RunArgs),
    /// Follow a run to its end, and start new workers if all are lost
    Watch(WatchArgs),
    /// List the registered objects and their states
    Names(NamesArgs),
    /// List the runs, newest first
    Runs,
    /// Fetch and open the results of a run
    Results(ResultsArgs),
    /// Submit the objects that a run did not analyze as a new run
    Retry(RetryArgs),
    /// Cancel a run: start nothing more and end the workers that do not leave
    Cancel(CancelArgs),
    /// List who opened which objects of a run, when, and with which key
    Audit(RunName),
    /// Show the cost of a run so far, item by item
    Cost(CostArgs),
    /// Register uploads that S3 reports (AWS)
    Intake(IntakeArgs),
    /// Clean up orphaned resources and complete runs whose workers are gone (AWS)
    Reap(ReapArgs),
    /// Build, verify and take down the environment on AWS
    #[command(subcommand)]
    Env(EnvCommand),
    /// Print shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write man pages
    Man {
        /// Directory for the man pages
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
    /// Create a project on AWS, in this account [default: on this machine]
    #[arg(long, value_name = "ACCOUNT", group = "place")]
    pub aws: Option<Account>,
    /// Region of the project [default: the region that the AWS CLI would use]
    #[arg(long, value_name = "REGION", requires = "place")]
    pub region: Option<String>,
    /// Create a project on AWS, in the environment of this PIT; read account and region from its
    /// stack
    #[arg(long, value_name = "PIT", group = "place")]
    pub from_env: Option<Pit>,
}

/// `sce demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Directory of the demo project; must be new or empty
    #[arg(long, default_value = "sce-demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Number of worker processes
    #[arg(long, default_value_t = 5, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub workers: u32,
}

/// `sce key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key file: 32 random bytes, mode 0600; never overwrite a file
    New {
        /// The file to create
        file: PathBuf,
    },
    /// Wrap a key file with KMS and store it for the workers (AWS, `data_keys = "homer"`)
    Wrap {
        /// The key file
        file: PathBuf,
        /// Replace the project's wrapped key; objects sealed with the old key can no longer be
        /// opened
        #[arg(long)]
        replace: bool,
    },
}

/// `sce seal` and `sce open`
#[derive(Debug, Args)]
pub struct SealArgs {
    /// File to read
    pub input: PathBuf,
    /// File to write; an existing file is replaced only after the whole input was read without an
    /// error (- for standard output)
    pub out: PathBuf,
    /// Object key in the data bucket, which is bound into the envelope [default: the sealed file's
    /// name without .sealed]
    #[arg(long, value_name = "KEY")]
    pub object: Option<String>,
    /// Bytes per frame of a sealed file, 1 to 16777216; ignored by `sce open`
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub frame_length: u32,
}

/// `sce put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Files, or directories whose files (except hidden ones) are put under their relative paths
    #[arg(required = true, value_name = "DIR|FILE")]
    pub inputs: Vec<PathBuf>,
    /// Prepend a prefix to each name, as PREFIX/NAME
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Replace registered objects of the same name; they count as not processed
    #[arg(long)]
    pub replace: bool,
    /// Put files that are already sealed, for this project and these names
    #[arg(long)]
    pub sealed: bool,
    /// Write the refused names to this new file, mode 0600, so that you can correct them
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
}

/// `sce run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The workers and their maximum cost.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Select only objects whose key starts with this prefix
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// Select only the objects listed in this file, one key per line
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Format of the objects [default: as in the settings file]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)))]
    pub format: Option<String>,
    /// Table of people (births and deaths), as the key of an object that was put before; may be
    /// repeated [default: ages are unknown]
    #[arg(long, value_name = "KEY")]
    pub people: Vec<String>,
    /// Include objects that were processed before
    #[arg(long)]
    pub again: bool,
    /// Return as soon as the workers are requested
    #[arg(long)]
    pub detach: bool,
    /// At the end, show the number of requests to each service
    #[arg(long)]
    pub stats: bool,
}

/// The workers and their maximum cost.
#[derive(Debug, Clone, Args)]
pub struct FleetArgs {
    /// Number of workers to start; 0 starts none, for a run that other workers process
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: u32,
    /// Start no workers, now or later (same as --workers 0)
    #[arg(long, conflicts_with = "workers")]
    pub no_fleet: bool,
    /// Refuse to start workers that together cost more than this per hour (AWS)
    #[arg(long, value_name = "USD")]
    pub max_hourly_cost: Option<Money>,
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
    /// Number of workers to start if all are lost, 0 for none [default: as the run was submitted]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub workers: Option<u32>,
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce names`
#[derive(Debug, Args)]
pub struct NamesArgs {
    /// List only objects whose key starts with this prefix
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub prefix: String,
}

/// `sce cost`
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce cancel`
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
    /// End its workers at once instead of letting them leave (terminates instances; local processes
    /// get SIGKILL)
    #[arg(long)]
    pub now: bool,
}

/// `sce intake`
#[derive(Debug, Args)]
pub struct IntakeArgs {
    /// Return when the queue is empty, instead of running forever
    #[arg(long)]
    pub once: bool,
    /// Assume the role PIT-intake first, as the service on the bastion does; the role permits
    /// nothing else
    #[arg(long)]
    pub own_role: bool,
}

/// `sce reap`
#[derive(Debug, Args)]
pub struct ReapArgs {
    /// Seconds between the two looks at the account; only what both find is removed
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub grace: u64,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `sce results`
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
    /// Directory for the opened results; for a project on AWS, a directory within /hipaa
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Allow a directory outside /hipaa, where health data is not on the encrypted volume
    #[arg(long)]
    pub in_the_clear: bool,
    /// Write only cohort_export.csv, which may leave the environment: it contains no number of 1
    /// to 10 patients, and none can be derived from it
    #[arg(long)]
    pub cohort: bool,
}

/// `sce retry`
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
    /// The workers and their maximum cost.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Return as soon as the workers are requested
    #[arg(long)]
    pub detach: bool,
}

/// A run, named by the user.
#[derive(Debug, Args)]
pub struct RunName {
    /// Run id, or a unique prefix of at least 4 digits
    pub run: String,
}
