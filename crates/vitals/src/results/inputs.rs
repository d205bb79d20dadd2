//! The inputs of a run: their outcomes in the ledger, and their content.
//!
//! Used by [`crate::results::cohort`]. The two must agree: results must hold exactly the objects
//! that the run analyzed.

use std::collections::BTreeMap;

use sce_study::{AnalysisError, InputOutcome, RunFacts};

use crate::rules::quality::LeftOutCounts;
use crate::tables::objects::{InputRow, ObjectTables};
use crate::tables::rows::Row;

/// One input of the run.
pub struct RunInput {
    pub object: String,
    pub outcome: InputOutcome,
    pub reason: Option<String>,
    /// Its content, if it was analyzed.
    pub content: Option<Content>,
}

/// The content of an input.
pub struct Content {
    /// The format's name.
    pub format: String,
    pub rows: u64,
    /// Rows that belong to no vital.
    pub left_out: LeftOutCounts,
    /// Hex SHA-256 of the plaintext.
    pub digest: String,
    /// Hex SHA-256 of each table of people with which it was read, separated by blanks.
    pub people: String,
}

type Contents = BTreeMap<String, Content>;

/// Returns the content of each object.
fn contents(objects: &ObjectTables) -> Result<Contents, AnalysisError> {
    let rows = InputRow::read(&objects.inputs)?.into_iter();
    let content = |row: InputRow<'_>| Content {
        format: row.format.to_owned(),
        rows: row.rows,
        left_out: row.left_out,
        digest: row.digest.to_owned(),
        people: row.people.to_owned(),
    };
    Ok(rows.map(|row| (row.object.to_owned(), content(row))).collect())
}

/// Returns the run's inputs with their content. Refuses a partial whose objects are not exactly
/// those that the run analyzed.
pub fn inputs(facts: &RunFacts, objects: &ObjectTables) -> Result<Vec<RunInput>, AnalysisError> {
    let mut contents = contents(objects)?;
    let differ =
        |object: &str, problem| AnalysisError::FactsDiffer { object: object.to_owned(), problem };
    let mut rows = Vec::with_capacity(facts.inputs.len());
    for input in &facts.inputs {
        let content = contents.remove(&input.object);
        match (input.outcome, &content) {
            (InputOutcome::Analyzed, None) => {
                return Err(differ(&input.object, "analyzed but in no partial"));
            }
            (InputOutcome::Quarantined | InputOutcome::Failed, Some(_)) => {
                return Err(differ(&input.object, "in a partial but not analyzed"));
            }
            _ => {}
        }
        rows.push(RunInput {
            object: input.object.clone(),
            outcome: input.outcome,
            reason: input.reason.clone(),
            content,
        });
    }
    // Only objects that the run does not name are left.
    match contents.first_key_value() {
        Some((object, _)) => Err(differ(object, "in a partial but not of this run")),
        None => Ok(rows),
    }
}
