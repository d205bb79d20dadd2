//! `sce env`: the environment on AWS.

#[cfg(feature = "aws")]
mod deployed;
#[cfg(feature = "aws")]
mod down;
mod render;
#[cfg(feature = "aws")]
mod up;
#[cfg(feature = "aws")]
mod verify;

use sce_cloud::overlay::Overlay;

#[cfg(feature = "aws")]
pub(super) use self::deployed::outputs;
use crate::cli::EnvCommand;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// `sce env`
#[cfg(feature = "aws")]
pub(super) async fn env(
    command: &EnvCommand,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        EnvCommand::Render(args) => render::render(args, overlay, output),
        EnvCommand::Up(args) => up::up(args, overlay, output).await,
        EnvCommand::Status(args) => verify::status(args, overlay, output).await,
        EnvCommand::Verify => verify::verify(overlay, output).await,
        EnvCommand::Down(args) => down::down(args, overlay, output).await,
    }
}

/// `sce env` without the feature `aws`, which can only render the template.
#[cfg(not(feature = "aws"))]
pub(super) async fn env(
    command: &EnvCommand,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    match command {
        EnvCommand::Render(args) => render::render(args, overlay, output),
        _ => Err(super::needs_aws("sce env")),
    }
}
