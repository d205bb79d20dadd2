//! The option `--prices`, which several commands share.

use std::path::PathBuf;

use clap::Args;

/// The choice of a price table.
#[derive(Debug, Clone, Args)]
pub struct PriceArgs {
    /// Price table file [default: the built-in table; `sce cost` shows its date]
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}
