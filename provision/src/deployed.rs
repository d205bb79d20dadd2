//! The template as deployed: with a note of the answers that it was rendered
//! from, so that it can be rendered again for comparison.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::answers::Answers;
use crate::stage::Stage;
use crate::template::{Template, TemplateError};

/// Key of the note in the template's metadata.
const NOTE: &str = "sce";

impl Stage {
    /// The whole environment for these answers, without the types that are left
    /// out.
    ///
    /// # Errors
    /// The template in this program is damaged; a test ensures that it is not.
    pub fn deployed(answers: &Answers, left_out: &BTreeSet<String>) -> Result<Self, TemplateError> {
        let template = Template::environment()?.render(answers)?.to_json()?;
        let mut template = Self(template).without(left_out);
        template.0["Metadata"] =
            json!({ NOTE: { "Answers": answers.to_map(), "LeftOut": left_out } });
        Ok(template)
    }

    /// The answers and the types left out, as noted in a deployed template.
    pub fn note(&self) -> Option<(Answers, BTreeSet<String>)> {
        let note = &self.0["Metadata"][NOTE];
        let answers: BTreeMap<String, String> = text_map(&note["Answers"])?;
        let left_out = note["LeftOut"].as_array()?.iter().filter_map(Value::as_str);
        let left_out = left_out.map(str::to_owned).collect();
        Some((Answers::from_map(&answers).ok()?, left_out))
    }
}

fn text_map(of: &Value) -> Option<BTreeMap<String, String>> {
    let entries = of.as_object()?.iter();
    entries.map(|(name, of)| Some((name.clone(), of.as_str()?.to_owned()))).collect()
}
