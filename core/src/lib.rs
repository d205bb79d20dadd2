//! Vocabulary and rules of the secure compute environment.
//!
//! Everything here is a pure function or a type: no I/O, no clock, no
//! environment, no async (Cargo.toml makes that so). Time and randomness are
//! passed in. `cloud`, `agent` and `coordinator` build on it; it depends on
//! none of them.

pub mod vitals;
