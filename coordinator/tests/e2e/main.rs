//! Tests the real binaries as a user runs them: command lines, output, and the
//! files afterwards.
//!
//! Requires what `make test` prepares: `sce-agent` in the directory of `sce`, and
//! the Python environments under `target/venv`. If something is missing, the
//! tests fail and say what to do.

#![allow(clippy::unwrap_used, missing_docs)]

mod bad_envelopes;
mod bad_files;
mod bad_places;
mod effects;
mod environment;
mod formats;
mod full_disk;
mod help;
mod interop;
mod journey;
mod one_file;
mod people;
mod same_result;
mod settings;
mod support;
