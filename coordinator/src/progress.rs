//! Progress of a long step on standard error: a bar on a terminal, plain
//! lines otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shortest time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows a count that grows up to a total.
pub(crate) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    plain: bool,
    last_line: Option<Instant>,
    last_count: u64,
    last_details: String,
}

impl Progress {
    /// Creates a progress display of `what` (a plural) up to `total`.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        Self::with(what, total, "{bar:30} {human_pos} of {human_len} {msg} [{elapsed}, {eta} left]")
    }

    /// The same with lines of details below it, which contain the time left.
    pub(crate) fn detailed(what: &'static str, total: u64) -> Self {
        Self::with(what, total, "{bar:30} {human_pos} of {human_len} {msg}")
    }

    fn with(what: &'static str, total: u64, template: &str) -> Self {
        // In a log file or a pipe, a bar would leave control characters: draw nothing and print
        // lines instead.
        let plain = !std::io::stderr().is_terminal();
        let target =
            if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        let last_details = String::new();
        Self { bar, what, plain, last_line: None, last_count: 0, last_details }
    }

    /// Sets the count.
    pub(crate) fn set(&mut self, count: u64) {
        self.bar.set_position(count);
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY);
        if self.plain && due && count != self.last_count {
            self.last_line = Some(Instant::now());
            self.last_count = count;
            eprintln!("{count} of {} {}", self.bar.length().unwrap_or(0), self.what);
        }
    }

    /// Sets the count and the details.
    pub(crate) fn set_with(&mut self, count: u64, details: &[String]) {
        self.bar.set_position(count);
        let (elapsed, lines) = (self.bar.elapsed(), details.join("\n"));
        self.bar.set_message(format!("{} [{elapsed:.0?}]\n{lines}", self.what));
        let details = details.join(", ");
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY);
        // An unchanged line is not repeated: a run may wait for hours.
        if self.plain && due && (count, &details) != (self.last_count, &self.last_details) {
            self.last_line = Some(Instant::now());
            self.last_count = count;
            eprintln!("{count} of {} {}: {details}", self.bar.length().unwrap_or(0), self.what);
            self.last_details = details;
        }
    }

    /// Removes the bar at the end of the step.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
