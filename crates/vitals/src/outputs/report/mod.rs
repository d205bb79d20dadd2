//! `report.html`: the results of the run, for human readers.
//!
//! Used by delivery. It is one page, must fetch nothing and have no script, and must be readable
//! in print and in dark mode. Every number comes from [`Results`]; this module only lays them
//! out.

mod figures;

use crate::outputs::chart;
use crate::outputs::csv_files::{cohort_lines, percent, rounded};
use crate::outputs::summary::{RESOLUTION_NOTE, news2_note};
use crate::results::cohort::Results;
use crate::results::inputs::RunInput;
use crate::rules::news2::BandCounts;
use crate::rules::quality::LeftOut;
use crate::rules::quality::QualityCounts;
use crate::rules::range::PlausibleRanges;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sce_study::InputOutcome;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --soft: #5b6470; --line: #d5dae1; --warn: #9a3412; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --soft: #9aa4b2; --line: #323943; --warn: #fdba74; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2rem; }
p.soft, caption, footer { color: var(--soft); font-size: .875rem; text-align: left; }
.wide { overflow-x: auto; } .chart { margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; } .warn { color: var(--warn); font-weight: 600; }
code { overflow-wrap: anywhere; font-size: .75em; font-weight: normal; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  .wide { overflow: visible; } table { font-size: 8pt; } th, td { padding-right: .4rem; } }
";

/// The most objects that are listed to look at.
const LOOK_AT_MAX: usize = 10;

/// Returns the page.
pub fn html(results: &Results, ranges: &PlausibleRanges) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Vitals report, run " (results.run) }
                style { (PreEscaped(STYLE)) (PreEscaped(chart::STYLE)) }
            }
            body {
                header {
                    h1 { "Vitals report" }
                    p.soft { "Run " code { (results.run) } }
                    p { (overview(results)) }
                }
                main {
                    (cohort(results, ranges))
                    (figures::histograms(results, ranges))
                    (bands(results))
                    (figures::categories(results))
                    (figures::trends(results))
                    (effects(results))
                    (quality(results))
                    (objects_to_look_at(results))
                    (inputs(&results.inputs))
                }
                footer { p { "For research. " (RESOLUTION_NOTE) "." } }
            }
        }
    };
    page.into_string()
}

fn overview(results: &Results) -> String {
    let analyzed = results.inputs.iter().filter(|i| i.outcome == InputOutcome::Analyzed).count();
    let rows: u64 = results.inputs.iter().filter_map(|i| i.content.as_ref()).map(|c| c.rows).sum();
    format!(
        "{} patients, {rows} rows; {analyzed} of {} inputs analyzed.",
        results.counts.patients,
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
    let complete = results.counts.bands[0];
    html! {
        section {
            h2 { "NEWS2 bands (partial)" }
            p.soft { (news2_note(results)) "." }
            (figures::bands_over_time(results))
            div.wide { table {
                caption { (complete) " complete sets" }
                thead { tr { th scope="col" { "Band" } th.n scope="col" { "Sets" } th.n scope="col" { "%" } } }
                tbody {
                    @for (band, count) in BandCounts::NAMES.iter().zip(results.counts.bands).skip(1) {
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
    let is_checked = |(_, name): &(usize, &str)| results.is_checked(name);
    html! {
        section {
            h2 { "Data quality" }
            div.wide { table {
                caption { "Totals per vital; quality.csv has them per object." }
                thead { tr {
                    th scope="col" { "Check" }
                    @for row in &results.cohort {
                        th.n scope="col" { (row.vital.name().replace('_', " ")) }
                    }
                } }
                tbody {
                    @for (check, name) in QualityCounts::NAMES.into_iter().enumerate().filter(is_checked) {
                        tr {
                            th scope="row" { (name.replace('_', " ")) }
                            @for row in &results.cohort { td.n { (of_vital(row.vital, check)) } }
                        }
                    }
                }
            } }
        }
    }
}

/// Lists the objects with the largest share of findings (all checks but `values`).
fn objects_to_look_at(results: &Results) -> Markup {
    let mut objects: Vec<(&str, u64, u64)> = Vec::new();
    for of_object in results.quality.chunk_by(|a, b| a.object == b.object) {
        let findings = of_object.iter().flat_map(|row| &row.counts[1..]).sum();
        let values = of_object.iter().map(|row| row.counts[0]).sum();
        objects.push((&of_object[0].object, findings, values));
    }
    objects.retain(|(_, findings, _)| *findings > 0);
    // By share, so that large objects do not fill the list.
    let share =
        |(_, findings, values): &(&str, u64, u64)| *findings as f64 / (*findings + *values) as f64;
    // Ties by name, so that the same results give the same page.
    objects.sort_by(|a, b| share(b).total_cmp(&share(a)).then(a.0.cmp(b.0)));
    html! {
        section {
            h2 { "Objects to look at" }
            @if objects.is_empty() {
                p { "No check found anything." }
            } @else {
                div.wide { table {
                    caption { "Those with the most findings for their size, " (LOOK_AT_MAX) " at most." }
                    thead { tr {
                        th scope="col" { "Object" } th.n scope="col" { "Findings" }
                        th.n scope="col" { "Values analyzed" }
                    } }
                    tbody {
                        @for (object, findings, values) in objects.iter().take(LOOK_AT_MAX) {
                            tr {
                                th scope="row" { (object) } td.n { (findings) } td.n { (values) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Shows the outcome columns; nothing without them.
fn effects(results: &Results) -> Markup {
    let rules = &results.associations.rules;
    let fits = results.associations.lines.iter().filter(|line| line.measure.starts_with("ols"));
    html! {
        @if !rules.is_empty() {
            section {
                h2 { "Effects" }
                p.soft {
                    "effects.csv has the correlations of each effect; p-values know that visits of "
                    "a patient resemble each other, and are not adjusted for their number."
                }
                div.wide { table {
                    caption { "TPain by least squares, over all visits (ols) and within patients" }
                    thead { tr {
                        th scope="col" { "Regression" } th scope="col" { "Term" }
                        th.n scope="col" { "Value" } th scope="col" { "Note" }
                    } }
                    tbody {
                        @for line in fits {
                            tr {
                                th scope="row" { (line.measure.replace('_', " ")) } td { (line.term) }
                                td.n { (rounded(line.value)) } td { (line.note) }
                            }
                        }
                    }
                } }
                div.wide { table {
                    caption { "Visits by rule and effect" }
                    thead { tr {
                        th scope="col" { "Effect" } th scope="col" { "Rule" }
                        th.n scope="col" { "Both" } th.n scope="col" { "Rule only" }
                        th.n scope="col" { "Effect only" } th.n scope="col" { "Neither" }
                        th scope="col" { "Odds ratio" }
                    } }
                    tbody {
                        @for line in rules {
                            tr {
                                th scope="row" { (line.effect.name()) } td { (line.rule) }
                                @for count in line.counts { td.n { (count) } }
                                td { (line.odds_ratio.map_or_else(str::to_owned, |odds| rounded(Some(odds)))) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn inputs(inputs: &[RunInput]) -> Markup {
    html! {
        section {
            h2 { "Inputs" }
            div.wide { table {
                caption { "Rows left out have no place under any vital; those of other codes are no fault." }
                thead { tr {
                    th scope="col" { "Object, and its SHA-256 or the reason" } th scope="col" { "Outcome" }
                    th scope="col" { "Format" } th.n scope="col" { "Rows" }
                    @for reason in LeftOut::ALL { th.n scope="col" { (reason.name().replace('_', " ")) } }
                } }
                tbody { @for input in inputs { (input_line(input)) } }
            } }
        }
    }
}

fn input_line(input: &RunInput) -> Markup {
    let analyzed = input.outcome == InputOutcome::Analyzed;
    html! {
        tr {
            th scope="row" {
                (input.object)
                @if let Some(content) = &input.content { br; code { (content.digest) } }
                @else { br; (input.reason.as_deref().unwrap_or("no reason given")) }
            }
            td { span.warn[!analyzed] { (input.outcome.name()) } }
            @match &input.content {
                Some(content) => {
                    td { (content.format) } td.n { (content.rows) }
                    @for count in content.left_out { td.n { (count) } }
                }
                None => {
                    td { "–" } td.n { "–" }
                    @for _ in LeftOut::ALL { td.n { "–" } }
                }
            }
        }
    }
}
