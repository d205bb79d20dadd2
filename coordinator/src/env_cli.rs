//! The command line of `sce env`.

use clap::{Args, Subcommand};
use sce_provision::answers::{Email, InstanceType, SshSource};

use crate::price_args::PriceArgs;

/// `sce env`
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// Print the CloudFormation template of the environment, filled in
    #[command(after_help = RENDER_EXAMPLE)]
    Render(RenderArgs),
    /// Build the environment, or update it
    #[command(after_help = UP_EXAMPLE)]
    Up(UpArgs),
    /// Show the state of the environment and its monthly cost
    Status(StatusArgs),
    /// Check every control against the actual state of the account
    #[command(after_help = VERIFY_EXAMPLE)]
    Verify,
    /// Take the environment down, but keep data, logs, ledger and key
    #[command(after_help = DOWN_EXAMPLE)]
    Down(DownArgs),
}

const RENDER_EXAMPLE: &str = "Example:
  sce env render --ssh-from 192.0.2.0/24 --email it@example.org > environment.yaml

Needs no account, network or sce.toml. Values that are not known yet (images, key
pair, who accepted the addendum) remain parameters of the template;
docs/ENVIRONMENT.md describes how to deploy it. With --output json, the template
is printed as JSON.";

const UP_EXAMPLE: &str = "Example:
  sce env up --ssh-from 192.0.2.0/24 --email it@example.org

Needs sce.toml with baa_accepted = \"who, date\". Shows the changes and the monthly
cost, and asks before it changes anything. A repeated call changes only what
differs. Adopts what an earlier environment of the PIT kept. Exit code 2: refused
before anything was changed; 3: a resource failed, with what to do.";

const VERIFY_EXAMPLE: &str = "Example:
  sce env verify --output json

Prints one line for each control: holds, broken or cannot tell, the paragraph of
45 CFR 164, and the evidence. Exit code 1 if any control is broken.";

const DOWN_EXAMPLE: &str = "Example:
  sce env down

Refuses while a run is live. Shows what is kept and what that costs; `sce env up`
adopts it again.";

/// The settings of an environment.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Address range that may connect to the bastion, such as 192.0.2.0/24; not the whole internet
    #[arg(long, value_name = "CIDR")]
    pub ssh_from: SshSource,
    /// Email address for notices about runs, alarms and costs
    #[arg(long, value_name = "ADDR")]
    pub email: Email,
    /// Instance type of the workers; not of the t family
    #[arg(long, value_name = "TYPE", default_value = "m5.large")]
    pub worker_type: InstanceType,
    /// Instance type of the bastion and the workbench; not of the t family
    #[arg(long, value_name = "TYPE", default_value = "m5.large")]
    pub machine_type: InstanceType,
    /// Size of each /hipaa volume, in GiB
    #[arg(long, value_name = "GIB", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=16384))]
    pub volume: u32,
    /// Monthly budget in US dollars; a warning is mailed when costs approach it
    #[arg(long, value_name = "USD", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub monthly_budget: u32,
    /// Leave out the NAT gateway; the private subnet then has no route to the internet
    #[arg(long)]
    pub no_nat: bool,
    /// Leave out the bastion
    #[arg(long)]
    pub no_bastion: bool,
    /// Leave out the workbench
    #[arg(long)]
    pub no_workbench: bool,
    /// Leave out AWS Config, because the account already has a recorder in this region
    #[arg(long)]
    pub no_config: bool,
}

/// `sce env up`
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The settings of the environment.
    #[command(flatten)]
    pub decided: RenderArgs,
    /// Image of the workers [default: your newest image with the tag sce:image=worker]
    #[arg(long, value_name = "ID")]
    pub worker_ami: Option<String>,
    /// Image of the bastion [default: its current image; at first, your newest with the tag
    /// sce:image=bastion]
    #[arg(long, value_name = "ID")]
    pub bastion_ami: Option<String>,
    /// Image of the workbench [default: its current image; at first, your newest with the tag
    /// sce:image=workbench]
    #[arg(long, value_name = "ID")]
    pub workbench_ami: Option<String>,
    /// Key pair for SSH to the bastion and the workbench [default: their current key pair; at
    /// first, PIT_keypair]
    #[arg(long, value_name = "NAME")]
    pub key_pair: Option<String>,
    /// Also set the defaults of the account (encrypted volumes, IMDSv2, no public buckets)
    #[arg(long)]
    pub account_settings: bool,
    /// Make all changes without asking
    #[arg(long)]
    pub yes: bool,
    /// Leave out a resource type that an emulator lacks, or a policy statement by its Sid; may be
    /// repeated
    #[arg(long, value_name = "TYPE|SID")]
    pub leave_out: Vec<String>,
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce env status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce env down`
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Take the environment down without asking
    #[arg(long)]
    pub yes: bool,
    /// The price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}
