//! Ports of the secure compute environment and their adapters.
//!
//! Used by `agent` and `coordinator`, which never depend on each other. Rules
//! are not made here: they are core's; this crate carries them out at real
//! stores, queues and ledgers.

pub mod aws;
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
