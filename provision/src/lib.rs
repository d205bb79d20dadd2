//! The environment: one CloudFormation template, and what fills it in.
//!
//! Used by `sce env`. It renders only; nothing here calls AWS, and the template
//! (`environment.yaml`) is the one source of what is built.

pub mod answers;
mod render;
mod template;

pub use self::template::{Template, TemplateError};
