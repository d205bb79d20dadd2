//! Tests of the envelope's public interface: sealed objects open, altered ones do not.
#![allow(clippy::unwrap_used)]

mod help;
mod roundtrip;
mod standard;
mod tampering;
