//! The account of an environment: its stack, the properties of every resource,
//! and the account's own settings.
//!
//! Used by `sce env`. Thin: what to build, in which order and what must hold is
//! decided by the modules above. Nothing here reads an object or a row.

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
