//! One suite for every adapter of every port.
//!
//! A check is written against the port alone; [`candidates`] lists who must
//! pass it. An adapter is added there, never here.
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
