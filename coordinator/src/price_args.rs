//! `--prices`, which many commands share.

use std::path::PathBuf;

use clap::Args;

/// Which price table.
#[derive(Debug, Clone, Args)]
pub struct PriceArgs {
    /// Price table [default: the built-in one; `sce cost` shows its date]
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}
