//! Chooses the decoder of an object by its kind.
//!
//! Each input format is a module of this folder with a [`Decoder`]; the accumulator and
//! everything after it are shared. A new format is a new module, a [`Kind`] and a line here.

use crate::rules::accumulator::ObjectAccumulator;

use crate::formats::decoder::Decoder;
use crate::formats::detect::Kind;
use crate::formats::fhir::Fhir;
use crate::formats::long::Long;
use crate::formats::long_csv::LongCsv;
use crate::formats::omop_parquet::OmopParquet;
use crate::formats::read_rules::ReadRules;
use crate::formats::wide::WideCsv;
use crate::formats::{omop, synthea};

/// Creates the decoder of one object.
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
