//! The inputs of a run: what the ledger says of them, and what was found in
//! them.
//!
//! Used by [`crate::results::cohort`]. The two must agree: results hold neither more
//! nor less than what the run says it analysed.

use std::collections::BTreeMap;

use crate::rules::quality::{LeftOut, LeftOutCounts};
use polars::prelude::*;

use crate::tables::column::engine;
use crate::tables::objects::ObjectTables;
use sce_study::{AnalysisError, InputOutcome, RunFacts};

/// One input of the run.
pub struct InputRow {
    pub object: String,
    pub outcome: InputOutcome,
    pub reason: Option<String>,
    /// What was found in it, if it was analysed.
    pub content: Option<Content>,
}

/// What was found in an input.
pub struct Content {
    /// The format's name.
    pub format: String,
    pub rows: u64,
    /// Rows that have no place under any vital.
    pub left_out: LeftOutCounts,
    /// Hex SHA-256 of the plaintext.
    pub digest: String,
    /// Those of the tables of people it was read with, blanks between.
    pub people: String,
}

type Contents = BTreeMap<String, Content>;

/// What was found in each object.
fn contents(objects: &ObjectTables) -> PolarsResult<Contents> {
    let text = |name: &str| objects.inputs.column(name)?.str();
    let count = |name: &str| objects.inputs.column(name)?.u64();
    let (objects, digests, formats) = (text("object")?, text("digest")?, text("format")?);
    let people = text("people")?;
    let rows = count("rows")?;
    let left_out = LeftOut::ALL.map(|reason| count(reason.name()));
    let mut contents = Contents::new();
    for (at, object) in objects.iter().enumerate() {
        let get = |column: &StringChunked| column.get(at).unwrap_or_default().to_owned();
        let mut counts = LeftOutCounts::default();
        for (count, column) in counts.iter_mut().zip(&left_out) {
            *count = column.as_ref().map_or(0, |column| column.get(at).unwrap_or(0));
        }
        let content = Content {
            format: get(formats),
            rows: rows.get(at).unwrap_or(0),
            left_out: counts,
            digest: get(digests),
            people: get(people),
        };
        contents.insert(object.unwrap_or_default().to_owned(), content);
    }
    Ok(contents)
}

/// The run's inputs with their content; refuses a partial that holds anything
/// else than what the run says it analysed.
pub fn inputs(facts: &RunFacts, objects: &ObjectTables) -> Result<Vec<InputRow>, AnalysisError> {
    let mut contents = contents(objects).map_err(engine("read merged partial"))?;
    let differ =
        |object: &str, problem| AnalysisError::FactsDiffer { object: object.to_owned(), problem };
    let mut rows = Vec::with_capacity(facts.inputs.len());
    for input in &facts.inputs {
        let content = contents.remove(&input.object);
        match (input.outcome, &content) {
            (InputOutcome::Analyzed, None) => {
                return Err(differ(&input.object, "analysed but in no partial"));
            }
            (InputOutcome::Quarantined | InputOutcome::Failed, Some(_)) => {
                return Err(differ(&input.object, "in a partial but not analysed"));
            }
            _ => {}
        }
        rows.push(InputRow {
            object: input.object.clone(),
            outcome: input.outcome,
            reason: input.reason.clone(),
            content,
        });
    }
    match contents.first_key_value() {
        Some((object, _)) => Err(differ(object, "in a partial but not of this run")),
        None => Ok(rows),
    }
}
