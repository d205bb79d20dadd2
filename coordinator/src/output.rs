//! What `sce` prints: lines for people, or one JSON object a line.

use serde::Serialize;

use crate::cli::Form;

/// Where the results of a command go; progress goes to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) const fn new(form: Form) -> Self {
        Self { form }
    }

    /// Tells people; programs get nothing.
    pub(crate) fn say(self, text: impl std::fmt::Display) {
        if self.form == Form::Text {
            println!("{text}");
        }
    }

    /// Gives a program its object; people get nothing.
    pub(crate) fn emit(self, value: &impl Serialize) {
        if self.form == Form::Json {
            // Our own types always have a JSON form.
            println!("{}", serde_json::to_string(value).unwrap_or_default());
        }
    }
}
