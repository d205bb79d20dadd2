//! Spills data that does not fit in memory to disk.
//!
//! Used by [`crate::input`], [`crate::partial`] and [`crate::analysis`].

pub mod file;
pub mod patients;
pub mod ranges;
pub mod visits;
