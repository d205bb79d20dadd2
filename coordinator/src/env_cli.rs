//! The command line of `sce env`.

use clap::{Args, Subcommand};
use sce_provision::answers::{Email, InstanceType, SshSource};

use crate::price_args::PriceArgs;

/// `sce env`
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// Print the environment's CloudFormation template, filled in
    #[command(after_help = RENDER_EXAMPLE)]
    Render(RenderArgs),
    /// Build the environment, or bring it up to date
    #[command(after_help = UP_EXAMPLE)]
    Up(UpArgs),
    /// Tell how the environment stands and what it costs in a month
    Status(StatusArgs),
    /// Look whether every control holds, in the account as it is
    #[command(after_help = VERIFY_EXAMPLE)]
    Verify,
    /// Take the environment down; data, logs, ledger and key are kept
    #[command(after_help = DOWN_EXAMPLE)]
    Down(DownArgs),
}

const RENDER_EXAMPLE: &str = "Example:
  sce env render --ssh-from 192.0.2.0/24 --email it@example.org > environment.yaml

Needs no account, network or sce.toml. What is not known yet (images, key pair,
who accepted the addendum) stays a parameter of the template; docs/ENVIRONMENT.md
says how to deploy it. With --output json the template is printed as JSON.";

const UP_EXAMPLE: &str = "Example:
  sce env up --ssh-from 192.0.2.0/24 --email it@example.org

Needs sce.toml with baa_accepted = \"who, date\". Shows what would change and what
a month costs, and asks before it changes anything; a repeated call changes what
differs. What an earlier environment of the PIT left is taken up again. Exit code
2: refused before anything was changed; 3: a resource failed, and what to do.";

const VERIFY_EXAMPLE: &str = "Example:
  sce env verify --output json

One line for each control: holds, broken or cannot tell, the paragraph of 45 CFR
164, and the evidence. Exit code 1 if any is broken.";

const DOWN_EXAMPLE: &str = "Example:
  sce env down

Refuses while a run is live. Says what is kept and what that costs; `sce env up`
takes it up again.";

/// What is decided about an environment.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// From where people reach the bastion, as 192.0.2.0/24; never everywhere
    #[arg(long, value_name = "CIDR")]
    pub ssh_from: SshSource,
    /// Who is told of runs, alarms and costs
    #[arg(long, value_name = "ADDR")]
    pub email: Email,
    /// Instance type of the workers; not of the t family
    #[arg(long, value_name = "TYPE", default_value = "m5.large")]
    pub worker_type: InstanceType,
    /// Instance type of bastion and workbench; not of the t family
    #[arg(long, value_name = "TYPE", default_value = "m5.large")]
    pub machine_type: InstanceType,
    /// Size of each /hipaa volume, in GiB
    #[arg(long, value_name = "GIB", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=16384))]
    pub volume: u32,
    /// Costs of a month, in US dollars, of which people are warned
    #[arg(long, value_name = "USD", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub monthly_budget: u32,
    /// No NAT gateway: the private subnet has no way to the internet at all
    #[arg(long)]
    pub no_nat: bool,
    /// No bastion
    #[arg(long)]
    pub no_bastion: bool,
    /// No private work machine
    #[arg(long)]
    pub no_workbench: bool,
    /// No AWS Config: the account has a recorder in this region already
    #[arg(long)]
    pub no_config: bool,
}

/// `sce env up`
#[derive(Debug, Args)]
pub struct UpArgs {
    /// What is decided.
    #[command(flatten)]
    pub decided: RenderArgs,
    /// Image of the workers [default: the newest of your own with the tag sce:image=worker]
    #[arg(long, value_name = "ID")]
    pub worker_ami: Option<String>,
    /// Image of the bastion [default: the one it has; at first the newest of your own with the tag sce:image=bastion]
    #[arg(long, value_name = "ID")]
    pub bastion_ami: Option<String>,
    /// Image of the workbench [default: the one it has; at first the newest of your own with the tag sce:image=workbench]
    #[arg(long, value_name = "ID")]
    pub workbench_ami: Option<String>,
    /// Key pair with which people reach bastion and workbench [default: the one they have; at first PIT_keypair]
    #[arg(long, value_name = "NAME")]
    pub key_pair: Option<String>,
    /// Also set the account's own defaults (encrypted volumes, IMDSv2, no public buckets)
    #[arg(long)]
    pub account_settings: bool,
    /// Carry everything out without asking
    #[arg(long)]
    pub yes: bool,
    /// On an emulator: leave out a resource type that it lacks, or a policy statement by its Sid
    #[arg(long, value_name = "TYPE|SID")]
    pub leave_out: Vec<String>,
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce env status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}

/// `sce env down`
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Take it down without asking
    #[arg(long)]
    pub yes: bool,
    /// Which price table.
    #[command(flatten)]
    pub prices: PriceArgs,
}
