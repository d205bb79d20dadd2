//! Runs the analysis over texts, as the work loop does.

use std::collections::BTreeMap;
use std::io::Read;

use sce_study::{Deliverable, InputFact, InputOutcome, RunFacts, TypedAnalysis, TypedObject};
use sce_vitals::Defect;
use sce_vitals::settings::{Format, VitalsSettings};
use sce_vitals::{VitalsAnalysis, VitalsPartial};

pub const HEADER: &str = "date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI,BaseE,TPain,DK,sum BaseE,sum TPain,sum DK\n";

/// The analysis of wide files.
pub fn analysis() -> VitalsAnalysis {
    analysis_of(&VitalsSettings { format: Format::Wide, ..VitalsSettings::default() })
}

pub fn analysis_of(settings: &VitalsSettings) -> VitalsAnalysis {
    VitalsAnalysis::new(settings, std::env::temp_dir())
}

/// Reads one object in chunks of the given size.
pub fn read(object: &str, bytes: &[u8], chunk: usize) -> Result<VitalsPartial, Defect> {
    let mut reader = analysis().begin(object);
    for piece in bytes.chunks(chunk) {
        reader.push(piece)?;
    }
    Ok(reader.finish()?.0)
}

pub fn partial(object: &str, text: &str) -> VitalsPartial {
    read(object, text.as_bytes(), usize::MAX).unwrap()
}

/// A wide file of some rows.
pub fn file<R: AsRef<str>>(rows: &[R]) -> String {
    rows.iter().fold(HEADER.to_owned(), |text, row| text + row.as_ref() + "\n")
}

pub fn analyzed(objects: &[&str]) -> RunFacts {
    let input = |object: &&str| InputFact {
        object: (*object).to_owned(),
        outcome: InputOutcome::Analyzed,
        reason: None,
    };
    let mut inputs: Vec<InputFact> = objects.iter().map(input).collect();
    inputs.sort_by(|a, b| a.object.cmp(&b.object));
    RunFacts { run: "run-7f3a".to_owned(), inputs }
}

/// Result files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

pub fn files(deliverables: Vec<Deliverable>) -> Files {
    let read = |one: Deliverable| {
        let mut bytes = Vec::new();
        one.content.open().unwrap().read_to_end(&mut bytes).unwrap();
        (one.name, bytes)
    };
    deliverables.into_iter().map(read).collect()
}

/// The results of one object.
pub fn deliver(text: &str) -> Files {
    files(analysis().deliver(&analyzed(&["a.csv"]), partial("a.csv", text)).unwrap())
}

pub fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

/// A CSV document as rows of fields.
pub fn table(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The field of a patients.csv row.
pub fn field(table: &[Vec<String>], patient: &str, vital: &str, column: &str) -> String {
    let at = table[0].iter().position(|name| name == column).unwrap();
    let row = table.iter().find(|row| row[0] == patient && row[1] == vital).unwrap();
    row[at].clone()
}
