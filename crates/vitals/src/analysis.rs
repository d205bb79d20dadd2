//! `vitals/1` as an analysis: objects in, deliverables out.
//!
//! Used by the agent, through [`sce_study`]. Bytes become readings in
//! [`crate::formats`], readings become exact sums in [`crate::rules`], sums
//! become small tables ([`crate::tables`]) that merge, and the merged tables
//! become the deliverables ([`crate::outputs`]). The content of a row must never
//! reach an error, a log or anything but deliverables and partials.

use std::path::PathBuf;
use std::sync::Arc;

use sce_study::{
    AnalysisEntry, AnalysisError, Content, Deliverable, Release, RunFacts, TypedAnalysis,
    TypedObject, erase,
};
use sha2::{Digest, Sha256};

use crate::bytes::unpack::Unpack;
use crate::defect::Defect;
use crate::formats::long::Codes;
use crate::formats::people::PeopleReader;
use crate::formats::read_rules::ReadRules;
use crate::input::Input;
use crate::outputs::patient_files::PatientFiles;
use crate::outputs::{csv_files, effects_csv, export, report, summary};
use crate::partial::vitals_partial::VitalsPartial;
use crate::partial::{codec, merge};
use crate::results::cohort::{Cohort, Survey};
use crate::results::inputs;
use crate::rules::people::People;
use crate::settings::{NAME, VitalsSettings};
use crate::spill::patients::Patients;
use crate::spill::ranges::Ranges;
use crate::tables::objects::{InputFacts, ObjectTables};
use crate::tables::patients::PatientTables;

/// The entry of this analysis in the table of analyses.
pub const ANALYSIS: AnalysisEntry = AnalysisEntry::new(NAME, |settings, scratch| {
    let settings = VitalsSettings::parse(settings)?;
    Ok(erase(VitalsAnalysis::new(&settings, scratch.to_owned())))
});

/// The vitals analysis with the settings of a run.
#[derive(Debug, Clone)]
pub struct VitalsAnalysis {
    rules: ReadRules,
}

impl VitalsAnalysis {
    /// Creates the analysis; temporary files go to the directory `scratch`.
    #[must_use]
    pub fn new(settings: &VitalsSettings, scratch: PathBuf) -> Self {
        Self {
            rules: ReadRules {
                format: settings.format,
                ranges: settings.plausible_ranges(),
                codes: Arc::new(Codes::of(settings)),
                people: Arc::default(),
                scratch,
            },
        }
    }
}

impl TypedAnalysis for VitalsAnalysis {
    type Object = VitalsObject;
    type Partial = VitalsPartial;

    /// Reads a table of people.
    fn add_side_input(&mut self, content: &[u8]) -> Result<(), sce_study::Defect> {
        // A clone only if an object still shares the table: it may have millions of rows.
        let people = std::mem::take(&mut self.rules.people);
        let mut reader = PeopleReader::new(Arc::unwrap_or_clone(people));
        reader.push(content)?;
        self.rules.people = Arc::new(reader.finish()?);
        Ok(())
    }

    fn begin(&self, object: &str) -> VitalsObject {
        VitalsObject {
            object: object.to_owned(),
            digest: Sha256::new(),
            input: Unpack::new(Input::new(object, self.rules.clone())),
            people: self.rules.people.clone(),
        }
    }

    fn merge(&self, parts: Vec<VitalsPartial>) -> Result<VitalsPartial, AnalysisError> {
        merge::merge(parts, &self.rules.scratch)
    }

    fn encode(&self, partial: &VitalsPartial) -> Result<Vec<u8>, AnalysisError> {
        codec::encode(partial, &self.rules.scratch)
    }

    fn decode(&self, bytes: &[u8]) -> Result<VitalsPartial, AnalysisError> {
        codec::decode(bytes, &self.rules.scratch)
    }

    fn deliver(
        &self,
        facts: &RunFacts,
        merged: VitalsPartial,
    ) -> Result<Vec<Deliverable>, AnalysisError> {
        let (scratch, plausible) = (&self.rules.scratch, &self.rules.ranges);
        let VitalsPartial { objects, patients } = merged;
        let inputs = inputs::inputs(facts, &objects)?;
        let ranges = Ranges::of(&patients, scratch)?;
        // Frees the patients in memory: from here on they come from the ranges.
        drop(patients);
        // Two passes: a q-value and a regression depend on all patients.
        let mut survey = Survey::new();
        for tables in ranges.load_each() {
            survey.take(&tables?)?;
        }
        let mut cohort = Cohort::new(survey);
        let mut files = PatientFiles::new(scratch)?;
        for tables in ranges.load_each() {
            let tables = tables?;
            let (rows, derived) = cohort.take(&tables)?;
            files.write(&rows, &derived)?;
        }
        let results = cohort.finish(facts, inputs, &objects)?;
        let mut all = Vec::from(files.finish()?);
        all.extend([
            Deliverable::stays("effects.csv", effects_csv::effects_csv(&results.associations)?),
            Deliverable::stays("rules.csv", effects_csv::rules_csv(&results.associations)?),
            Deliverable::stays("cohort.csv", csv_files::cohort_csv(&results)?),
            Deliverable {
                name: "cohort_export.csv".to_owned(),
                release: Release::MayLeave,
                content: Content::Bytes(export::export_csv(&results)?),
            },
            Deliverable::stays("quality.csv", csv_files::quality_csv(&results)?),
            Deliverable::stays("objects.csv", csv_files::objects_csv(&results)?),
            Deliverable::stays("summary.json", summary::json(&results, plausible)?),
            Deliverable::stays("report.html", report::html(&results, plausible).into_bytes()),
        ]);
        Ok(all)
    }
}

/// Reads one object: its digest and its readings.
pub struct VitalsObject {
    object: String,
    digest: Sha256,
    input: Unpack<Input>,
    people: Arc<People>,
}

impl TypedObject for VitalsObject {
    type Partial = VitalsPartial;
    type Defect = Defect;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        // Of the object as it is stored, so that anyone can recompute it.
        self.digest.update(plaintext);
        self.input.push(plaintext)
    }

    fn finish(self) -> Result<(VitalsPartial, u64), Defect> {
        let read = self.input.finish()?.finish()?;
        let input = InputFacts {
            object: &self.object,
            digest: &hex::encode(self.digest.finalize()),
            people: &self.people.sources().join(" "),
            format: read.kind.name(),
            rows: read.rows,
        };
        // The patients that are still in memory; the others were spilled.
        let objects = ObjectTables::of(&input, &read.statistics);
        let last = PatientTables::of(&self.object, &read.statistics);
        let mut patients = read.complete;
        patients.push(Patients::InMemory(Box::new(last)));
        Ok((VitalsPartial { objects, patients }, read.rows))
    }
}
