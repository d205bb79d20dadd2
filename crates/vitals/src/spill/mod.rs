//! Data that waits on disk because it does not fit in memory.
//!
//! Used by [`crate::input`], [`crate::partial`] and [`crate::analysis`].

pub mod chunk;
pub mod ranges;
pub mod spool;
pub mod visits;
