//! An analysis that is small enough to run thousands of times: it records each
//! object's length and the sum of its bytes. Counting an object twice is an
//! error.

use std::collections::BTreeMap;
use std::fmt::Write;

use sce_study::{
    AnalysisEntry, AnalysisError, Defect, Deliverable, RunFacts, TypedAnalysis, TypedObject, erase,
};

/// Its entry in the table of analyses.
pub const TOY: AnalysisEntry = AnalysisEntry::new("toy/1", |_, _| Ok(erase(Toy)));

#[derive(Clone)]
struct Toy;

pub struct ToyReader {
    object: String,
    length: u64,
    sum: u64,
}

pub type Partial = BTreeMap<String, (u64, u64)>;

impl TypedObject for ToyReader {
    type Partial = Partial;
    type Defect = Defect;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.length += plaintext.len() as u64;
        self.sum += plaintext.iter().map(|b| u64::from(*b)).sum::<u64>();
        Ok(())
    }

    fn finish(self) -> Result<(Partial, u64), Defect> {
        if self.length == 0 {
            return Err(Defect::permanent("empty", "the object is empty"));
        }
        Ok((BTreeMap::from([(self.object, (self.length, self.sum))]), self.length))
    }
}

impl TypedAnalysis for Toy {
    type Object = ToyReader;
    type Partial = Partial;

    fn begin(&self, object: &str) -> ToyReader {
        ToyReader { object: object.to_owned(), length: 0, sum: 0 }
    }

    fn merge(&self, parts: Vec<Partial>) -> Result<Partial, AnalysisError> {
        let mut merged = Partial::new();
        for (object, facts) in parts.into_iter().flatten() {
            if merged.insert(object.clone(), facts).is_some() {
                return Err(AnalysisError::ObjectTwice { object });
            }
        }
        Ok(merged)
    }

    fn encode(&self, partial: &Partial) -> Result<Vec<u8>, AnalysisError> {
        serde_json::to_vec(partial).map_err(|_| AnalysisError::damaged("json"))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Partial, AnalysisError> {
        serde_json::from_slice(bytes).map_err(|_| AnalysisError::damaged("json"))
    }

    fn deliver(
        &self,
        facts: &RunFacts,
        merged: Partial,
    ) -> Result<Vec<Deliverable>, AnalysisError> {
        let mut text = String::new();
        for input in &facts.inputs {
            let _ = writeln!(text, "{} {}", input.object, input.outcome.name());
        }
        for (object, (length, sum)) in merged {
            let _ = writeln!(text, "{object} {length} {sum}");
        }
        Ok(vec![Deliverable::stays("result.txt", text.into_bytes())])
    }
}
