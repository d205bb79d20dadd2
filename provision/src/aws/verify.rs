//! Compares the deployed environment with the template, control by control.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::answers::Answers;
use crate::aws::account::{Account, AccountError, Answer};
use crate::aws::stack::Stack;
use crate::expect::{Names, Resource, expect};
use crate::judge::{Line, Live, judge};
use crate::stage::{LogicalId, Stage};

/// States of an idle stack; whether its resources are right is checked
/// separately.
const WHOLE: [&str; 4] =
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"];

impl Account {
    /// Returns one line for each control. `progress` receives the name of each
    /// resource.
    ///
    /// # Errors
    /// There is no stack, `sce` did not deploy it, or AWS does not answer.
    pub async fn verify(&self, stack: &Stack, progress: &mut dyn FnMut(&str)) -> Answer<Vec<Line>> {
        let deployed = self.template().await?;
        let Some((answers, left_out)) = deployed.note() else {
            let cause = "it was not deployed by `sce env up`, or only partly: run that again";
            return Err(AccountError::new("verify stack", self.place.stack(), cause));
        };
        let refused = |e: crate::template::TemplateError| {
            AccountError::new("verify stack", self.place.stack(), e.to_string())
        };
        // On AWS nothing may be left out, whatever the note in the template
        // says.
        let left_out = if self.is_emulated() { left_out } else { BTreeSet::new() };
        let template = Stage::deployed(&answers, &left_out).map_err(refused)?;
        let ids = self.resources().await?;
        let names = Names { place: &self.place, parameters: &stack.parameters, ids: &ids };
        let mut expected = expect(&template, &names);
        if left_out.contains("AWS::Config::ConfigurationRecorder") {
            expected.remove("recorder");
        }
        let mut live = self.live(&expected, progress).await;
        // The note and descriptions may differ: a newer `sce` may word them
        // differently.
        let same = ["Resources", "Outputs"].iter().all(|of| deployed.0[of] == template.0[of]);
        add_stack(stack, &answers, same, &mut expected, &mut live);
        Ok(judge(&expected, &live, &left_out))
    }
}

/// Adds the stack's own checks. The answers and who accepted the addendum are
/// shown because only a reader can judge whether they are right.
fn add_stack(
    stack: &Stack,
    answers: &Answers,
    ours: bool,
    expected: &mut BTreeMap<LogicalId, Resource>,
    live: &mut BTreeMap<LogicalId, Live>,
) {
    let accepted = stack.outputs.get("BaaAccepted").map(|of| of.trim()).unwrap_or_default();
    let whole = WHOLE.contains(&stack.status.as_str());
    let template = if ours { "ours" } else { "different; `sce env up` shows the differences" };
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
