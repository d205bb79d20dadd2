//! AWS's adapters where the network and AWS let them down: through a proxy
//! that loses answers, cuts bodies, throttles and refuses.
//!
//! Each test starts an emulator of its own, for a fault strikes whoever calls.
//! What the adapters promise without faults is the conformance suite's.
#![allow(clippy::unwrap_used)]

#[path = "../conformance/books.rs"]
mod books;
#[path = "../conformance/project.rs"]
mod project;

mod errors;
mod failures;
mod fleet;
mod keys;
mod launch;
mod ledger;
mod queue;
mod reading;
mod requests;
mod support;
mod template;
mod writing;
