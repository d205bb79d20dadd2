//! The envelope from outside: what is sealed opens, what is altered does not.
#![allow(clippy::unwrap_used)]

mod help;
mod roundtrip;
mod standard;
mod tampering;
