//! Bytes into records, fields and numbers, whatever the format.
//!
//! Used by [`crate::formats`]. Nothing here knows what a field means.

pub mod header;
pub mod json;
pub mod number;
pub mod records;
pub mod split;
pub mod unpack;
