//! Vocabulary and rules of the secure compute environment.
//!
//! Everything here is a pure function or a type: no I/O, no clock, no
//! environment, no async (the dependencies in Cargo.toml allow none of them).
//! Callers pass in time and randomness. Every other crate builds on this one;
//! it must never depend on any of them.

pub mod access;
pub mod addresses;
pub mod calendar;
pub mod cost;
pub mod disclosure;
pub mod envelope;
pub mod ids;
pub mod launch;
pub mod limits;
pub mod manifest;
pub mod message;
pub mod names;
pub mod notice;
pub mod notice_text;
pub mod object;
pub mod pace;
pub mod reap;
pub mod registry;
pub mod requests;
pub mod resources;
pub mod room;
pub mod run;
pub mod study;
pub mod time;
pub mod unit;
pub mod upload;
pub mod volume;
