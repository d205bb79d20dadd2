//! A second kind of analysis, as a newcomer would add one: `lines/1` counts the
//! lines of a run. Together with its entry in the table, this file is all of it.

use sce_study::{
    AnalysisEntry, AnalysisError, Content, Defect, Deliverable, Release, RunFacts, TypedAnalysis,
    TypedObject, erase,
};

/// Its entry in the table of analyses.
pub const LINES: AnalysisEntry = AnalysisEntry::new("lines/1", |_, _| Ok(erase(Lines)));

#[derive(Clone)]
struct Lines;

/// Lines of one object, so far.
struct ObjectLines(u64);

impl TypedObject for ObjectLines {
    type Partial = u64;
    type Defect = Defect;

    fn push(&mut self, plaintext: &[u8]) -> Result<(), Defect> {
        self.0 += plaintext.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(())
    }

    fn finish(self) -> Result<(u64, u64), Defect> {
        Ok((self.0, self.0))
    }
}

impl TypedAnalysis for Lines {
    type Object = ObjectLines;
    type Partial = u64;

    fn begin(&self, _object: &str) -> ObjectLines {
        ObjectLines(0)
    }

    fn merge(&self, parts: Vec<u64>) -> Result<u64, AnalysisError> {
        Ok(parts.into_iter().sum())
    }

    fn encode(&self, partial: &u64) -> Result<Vec<u8>, AnalysisError> {
        Ok(partial.to_le_bytes().to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<u64, AnalysisError> {
        let bytes = bytes.try_into().map_err(|_| AnalysisError::damaged("it is no count"))?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn deliver(&self, facts: &RunFacts, merged: u64) -> Result<Vec<Deliverable>, AnalysisError> {
        let text = format!("{merged} lines in {} objects\n", facts.inputs.len());
        Ok(vec![Deliverable {
            name: "lines.txt".to_owned(),
            release: Release::MayLeave,
            content: Content::Bytes(text.into_bytes()),
        }])
    }
}
