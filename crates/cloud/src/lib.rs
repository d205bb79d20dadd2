//! Ports of the secure compute environment and their adapters.
//!
//! Used by `agent`, `coordinator` and `provision`. This crate must never make
//! rules: they are in `core`; here they are applied to real stores, queues and
//! ledgers.

#[cfg(feature = "aws")]
pub mod aws;
pub mod caller;
pub mod counts;
pub mod error;
#[cfg(feature = "faults")]
pub mod faults;
pub mod local;
pub mod notice;
pub mod overlay;
pub mod ports;
pub mod retry;
pub mod sealed;
pub mod settings;
pub mod system;
pub mod telemetry;
