//! The numbers of the outputs, computed from the merged partial.
//!
//! Used by [`crate::outputs`].

pub mod associations;
pub mod cohort;
pub mod effect_fits;
pub mod inputs;
pub mod patient_rows;
pub mod summed;
