//! The real binaries on emulators of AWS: the whole workflow with a fleet, and
//! failures. A substitute for the hypervisor starts an agent process for each
//! launched instance, with its own metadata service; a proxy in front of the
//! emulator injects the faults.
//!
//! Requires what `make test` prepares: `sce-agent` in the directory of `sce`, and
//! the Python environments under `target/venv`.

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
