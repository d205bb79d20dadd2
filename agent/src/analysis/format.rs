//! What a format module is: bytes in, observations out.
//!
//! Each input format is one module with one [`Decoder`]; the reader, the
//! accumulator and everything behind them are shared. A decoder must work in
//! bounded memory and must not keep statistics.

use super::wide::WideCsv;
use crate::study::Defect;
use sce_core::vitals::{ObjectAccumulator, Vital};

/// Turns the bytes of one object into observations.
pub trait Decoder: Send {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect>;

    /// Ends the object and answers how many rows it had.
    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect>;
}

/// The input formats there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One row per visit, one column per vital ([`super::wide`]).
    Wide,
}

impl Format {
    /// The vitals this format has a place for.
    pub(super) const fn vitals(self) -> &'static [Vital] {
        match self {
            Self::Wide => WideCsv::VITALS,
        }
    }

    /// A decoder for one object.
    pub(super) fn decoder(self) -> Box<dyn Decoder> {
        match self {
            Self::Wide => Box::new(WideCsv::new()),
        }
    }
}
