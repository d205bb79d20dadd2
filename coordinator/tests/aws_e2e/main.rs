//! The real binaries on emulators of AWS: the whole job with a fleet, and the
//! bad days. A stand-in for the hypervisor starts an agent process for each
//! launched instance, with a metadata service of its own; a proxy in front of
//! the emulator makes the faults.
//!
//! Needs what `make test` prepares: `sce-agent` beside `sce`, and the Python
//! environments under `target/venv`.

#![allow(clippy::unwrap_used, missing_docs)]

mod bad_days;
mod bastion;
mod breakages;
mod budget;
mod cloud;
mod environment;
mod fleet;
mod intake;
mod journey;
mod keys;
mod reap;
#[path = "../e2e/support.rs"]
#[allow(dead_code)]
mod support;
