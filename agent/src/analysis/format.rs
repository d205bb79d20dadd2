//! What a format module is: bytes in, observations out.
//!
//! Each input format is one module with one [`Decoder`]; the reader, the
//! accumulator and everything behind them are shared. A new format is a new
//! module, a [`Kind`] and a line here. A decoder must work in bounded memory
//! and must not keep statistics.

use sce_core::vitals::ObjectAccumulator;

use super::detect::Kind;
use super::fhir::Fhir;
use super::input::ReadRules;
use super::long::Long;
use super::long_csv::LongCsv;
use super::omop_parquet::OmopParquet;
use super::wide::WideCsv;
use super::{omop, synthea};
use crate::study::Defect;

/// Turns the bytes of one object into observations.
pub trait Decoder: Send {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect>;

    /// Ends the object and answers how many rows it had.
    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect>;
}

/// A decoder for one object.
pub fn decoder(kind: Kind, rules: &ReadRules, into: &mut ObjectAccumulator) -> Box<dyn Decoder> {
    let long = || Long::new(rules.codes.clone());
    match kind {
        Kind::Wide => {
            into.measure(WideCsv::VITALS);
            Box::new(WideCsv::new())
        }
        Kind::OmopCsv => Box::new(LongCsv::new(&omop::LAYOUT, long())),
        Kind::OmopParquet => Box::new(OmopParquet::new(long(), &rules.scratch)),
        Kind::Fhir => Box::new(Fhir::new(long())),
        Kind::Synthea => Box::new(LongCsv::new(&synthea::LAYOUT, long())),
    }
}
