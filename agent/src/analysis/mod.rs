//! The vitals analysis: a [`Study`] over files of measurements.
//!
//! Called by the work loop and by `sce-agent analyze`. Bytes become
//! observations in a format module ([`format`]), observations become exact
//! sums in `sce_core::vitals`, sums become small tables ([`partial`]) that
//! merge, and the merged tables become the deliverables. A row's content must
//! never reach an error, a log or anything but the deliverables and partials.

mod codec;
mod format;
mod merge;
mod number;
mod partial;
mod patients;
mod records;
mod report;
mod results;
mod split;
mod summary;
mod tables;
mod wide;

pub use codec::PARTIAL_LIMIT_BYTES;
pub use format::Format;
pub use partial::VitalsPartial;

use crate::study::{Defect, Deliverable, ObjectReader, RunFacts, Study, StudyError};
use format::Decoder;
use results::Results;
use sce_core::vitals::{ObjectAccumulator, PlausibleRanges};
use sha2::{Digest, Sha256};

/// The vitals study over objects of one format.
#[derive(Debug, Clone)]
pub struct VitalsStudy {
    format: Format,
    ranges: PlausibleRanges,
}

impl VitalsStudy {
    /// The study with the default plausible ranges.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self { format, ranges: PlausibleRanges::standard() }
    }
}

impl Study for VitalsStudy {
    type Reader = VitalsReader;
    type Partial = VitalsPartial;

    fn begin(&self, object: &str) -> VitalsReader {
        VitalsReader {
            object: object.to_owned(),
            digest: Sha256::new(),
            decoder: self.format.decoder(),
            accumulator: ObjectAccumulator::new(self.ranges, self.format.vitals()),
        }
    }

    fn merge(&self, parts: Vec<VitalsPartial>) -> Result<VitalsPartial, StudyError> {
        merge::merge(parts)
    }

    fn rows(&self, partial: &VitalsPartial) -> u64 {
        partial.rows()
    }

    fn encode(&self, partial: &VitalsPartial) -> Result<Vec<u8>, StudyError> {
        codec::encode(partial)
    }

    fn decode(&self, bytes: &[u8]) -> Result<VitalsPartial, StudyError> {
        codec::decode(bytes)
    }

    fn deliver(
        &self,
        facts: &RunFacts,
        merged: VitalsPartial,
    ) -> Result<Vec<Deliverable>, StudyError> {
        let results = Results::of(facts, &merged, self.format.vitals())?;
        drop(merged);
        let file = |name, bytes| Deliverable { name, bytes };
        Ok(vec![
            file("patients.parquet", patients::typed(&results.rows)?),
            file("patients.csv", patients::csv(&results.rows)?),
            file("cohort.csv", tables::cohort_csv(&results)?),
            file("quality.csv", tables::quality_csv(&results)?),
            file("summary.json", summary::json(&results, self.ranges.profile())?),
            file("report.html", report::html(&results).into_bytes()),
        ])
    }
}

/// Reads one object: its digest, and its observations.
pub struct VitalsReader {
    object: String,
    digest: Sha256,
    decoder: Box<dyn Decoder>,
    accumulator: ObjectAccumulator,
}

impl ObjectReader for VitalsReader {
    type Partial = VitalsPartial;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.digest.update(plaintext);
        self.decoder.push(plaintext, &mut self.accumulator)
    }

    fn finish(mut self) -> Result<VitalsPartial, Defect> {
        let rows = self.decoder.finish(&mut self.accumulator)?;
        let digest = hex::encode(self.digest.finalize());
        Ok(VitalsPartial::of(&self.object, rows, &digest, &self.accumulator.finish()))
    }
}
