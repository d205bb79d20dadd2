//! The environment: one CloudFormation template, and what fills it in.
//!
//! Used by `sce env`. The template (`environment.yaml`) is the one source of what
//! is built; whether it holds is decided by comparing what the account says
//! with it. Only `aws` calls AWS.

pub mod answers;
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
