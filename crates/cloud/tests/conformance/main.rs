//! One suite for every adapter of every port.
//!
//! A check uses the port only; [`candidates`] lists the adapters that must pass
//! it. Adapters are added there, never here.
#![allow(clippy::unwrap_used)]

mod books;
mod candidates;
mod fleet;
mod key_files;
mod keys;
mod kms;
mod ledger_model;
mod ledger_races;
mod ledger_rows;
mod names;
mod notices;
mod objects;
mod project;
mod queue;
mod s3;
