//! The real binaries, driven as a user drives them: what a person types, what
//! is printed, which files lie there afterwards.
//!
//! Needs what `make test` prepares: `sce-agent` beside `sce`, and the Python
//! environments under `target/venv`. Whatever is absent fails, with what to do.

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
