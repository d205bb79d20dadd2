//! Charts over one axis of values: histograms.
//!
//! Used by the report's charts. It must never allocate memory by the width of the axis: the space
//! between two bins is one gap.

use crate::outputs::chart::picture::{BAR, ROOM, clip_text, element, number, page, with_thousands};
use kuva::plot::Histogram;
use kuva::render::annotations::{ReferenceLine, ShadedRegion};

/// Draws how many values are in bins of equal `width`, each named by its left edge, and the
/// plausible range, with both bounds. A last bin that begins at the upper bound has only values
/// of that bound, and is within the range.
pub fn histogram(
    title: &str,
    unit: &str,
    bins: &[(f64, u64)],
    width: f64,
    range: (f64, f64),
) -> String {
    let (low, high) = (number(range.0), number(range.1));
    let note = format!("shaded: plausible range, {low} to {high} {unit}");
    let Some(bars) = Bars::new(bins, width) else { return String::new() };
    if !(range.0 < range.1 && (range.1 - range.0).is_finite()) {
        return String::new();
    }
    let (first, last) = bars.span;
    let wide = last - first;
    // Few bins get space at their sides, so that they look like bars.
    let pad = (width / 2.0).max(wide * 0.02).max((width * 7.0 - wide) / 2.0);
    // A mark that is further away would squeeze the data into a corner.
    let reach = (wide * 1.5).max(pad);
    let near = |mark: &f64| first - mark <= reach && mark - last <= reach;
    let marks = (range.0, bars.upper(range.1));
    let shown: Vec<f64> = [marks.0, marks.1].into_iter().filter(near).collect();
    let low = shown.iter().copied().fold(first, f64::min) - pad;
    let high = shown.iter().copied().fold(last, f64::max) + pad;
    let (top, step) = bars.scale();

    let mut layout = page(title, (low, high), (0.0, top), 310.0)
        .with_subtitle(clip_text(&note, ROOM, 12.0))
        .with_subtitle_size(12)
        .with_x_label_offset(0.0, -6.0)
        .with_x_label(clip_text(unit, ROOM, 13.0))
        .with_y_label("measurements")
        .with_y_tick_step(step)
        .with_ticks(8);
    if marks.0 < high && marks.1 > low {
        let shade = ShadedRegion::vertical(marks.0.max(low), marks.1.min(high));
        layout = layout.with_shaded_region(shade.with_color("currentColor").with_opacity(0.12));
    }
    for mark in shown {
        let line = ReferenceLine::vertical(mark).with_color("currentColor");
        layout = layout.with_reference_line(line);
    }
    let description = format!(
        "{title}: histogram of {} measurements from {} to {} {unit}; {note}",
        with_thousands(bins.iter().map(|bin| u128::from(bin.1)).sum()),
        number(first),
        number(last)
    );
    element(bars.plot(high - low, top).into(), layout, Vec::new(), title, &description)
}

/// The bins that are not empty, ascending.
struct Bars {
    bins: Vec<(f64, u64)>,
    width: f64,
    span: (f64, f64),
}

impl Bars {
    /// Returns `None` if there is nothing to draw.
    fn new(bins: &[(f64, u64)], width: f64) -> Option<Self> {
        if !(width > 0.0 && bins.iter().all(|bin| bin.0.is_finite())) {
            return None;
        }
        let mut bins: Vec<_> = bins.iter().copied().filter(|bin| bin.1 > 0).collect();
        bins.sort_by(|one, other| one.0.total_cmp(&other.0));
        let span = (bins.first()?.0, bins.last()?.0 + width);
        let wide = span.1 - span.0;
        (wide > 0.0 && wide < 1e300).then_some(Self { bins, width, span })
    }

    /// Returns the upper bound, or the end of the last bin if it begins there.
    fn upper(&self, bound: f64) -> f64 {
        let last = self.span.1 - self.width;
        if (last - bound).abs() < self.width * 1e-6 { self.span.1 } else { bound }
    }

    /// Returns the top of the axis of counts, and the step of its ticks.
    fn scale(&self) -> (f64, f64) {
        let most = self.bins.iter().map(|bin| bin.1).max().unwrap_or(1) as f64;
        let tens = 10_f64.powf((most / 5.0).log10().floor());
        let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * tens * 5.0 >= most);
        let step = (nice.unwrap_or(10.0) * tens).max(1.0);
        ((most / step).ceil() * step, step)
    }

    /// Returns the bars, and an empty one between each two. A bar that would be too thin to see,
    /// among many or among very high ones, is still drawn as a hairline.
    fn plot(&self, wide: f64, top: f64) -> Histogram {
        // Many bars overlap by a hairline; otherwise, a seam would show between them.
        let few = wide / self.width < 120.0;
        let half = if few { self.width * 0.46 } else { self.width * 0.5 + wide * 0.0008 };
        let half = half.max(wide * 0.0015);
        let (mut edges, mut counts, mut tips) = (Vec::new(), Vec::new(), Vec::new());
        for (left, count) in &self.bins {
            let middle = left + self.width / 2.0;
            edges.extend([middle - half, middle + half]);
            counts.extend([(*count as f64).max(top * 0.005), 0.0]);
            let (from, to) = (number(*left), number(left + self.width));
            let tip = format!("{from} to below {to}: {}", with_thousands((*count).into()));
            tips.extend([tip, String::new()]);
        }
        Histogram::from_bins(edges, counts)
            .with_color(BAR)
            .with_tooltips()
            .with_tooltip_labels(tips)
    }
}
