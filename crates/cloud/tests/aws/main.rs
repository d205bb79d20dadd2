//! The AWS adapters when the network or AWS fails: through a proxy that loses
//! responses, cuts off bodies, throttles and refuses.
//!
//! Each test starts its own emulator, because a fault affects every caller. The
//! conformance suite tests the adapters without faults.
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
