//! The input formats: bytes in, readings of vitals out.
//!
//! Driven by [`crate::input`]; a format is a module with a decoder.

pub mod choose;
pub mod decoder;
pub mod detect;
pub mod fhir;
pub mod long;
pub mod long_csv;
pub mod omop;
pub mod omop_id;
pub mod omop_parquet;
pub mod parquet_cells;
pub mod people;
pub mod read_rules;
pub mod synthea;
pub mod wide;
