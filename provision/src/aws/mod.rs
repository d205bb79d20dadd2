//! An environment in its account: the stack, the properties of every resource,
//! and the account's own settings.
//!
//! Used by `sce env`. A thin layer: the modules above decide what to build, in
//! which order, and what must hold. Nothing here reads an object or a row.

mod account;
mod change_set;
mod kept;
mod live;
mod lookup;
mod machine;
mod settings;
mod stack;
mod verify;

pub use self::account::{Account, AccountError};
pub use self::change_set::Deployment;
pub use self::settings::Setting;
pub use self::stack::{Event, Outcome, Stack};
