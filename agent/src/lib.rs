//! The parts of `sce-agent`: what a run computes, and the vitals analysis.
//!
//! The binary puts them together; nothing here reads the environment.

pub mod analysis;
pub mod study;
