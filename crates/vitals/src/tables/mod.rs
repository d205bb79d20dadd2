//! The tables of a partial: their columns, and how rows of them merge.
//!
//! Used by [`crate::spill`], [`crate::partial`] and [`crate::results`].

pub mod column;
pub mod declared;
pub mod derived;
pub mod effects;
pub mod groups;
pub mod merge;
pub mod natural;
pub mod objects;
pub mod patients;
pub mod rows;
pub mod section;
pub mod timelines;
