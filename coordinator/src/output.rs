//! Standard output of `sce`: lines of text, or one JSON object per line.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::cli::Form;
use crate::exit::Exit;

/// Prints the results of a command to standard output; progress goes to
/// standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) const fn new(form: Form) -> Self {
        Self { form }
    }

    /// Prints a line of text; prints nothing if the output is JSON.
    pub(crate) fn say(self, text: impl std::fmt::Display) {
        if self.form == Form::Text {
            print_line(&text);
        }
    }

    /// Prints a value as JSON; prints nothing if the output is text.
    pub(crate) fn emit(self, value: &impl Serialize) {
        if self.form == Form::Json {
            // Our own types always have a JSON form.
            print_line(&serde_json::to_string(value).unwrap_or_default());
        }
    }
}

/// Prints one line and flushes it. Exits if standard output cannot be written.
fn print_line(line: &dyn std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // A closed pipe only means that the reader has seen enough, as with `head`: the command
        // continues. On a full disk the caller must learn that the output is incomplete.
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            eprintln!("sce: write standard output: {e}");
            std::process::exit(Exit::Infrastructure as i32);
        }
        _ => {}
    }
}
