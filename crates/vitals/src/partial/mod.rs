//! The partial: the mergeable result of some objects.
//!
//! Used by [`crate::analysis`].

pub mod codec;
pub mod merge;
pub mod vitals_partial;
