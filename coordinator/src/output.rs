//! What `sce` prints: lines for people, or one JSON object a line.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::cli::Form;
use crate::exit::Exit;

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
            print_line(&text);
        }
    }

    /// Gives a program its object; people get nothing.
    pub(crate) fn emit(self, value: &impl Serialize) {
        if self.form == Form::Json {
            // Our own types always have a JSON form.
            print_line(&serde_json::to_string(value).unwrap_or_default());
        }
    }
}

/// Whoever closed the other end of a pipe wants no more, and the work goes on;
/// on a full disk the caller must learn that the output is not whole.
fn print_line(line: &dyn std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            eprintln!("sce: write standard output: {e}");
            std::process::exit(Exit::Infrastructure as i32);
        }
        _ => {}
    }
}
