//! What a format module is: bytes in, observations out.
//!
//! Implemented by each format module and driven by [`crate::input`]. A decoder
//! must work in bounded memory and must not keep statistics.

use crate::defect::Defect;
use crate::rules::accumulator::ObjectAccumulator;

/// Turns the bytes of one object into observations.
pub trait Decoder: Send {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect>;

    /// Ends the object and answers how many rows it had.
    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect>;
}
