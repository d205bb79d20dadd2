//! The charts of the report: counts in, one `<svg>` element out.
//!
//! Used by `report.html`. The same counts give the same bytes, and nothing to draw gives an empty
//! string. It must never compute a statistic, and a chart must never carry a script, an id, a
//! style or a color of its own: many charts share one page, and use its colors by [`STYLE`].

mod binned;
mod picture;

use kuva::plot::BarPlot;
use kuva::plot::legend::{LegendEntry, LegendPosition, LegendShape};
use kuva::render::layout::{AxisLabelOverlap, ComputedLayout, Layout};
use kuva::render::render::{Primitive, TextAnchor};

pub use binned::histogram;
use picture::{BAR, WIDTH, clip_text, element, page, share, widest, with_thousands};

/// The page's rules for charts; `--ink`, `--soft` and `--line` are the page's own. The bands
/// darken with the risk, so that they are different in gray.
pub const STYLE: &str = "
.chart { display: block; width: 100%; height: auto; color: var(--ink); break-inside: avoid;
  --bar: #4a7fb5; --band1: #d5cfc2; --band2: #dc963a; --band3: #c8552b; --band4: #98233c; }
";

const BANDS: [(&str, &str); 4] = [
    ("low", "var(--band1)"),
    ("low-medium", "var(--band2)"),
    ("medium", "var(--band3)"),
    ("high", "var(--band4)"),
];

/// A period's label, and its sets in every band.
type Period = (String, [u64; 4]);

/// Draws the share of every NEWS2 band among the sets of each period.
pub fn bands(periods: &[Period]) -> String {
    let title = "NEWS2 bands over time";
    let all: u128 = periods.iter().map(total).sum();
    let (Some((first, _)), Some((last, _)), 1..) = (periods.first(), periods.last(), all) else {
        return String::new();
    };
    let slots = periods.len() as f64;
    let mut plot = BarPlot::new().with_stacked().with_width((slots * 0.15).min(0.85));
    let mut tips = Vec::new();
    for period in periods {
        let whole = total(period).max(1) as f64;
        let shares = period.1.map(|count| count as f64 * 100.0 / whole);
        plot = plot.with_group("", shares.into_iter().zip(BANDS.map(|(_, color)| color)));
        for ((band, _), (count, part)) in BANDS.iter().zip(period.1.into_iter().zip(shares)) {
            tips.push(format!(
                "{}, {band}: {} ({})",
                period.0,
                with_thousands(count.into()),
                share(part)
            ));
        }
    }
    let description = format!(
        "{title}: stacked bars, in percent of the sets of each period, {first} to {last}; {} sets",
        with_thousands(all)
    );
    element(
        plot.with_tooltips().with_tooltip_labels(tips).into(),
        bands_layout(title, periods, slots),
        Vec::new(),
        title,
        &description,
    )
}

fn total(period: &Period) -> u128 {
    period.1.iter().map(|count| u128::from(*count)).sum()
}

fn bands_layout(title: &str, periods: &[Period], slots: f64) -> Layout {
    let entry = |(label, color): (&str, &str)| LegendEntry {
        label: label.to_owned(),
        color: color.to_owned(),
        shape: LegendShape::Rect,
        dasharray: None,
    };
    let mut layout = page(title, (0.5, slots + 0.5), (0.0, 100.0), 330.0)
        .with_x_categories(spaced(periods))
        .with_x_label_overlap(AxisLabelOverlap::Allow)
        .with_tick_length(8.0)
        .with_y_label("percent of sets")
        .with_y_tick_step(20.0)
        .with_legend_entries(BANDS.map(entry).to_vec())
        .with_legend_position(LegendPosition::OutsideBottomColumns)
        .with_legend_box(false);
    layout.force_margin_right = Some(46.0);
    layout.force_margin_bottom = Some(76.0);
    layout
}

/// Returns the periods' labels; those that would touch are left out, by whole years if possible.
fn spaced(periods: &[Period]) -> Vec<String> {
    let labels: Vec<String> =
        periods.iter().map(|(period, _)| clip_text(period, 88.0, 12.0)).collect();
    let begins = |label: &String| label.ends_with("-01") || label.ends_with("Q1");
    let months = labels.iter().any(|label| label.ends_with("-01"));
    let steps = if months { [1, 2, 3, 6, 12, 24, 60] } else { [1, 2, 4, 8, 12, 20, 60] };
    let room = (WIDTH - 120.0) / labels.len() as f64;
    let fits = |every: &usize| *every as f64 * room >= widest(&labels, 12.0) + 8.0;
    let every = steps.into_iter().find(fits).unwrap_or(labels.len());
    let start = labels.iter().position(begins).unwrap_or(0) % every;
    let keep = |(at, label)| if at % every == start { label } else { String::new() };
    labels.into_iter().enumerate().map(keep).collect()
}

/// Draws a bar for every category, the first at the top, with its count at its end.
pub fn categories(title: &str, counts: &[(String, u64)]) -> String {
    let all: u128 = counts.iter().map(|(_, count)| u128::from(*count)).sum();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0) as f64;
    if all == 0 {
        return String::new();
    }
    let slots = counts.len() as f64;
    let end = |count: u64| {
        format!("{} ({})", with_thousands(count.into()), share(count as f64 * 100.0 / all as f64))
    };
    let ends: Vec<String> = counts.iter().map(|(_, count)| end(*count)).collect();
    let mut layout = page(title, (0.0, most), (0.5, slots + 0.5), 60.0 + 30.0 * slots)
        .with_y_categories(
            counts.iter().rev().map(|(name, _)| clip_text(name, 230.0, 12.0)).collect(),
        )
        .with_show_grid(false)
        .with_force_margins_y(44.0, 12.0);
    layout.suppress_x_ticks = true;
    layout.force_margin_right = Some(widest(&ends, 12.0) + 10.0);

    // The axis counts upwards; readers begin at the top.
    let place = ComputedLayout::from_layout(&layout);
    // Even the smallest positive count has a visible bar.
    let long = |count: u64| if count > 0 { (count as f64).max(most * 0.002) } else { 0.0 };
    let bars = counts.iter().rev().map(|(_, count)| ("", long(*count), BAR));
    let plot = BarPlot::new().with_horizontal(true).with_width(0.7).with_colored_bars(bars);
    let slots = (1..=counts.len()).rev().zip(counts);
    let labels = slots.zip(&ends).map(|((slot, (_, count)), end)| Primitive::Text {
        x: place.map_x(long(*count)) + 6.0,
        y: place.map_y(slot as f64) + 4.0,
        content: end.clone(),
        size: 12,
        anchor: TextAnchor::Start,
        rotate: None,
        bold: false,
        color: None,
    });
    let named = counts.iter().zip(&ends).map(|((name, _), end)| format!("{name} {end}"));
    let description = format!("{title}: bars; {}", named.collect::<Vec<_>>().join(", "));
    element(plot.into(), layout, labels.collect(), title, &description)
}

#[cfg(test)]
mod tests;
