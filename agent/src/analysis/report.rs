//! `report.html`: the run for people.
//!
//! Used by delivery. One page, nothing fetched, no script; it must stay
//! readable printed and in dark mode. Every cell's number comes from
//! [`Results`]; this module only lays out.

use super::inputs::InputRow;
use super::partial::{BAND_COUNTS, QUALITY_CHECKS};
use super::results::Results;
use super::summary::{NEWS2_NOTE, RESOLUTION_NOTE};
use super::tables::{cohort_lines, percent};
use crate::study::InputOutcome;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sce_core::vitals::{LeftOut, PlausibleRanges};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --soft: #5b6470; --line: #d5dae1; --warn: #9a3412; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --soft: #9aa4b2; --line: #323943; --warn: #fdba74; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2rem; }
p.soft, caption, footer { color: var(--soft); font-size: .875rem; text-align: left; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; } .warn { color: var(--warn); font-weight: 600; }
code { overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
";

/// The page.
pub fn html(results: &Results, ranges: &PlausibleRanges) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Vitals report, run " (results.run) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Vitals report" }
                    p.soft { "Run " code { (results.run) } }
                    p { (overview(results)) }
                }
                main {
                    (cohort(results, ranges))
                    (bands(results))
                    (quality(results))
                    (inputs(&results.inputs))
                }
                footer { p { "For research. " (RESOLUTION_NOTE) "." } }
            }
        }
    };
    page.into_string()
}

fn overview(results: &Results) -> String {
    let analysed = results.inputs.iter().filter(|i| i.outcome == InputOutcome::Analysed).count();
    let rows: u64 = results.inputs.iter().filter_map(|i| i.content.as_ref()).map(|c| c.rows).sum();
    format!(
        "{} patients, {rows} rows; {analysed} of {} inputs analysed.",
        results.patients,
        results.inputs.len()
    )
}

fn cohort(results: &Results, ranges: &PlausibleRanges) -> Markup {
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    html! {
        section {
            h2 { "Cohort" }
            div.wide { table {
                caption {
                    "All measurements of all patients; values outside the plausible range (profile "
                    (ranges.profile()) ") are left out."
                }
                thead { tr {
                    th scope="col" { "Variable" } th scope="col" { "Statistic" }
                    th.n scope="col" { "n" } th.n scope="col" { "Missing" } th.n scope="col" { "Value" }
                } }
                tbody {
                    @for line in cohort_lines(results) {
                        tr {
                            th scope="row" { (line.variable) } td { (line.statistic) }
                            td.n { (count(line.n)) } td.n { (count(line.missing)) } td.n { (line.value) }
                        }
                    }
                }
            } }
        }
    }
}

fn bands(results: &Results) -> Markup {
    let complete = results.bands[0];
    html! {
        section {
            h2 { "NEWS2 bands (partial)" }
            p.soft { (NEWS2_NOTE) "." }
            div.wide { table {
                caption { (complete) " complete sets" }
                thead { tr { th scope="col" { "Band" } th.n scope="col" { "Sets" } th.n scope="col" { "%" } } }
                tbody {
                    @for (band, count) in BAND_COUNTS.iter().zip(results.bands).skip(1) {
                        tr { th scope="row" { (band.replace('_', "-")) } td.n { (count) } td.n { (percent(count, complete)) } }
                    }
                }
            } }
        }
    }
}

fn quality(results: &Results) -> Markup {
    let of_vital = |vital, check: usize| -> u64 {
        results.quality.iter().filter(|row| row.vital == vital).map(|row| row.counts[check]).sum()
    };
    html! {
        section {
            h2 { "Data quality" }
            div.wide { table {
                caption { "Totals per vital; quality.csv has them per object." }
                thead { tr {
                    th scope="col" { "Vital" }
                    @for check in QUALITY_CHECKS { th.n scope="col" { (check.replace('_', " ")) } }
                } }
                tbody {
                    @for row in &results.cohort {
                        tr {
                            th scope="row" { (row.vital.name()) }
                            @for check in 0..QUALITY_CHECKS.len() { td.n { (of_vital(row.vital, check)) } }
                        }
                    }
                }
            } }
        }
    }
}

fn inputs(inputs: &[InputRow]) -> Markup {
    html! {
        section {
            h2 { "Inputs" }
            div.wide { table {
                caption { "Rows left out have no place under any vital; those of other codes are no fault." }
                thead { tr {
                    th scope="col" { "Object" } th scope="col" { "Outcome" }
                    th scope="col" { "Format" } th.n scope="col" { "Rows" }
                    @for reason in LeftOut::ALL { th.n scope="col" { (reason.name().replace('_', " ")) } }
                    th scope="col" { "SHA-256 or reason" }
                } }
                tbody { @for input in inputs { (input_line(input)) } }
            } }
        }
    }
}

fn input_line(input: &InputRow) -> Markup {
    let analysed = input.outcome == InputOutcome::Analysed;
    html! {
        tr {
            th scope="row" { (input.object) }
            td { span.warn[!analysed] { (input.outcome.name()) } }
            @match &input.content {
                Some(content) => {
                    td { (content.format) } td.n { (content.rows) }
                    @for count in content.left_out { td.n { (count) } }
                    td { code { (content.digest) } }
                }
                None => {
                    td { "–" } td.n { "–" }
                    @for _ in LeftOut::ALL { td.n { "–" } }
                    td { (input.reason.as_deref().unwrap_or("no reason given")) }
                }
            }
        }
    }
}
