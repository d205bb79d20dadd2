//! The rules of the vitals analysis: what is measured, in which unit of measurement, what is
//! plausible, and how statistics add up exactly.
//!
//! Used by the format decoders (which feed [`accumulator::ObjectAccumulator`]), and to merge and
//! deliver partials (with [`moments::Sums`] and [`histogram::quantile`]). Everything here is
//! exact integer arithmetic, so a result never depends on how rows were split into objects or in
//! which order partials were merged. Nothing here may read a file, know a file format, or sum in
//! floating point.

pub mod accumulator;
pub mod category;
pub mod cell;
pub mod codes;
pub mod conversion;
pub mod cross;
pub mod derived;
pub mod effects;
pub mod fixed;
pub mod gather;
pub mod histogram;
pub mod moments;
pub mod news2;
pub mod people;
pub mod quality;
pub mod range;
pub mod reading;
pub mod regression;
pub mod separation;
pub mod series;
pub mod spill;
pub mod statistics;
pub mod timeline;
pub mod trend;
pub mod vital;
