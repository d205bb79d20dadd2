//! The interface of a format module: bytes in, observations out.
//!
//! Implemented by each format module and driven by [`crate::input`]. A decoder must work in
//! bounded memory and must not keep statistics.

use crate::defect::Defect;
use crate::rules::accumulator::ObjectAccumulator;

/// Turns the bytes of one object into observations.
pub trait Decoder: Send {
    /// Reads the next bytes.
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect>;

    /// Ends the object; returns the number of its rows.
    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect>;
}
