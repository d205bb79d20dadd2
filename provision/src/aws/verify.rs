//! The environment as it lives, control by control.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::answers::Answers;
use crate::aws::account::{Account, AccountError, Answer};
use crate::aws::stack::Stack;
use crate::expect::{Names, Resource, expect};
use crate::judge::{Line, Live, judge};
use crate::stage::{LogicalId, Stage};

/// States of a stack that rests; what it consists of is another question.
const WHOLE: [&str; 4] =
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"];

impl Account {
    /// One line for each control. `tell` learns what is being read.
    ///
    /// # Errors
    /// There is no stack, it is not ours, or the account does not answer.
    pub async fn verify(&self, stack: &Stack, tell: &mut dyn FnMut(&str)) -> Answer<Vec<Line>> {
        let deployed = self.template().await?;
        let Some((answers, left_out)) = deployed.note() else {
            let cause = "it was not deployed by `sce env up`, or only in part: run that again";
            return Err(AccountError::new("verify stack", self.place.stack(), cause));
        };
        let refused = |e: crate::template::TemplateError| {
            AccountError::new("verify stack", self.place.stack(), e.to_string())
        };
        // On AWS nothing may be left out, whatever somebody wrote into the note.
        let left_out = if self.is_emulated() { left_out } else { BTreeSet::new() };
        let template = Stage::deployed(&answers, &left_out).map_err(refused)?;
        let ids = self.resources().await?;
        let names = Names { place: &self.place, parameters: &stack.parameters, ids: &ids };
        let mut expected = expect(&template, &names);
        if left_out.contains("AWS::Config::ConfigurationRecorder") {
            expected.remove("recorder");
        }
        let mut live = self.live(&expected, tell).await;
        // Not its note or descriptions: a newer `sce` may word them otherwise.
        let same = ["Resources", "Outputs"].iter().all(|of| deployed.0[of] == template.0[of]);
        add_stack(stack, &answers, same, &mut expected, &mut live);
        Ok(judge(&expected, &live, &left_out))
    }
}

/// What is asked of the stack itself. Its answers are shown, for nothing else
/// tells whether they are the right ones, and who accepted the addendum.
fn add_stack(
    stack: &Stack,
    answers: &Answers,
    ours: bool,
    expected: &mut BTreeMap<LogicalId, Resource>,
    live: &mut BTreeMap<LogicalId, Live>,
) {
    let accepted = stack.outputs.get("BaaAccepted").map(|of| of.trim()).unwrap_or_default();
    let whole = WHOLE.contains(&stack.status.as_str());
    let template = if ours { "ours" } else { "another one; `sce env up` shows what differs" };
    let mut add = |name: &str, kind: &str, wanted, found| {
        let resource = Resource { kind: kind.to_owned(), id: None, properties: wanted };
        expected.insert(name.to_owned(), resource);
        live.insert(name.to_owned(), Live::There(found));
    };
    let answers: Vec<String> =
        answers.to_map().into_iter().map(|(name, of)| format!("{name} {of}")).collect();
    add(
        &format!("stack of {}", answers.join(", ")),
        "sce::Stack",
        json!({ "Status": "whole", "Template": "ours" }),
        json!({ "Status": if whole { "whole" } else { &stack.status }, "Template": template }),
    );
    let name = format!("accepted by {accepted}");
    let found = json!({ "Accepted": !accepted.is_empty() });
    add(&name, "sce::Addendum", json!({ "Accepted": true }), found);
}
