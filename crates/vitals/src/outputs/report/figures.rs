//! The charts of the report, and the tables that belong to them.
//!
//! Used by the report only. It combines bins so that a chart is legible; every number is one of
//! [`Results`].

use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::histogram::BINS_PER_UNIT;
use crate::rules::news2::BandCounts;
use crate::rules::range::PlausibleRanges;
use crate::rules::vital::Vital;
use maud::{Markup, PreEscaped, html};

use crate::outputs::chart;
use crate::outputs::csv_files::rounded;
use crate::results::cohort::{CohortRow, Results};

/// The most bars of a histogram, and the most periods of a chart.
const BARS_MAX: i64 = 60;
/// Widths of bars, in bins of 0.01 of the unit.
const WIDTHS: [i64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/// A trend counts as found up to this expected share of false discoveries.
const FALSE_SHARE: f64 = 0.05;

/// Draws a histogram of each vital.
pub fn histograms(results: &Results, ranges: &PlausibleRanges) -> Markup {
    html! {
        section {
            h2 { "Distributions" }
            p.soft { "All plausible measurements of all patients." }
            @for row in results.cohort.iter().filter(|row| !row.bins.is_empty()) {
                (PreEscaped(histogram(row, ranges)))
            }
        }
    }
}

fn histogram(row: &CohortRow, ranges: &PlausibleRanges) -> String {
    let (Some((first, _)), Some((last, _))) = (row.bins.first(), row.bins.last()) else {
        return String::new();
    };
    let wide = i64::from(*last) - i64::from(*first);
    let width = WIDTHS.into_iter().find(|width| wide / width < BARS_MAX).unwrap_or(10_000);
    let units = |bins: i64| bins as f64 / f64::from(BINS_PER_UNIT);
    let mut bars: Vec<(i64, u64)> = Vec::new();
    for (bin, count) in &row.bins {
        // Rounds down, so that bars on both sides of 0 are equally wide.
        let left = i64::from(*bin).div_euclid(width) * width;
        match bars.last_mut() {
            Some((same, sum)) if *same == left => *sum += count,
            _ => bars.push((left, *count)),
        }
    }
    let bars: Vec<(f64, u64)> = bars.into_iter().map(|(left, sum)| (units(left), sum)).collect();
    let range = ranges.range(row.vital);
    let title = format!("Distribution of {}", display_name(row.vital));
    chart::histogram(&title, row.vital.unit(), &bars, units(width), (range.low, range.high))
}

fn display_name(vital: Vital) -> String {
    vital.name().replace('_', " ")
}

/// Draws NEWS2 bands over time: by month, quarter or year, so that there are few periods.
pub fn bands_over_time(results: &Results) -> Markup {
    let (Some((first, _)), Some((last, _))) = (results.months.first(), results.months.last())
    else {
        return html! {};
    };
    let span = last - first + 1;
    let steps = [1, 3, 12, 60, 120, 1_200];
    let months = steps.into_iter().find(|step| span / step < BARS_MAX).unwrap_or(12_000);
    let (from, to) = (first.div_euclid(months), last.div_euclid(months));
    // Periods without sets are included, so that the axis is linear in time.
    let mut periods: Vec<(String, [u64; 4])> =
        (from..=to).map(|period| (period_name(period * months, months), [0; 4])).collect();
    for (month, bands) in &results.months {
        let at = usize::try_from(month.div_euclid(months) - from).ok();
        let Some((_, counts)) = at.and_then(|at| periods.get_mut(at)) else { continue };
        for (count, more) in counts.iter_mut().zip(&bands[1..]) {
            *count += more;
        }
    }
    html! { (PreEscaped(chart::bands(&periods))) }
}

/// Returns `1938-10`, `1938 Q4` or the first year of the period.
fn period_name(month: i64, months: i64) -> String {
    let year = month.div_euclid(12);
    match months {
        1 => format!("{year:04}-{:02}", month.rem_euclid(12) + 1),
        3 => format!("{year:04} Q{}", month.rem_euclid(12) / 3 + 1),
        _ => format!("{year:04}"),
    }
}

/// Draws blood pressure, body mass and NEWS2 of the patients, by category.
pub fn categories(results: &Results) -> Markup {
    let counts = &results.counts;
    let pressures =
        named_counts(BloodPressure::ALL.map(BloodPressure::name), counts.blood_pressures);
    let masses = named_counts(BodyMass::ALL.map(BodyMass::name), counts.body_masses);
    let bands = BandCounts::NAMES.iter().skip(1).map(|band| band.replace('_', "-"));
    let bands: Vec<(String, u64)> = bands.zip(counts.highest_bands).collect();
    html! {
        section {
            h2 { "Categories of patients" }
            p.soft {
                "Blood pressure: ACC/AHA 2017, of the mean of at least two readings on two occasions. "
                "Body mass index: WHO. Both for adults; "
                (if results.people.is_empty() { "ages are unknown here." } else { "not computed under 18, computed where the age is unknown." })
            }
            (PreEscaped(chart::categories("Patients by blood pressure", &pressures)))
            (PreEscaped(chart::categories("Patients by body mass index", &masses)))
            (PreEscaped(chart::categories("Patients by their highest NEWS2 band", &bands)))
        }
    }
}

fn named_counts<const N: usize>(names: [&str; N], counts: [u64; N]) -> Vec<(String, u64)> {
    names.into_iter().map(str::to_owned).zip(counts).collect()
}

/// Shows how many patients change, vital by vital.
pub fn trends(results: &Results) -> Markup {
    html! {
        section {
            h2 { "Trends" }
            p.soft {
                "A line through each patient's values over time. Among many patients some lines are "
                "steep by chance alone: counted as rising or falling are those with q ≤ "
                (FALSE_SHARE) " (Benjamini and Hochberg), of which about one in twenty is false."
            }
            div.wide { table {
                caption { "Patients by the trend of each vital" }
                thead { tr {
                    th scope="col" { "Vital" } th.n scope="col" { "With a trend" }
                    th.n scope="col" { "Rising" } th.n scope="col" { "Falling" }
                    th.n scope="col" { "Median change in a year" }
                } }
                tbody {
                    @for row in &results.cohort { (trend_line(results, row.vital)) }
                }
            } }
        }
    }
}

fn trend_line(results: &Results, vital: Vital) -> Markup {
    let mut slopes = results.counts.slopes[vital.index()].clone();
    slopes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = |rises: bool| {
        slopes.iter().filter(|(slope, q)| *q <= FALSE_SHARE && (*slope > 0.0) == rises).count()
    };
    // The mean of the two middle slopes, which are the same one if the number is odd.
    let median = slopes.get(slopes.len() / 2).map(|(upper, _)| {
        let lower = slopes[(slopes.len() - 1) / 2].0;
        f64::midpoint(lower, *upper)
    });
    html! {
        tr {
            th scope="row" { (display_name(vital)) } td.n { (slopes.len()) }
            td.n { (found(true)) } td.n { (found(false)) }
            td.n { (rounded(median)) " " (vital.unit()) }
        }
    }
}
