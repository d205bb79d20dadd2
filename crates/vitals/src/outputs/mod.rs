//! The deliverables: every result file of a run.
//!
//! Used by [`crate::analysis`]. The outputs only write; they must compute nothing.

pub mod chart;
pub mod csv_files;
pub mod csv_text;
pub mod effects_csv;
pub mod export;
pub mod patient_files;
pub mod patients;
pub mod report;
pub mod summary;
