//! Splits bytes into records, fields and numbers, independent of the format.
//!
//! Used by [`crate::formats`]. Nothing here may know what a field means.

pub mod header;
pub mod json;
pub mod number;
pub mod records;
pub mod split;
pub mod unpack;
