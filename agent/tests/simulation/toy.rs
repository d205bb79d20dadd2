//! A study small enough to run thousands of times: it notes each object's
//! length and sum of bytes. An object counted twice is an error, not a number.

use std::collections::BTreeMap;
use std::fmt::Write;

use agent::study::{Content, Defect, Deliverable, ObjectReader, RunFacts, Study, StudyError};
use sce_core::study::StudySettings;
use sce_core::vitals::People;
use std::sync::Arc;

pub struct Toy;

pub struct ToyReader {
    object: String,
    length: u64,
    sum: u64,
}

pub type Partial = BTreeMap<String, (u64, u64)>;

impl ObjectReader for ToyReader {
    type Partial = Partial;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.length += plaintext.len() as u64;
        self.sum += plaintext.iter().map(|b| u64::from(*b)).sum::<u64>();
        Ok(())
    }

    fn finish(self) -> Result<Partial, Defect> {
        if self.length == 0 {
            return Err(Defect::Empty);
        }
        Ok(BTreeMap::from([(self.object, (self.length, self.sum))]))
    }
}

impl Study for Toy {
    type Reader = ToyReader;
    type Partial = Partial;

    fn with_settings(&self, _: &StudySettings, _: Arc<People>) -> Result<Self, StudyError> {
        Ok(Self)
    }

    fn begin(&self, object: &str) -> ToyReader {
        ToyReader { object: object.to_owned(), length: 0, sum: 0 }
    }

    fn merge(&self, parts: Vec<Partial>) -> Result<Partial, StudyError> {
        let mut merged = Partial::new();
        for (object, facts) in parts.into_iter().flatten() {
            if merged.insert(object.clone(), facts).is_some() {
                return Err(StudyError::ObjectTwice { object });
            }
        }
        Ok(merged)
    }

    fn rows(&self, partial: &Partial) -> u64 {
        partial.values().map(|(length, _)| length).sum()
    }

    fn encode(&self, partial: &Partial) -> Result<Vec<u8>, StudyError> {
        serde_json::to_vec(partial).map_err(|_| StudyError::Damaged("json"))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Partial, StudyError> {
        serde_json::from_slice(bytes).map_err(|_| StudyError::Damaged("json"))
    }

    fn deliver(&self, facts: &RunFacts, merged: Partial) -> Result<Vec<Deliverable>, StudyError> {
        let mut text = String::new();
        for input in &facts.inputs {
            let _ = writeln!(text, "{} {}", input.object, input.outcome.name());
        }
        for (object, (length, sum)) in merged {
            let _ = writeln!(text, "{object} {length} {sum}");
        }
        Ok(vec![Deliverable { name: "result.txt", content: Content::Bytes(text.into_bytes()) }])
    }
}
