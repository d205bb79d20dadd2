//! The command line of `sce-agent`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, value_parser};
use sce_cloud::overlay::Overlay;
use sce_core::ids::WorkerId;
use sce_core::launch::HIPAA_DEVICE;
use sce_vitals::settings::Format;

const EXAMPLE: &str = "Example, for local files:
  sce-agent analyze visits.csv --format wide --out out

Exit codes:
  0  done
  1  finished, but an object was quarantined
  2  usage or configuration
  3  infrastructure (store, queue, ledger, disk)";

/// Open sealed objects, analyze them and deliver sealed results
#[derive(Debug, Parser)]
#[command(name = "sce-agent", version, after_help = EXAMPLE)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options that override the settings file.
    #[command(flatten, next_help_heading = "Settings")]
    pub overlay: Overlay,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Process open runs until there is nothing left to do
    Work(WorkArgs),
    /// Terminate the EC2 instance that runs this agent
    Terminate(TerminateArgs),
    /// Write the limits of this launch for systemd: addresses, lifetime, volume (root)
    Confine,
    /// Prepare or wipe the encrypted volume (root)
    #[command(subcommand)]
    Volume(VolumeCommand),
    /// Analyze local files and write the results in the clear
    Analyze(AnalyzeArgs),
}

/// `sce-agent work`
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// Id of this worker, 16 hex digits [default: a random id]
    #[arg(long, value_name = "ID", conflicts_with = "instance")]
    pub worker: Option<WorkerId>,
    /// Read identity and settings from the metadata of the EC2 instance
    #[arg(long)]
    pub instance: bool,
}

/// `sce-agent terminate`
#[derive(Debug, Args)]
pub struct TerminateArgs {
    /// Confirm that this instance is to be terminated
    #[arg(long, required = true)]
    pub instance: bool,
}

/// `sce-agent volume`
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// Partition and format the volume if it is blank, and refuse any other
    Prepare(PrepareArgs),
    /// Unmount the volume and erase it
    Wipe(WipeArgs),
}

/// `sce-agent volume prepare`
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// Device name under which the launch attached the volume
    #[arg(long, value_name = "DEVICE", default_value = HIPAA_DEVICE)]
    pub attached_at: String,
    /// Required size of the volume, in GiB [default: any]
    #[arg(long, value_name = "GIB", env = "SCE_VOLUME_GIB", value_parser = value_parser!(u64).range(1..=65_536))]
    pub gib: Option<u64>,
    /// User who owns /hipaa
    #[arg(long, value_name = "USER", env = "SCE_VOLUME_OWNER", default_value = "sce")]
    pub owner: String,
    /// Keep a volume that was prepared before unchanged, because it outlives its machine
    #[arg(long, env = "SCE_VOLUME_KEEP")]
    pub keep: bool,
    /// Seconds to wait for the volume to be attached
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
}

/// `sce-agent volume wipe`
#[derive(Debug, Args)]
pub struct WipeArgs {
    /// Device name under which the launch attached the volume
    #[arg(long, value_name = "DEVICE", default_value = HIPAA_DEVICE)]
    pub attached_at: String,
    /// Confirm that everything on the volume is to be erased
    #[arg(long, required = true)]
    pub yes: bool,
}

/// `sce-agent analyze`
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Files, sealed or plain
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format of the opened files [default: as in the settings file, else detected]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)))]
    pub format: Option<String>,
    /// Table of people (births and deaths), sealed or plain; may be repeated [default: ages are
    /// unknown]
    #[arg(long, value_name = "FILE")]
    pub people: Vec<PathBuf>,
    /// Directory for the results, written in the clear
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Object key that a sealed file is bound to [default: its name without .sealed]
    #[arg(long, value_name = "KEY")]
    pub object: Option<String>,
}
