//! The vitals analysis: a [`Study`] over files of measurements.
//!
//! Called by the work loop and by `sce-agent analyze`. Bytes become
//! observations in a format module ([`format`]), observations become exact
//! sums in `sce_core::vitals`, sums become small tables ([`partial`]) that
//! merge, and the merged tables become the deliverables. A row's content must
//! never reach an error, a log or anything but the deliverables and partials.

mod associations;
mod chart;
mod chunk;
mod codec;
mod columns;
mod derived;
mod detect;
mod effect_fits;
mod effects;
mod export;
mod fhir;
mod format;
mod groups;
mod input;
mod inputs;
mod json;
mod long;
mod long_csv;
mod merge;
mod number;
mod object_tables;
mod omop;
mod omop_parquet;
mod overflow;
mod parquet_cells;
mod partial;
mod patient_files;
mod patient_rows;
mod patient_tables;
mod patients;
mod people;
mod ranges;
mod records;
mod report;
mod results;
mod split;
mod spool;
mod summary;
mod summed;
mod synthea;
mod tables;
mod timelines;
mod unpack;
mod wide;

use std::path::PathBuf;
use std::sync::Arc;

use sce_core::study::StudySettings;
use sce_core::vitals::{People, PlausibleRanges};
use sha2::{Digest, Sha256};

pub use codec::PARTIAL_LIMIT_BYTES;
pub use partial::VitalsPartial;
pub use people::PeopleReader;

use crate::study::{Content, Defect, Deliverable, ObjectReader, RunFacts, Study, StudyError};
use chunk::Chunk;
use input::{Input, ReadRules};
use long::Codes;
use object_tables::{InputFacts, ObjectTables};
use patient_files::PatientFiles;
use patient_tables::PatientTables;
use ranges::Ranges;
use results::{Cohort, Survey};
use unpack::Unpack;

/// Longest patient id accepted, in bytes; anything longer is not an id.
const PATIENT_LIMIT_BYTES: usize = 256;

/// The vitals study.
#[derive(Debug, Clone)]
pub struct VitalsStudy {
    rules: ReadRules,
}

impl VitalsStudy {
    /// The study with the default settings; what does not fit in memory waits
    /// in the directory `scratch`.
    #[must_use]
    pub fn new(scratch: PathBuf) -> Self {
        Self { rules: rules(&StudySettings::default(), Arc::default(), scratch) }
    }

    const fn ranges(&self) -> &PlausibleRanges {
        &self.rules.ranges
    }
}

fn rules(settings: &StudySettings, people: Arc<People>, scratch: PathBuf) -> ReadRules {
    ReadRules {
        format: settings.format,
        ranges: settings.plausible_ranges(),
        codes: Arc::new(Codes::of(settings)),
        people,
        scratch,
    }
}

impl Study for VitalsStudy {
    type Reader = VitalsReader;
    type Partial = VitalsPartial;

    fn with_settings(
        &self,
        settings: &StudySettings,
        people: Arc<People>,
    ) -> Result<Self, StudyError> {
        settings.check().map_err(StudyError::Settings)?;
        Ok(Self { rules: rules(settings, people, self.rules.scratch.clone()) })
    }

    fn begin(&self, object: &str) -> VitalsReader {
        VitalsReader {
            object: object.to_owned(),
            digest: Sha256::new(),
            input: Unpack::new(Input::new(object, self.rules.clone())),
            people: self.rules.people.clone(),
        }
    }

    fn merge(&self, parts: Vec<VitalsPartial>) -> Result<VitalsPartial, StudyError> {
        merge::merge(parts, &self.rules.scratch)
    }

    fn rows(&self, partial: &VitalsPartial) -> u64 {
        partial.rows()
    }

    fn encode(&self, partial: &VitalsPartial) -> Result<Vec<u8>, StudyError> {
        codec::encode(partial, &self.rules.scratch)
    }

    fn decode(&self, bytes: &[u8]) -> Result<VitalsPartial, StudyError> {
        codec::decode(bytes, &self.rules.scratch)
    }

    fn deliver(
        &self,
        facts: &RunFacts,
        merged: VitalsPartial,
    ) -> Result<Vec<Deliverable>, StudyError> {
        let scratch = &self.rules.scratch;
        let VitalsPartial { objects, patients } = merged;
        let inputs = inputs::inputs(facts, &objects)?;
        let ranges = Ranges::of(&patients, scratch)?;
        drop(patients);
        let mut survey = Survey::new();
        for tables in ranges.load_each() {
            survey.take(&tables?)?;
        }
        let mut cohort = Cohort::new(survey);
        let mut files = PatientFiles::new(scratch)?;
        for tables in ranges.load_each() {
            let (rows, derived) = cohort.take(&tables?)?;
            files.write(&rows, &derived)?;
        }
        let results = cohort.finish(facts, inputs, &objects)?;
        let file = |name, bytes| Deliverable { name, content: Content::Bytes(bytes) };
        let mut all = Vec::from(files.finish()?);
        all.extend([
            file("effects.csv", associations::effects_csv(&results.associations)?),
            file("rules.csv", associations::rules_csv(&results.associations)?),
            file("cohort.csv", tables::cohort_csv(&results)?),
            file("cohort_export.csv", export::export_csv(&results)?),
            file("quality.csv", tables::quality_csv(&results)?),
            file("objects.csv", tables::objects_csv(&results)?),
            file("summary.json", summary::json(&results, self.ranges())?),
            file("report.html", report::html(&results, self.ranges()).into_bytes()),
        ]);
        Ok(all)
    }
}

/// Reads one object: its digest, and its observations.
pub struct VitalsReader {
    object: String,
    digest: Sha256,
    input: Unpack<Input>,
    people: Arc<People>,
}

impl ObjectReader for VitalsReader {
    type Partial = VitalsPartial;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.digest.update(plaintext);
        self.input.push(plaintext)
    }

    fn finish(self) -> Result<VitalsPartial, Defect> {
        let found = self.input.finish()?.finish()?;
        let digest = hex::encode(self.digest.finalize());
        let sources = self.people.sources().join(" ");
        let input = InputFacts { object: &self.object, digest: &digest, people: &sources };
        let objects = ObjectTables::of(&input, &found);
        let last = PatientTables::of(&self.object, &found.statistics);
        let mut patients = found.whole;
        patients.push(Chunk::Here(Box::new(last)));
        Ok(VitalsPartial { objects, patients })
    }
}
