//! The environment: one CloudFormation template, and its parameters.
//!
//! Used by `sce env`. The template (`environment.yaml`) alone defines what is
//! built; verification compares the actual state with it. Only `aws` calls AWS.

pub mod answers;
#[cfg(feature = "aws")]
pub mod aws;
pub mod change;
pub mod compare;
pub mod controls;
mod deployed;
pub mod expect;
pub mod explain;
pub mod judge;
pub mod monthly;
mod render;
pub mod stage;
mod template;

pub use self::template::{Template, TemplateError};
