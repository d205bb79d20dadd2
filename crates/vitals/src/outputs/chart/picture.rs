//! The common parts of charts: the frame, the text and the element itself.
//!
//! Used by the report's charts. Everything here is about how a chart looks and reads; it must
//! never know what is counted.

use kuva::backend::svg::SvgBackend;
use kuva::render::layout::{AxisLabelOverlap, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Primitive, render_multiple};
use kuva::render::theme::Theme;
use maud::{PreEscaped, html};
use std::sync::Arc;

pub const BAR: &str = "var(--bar)";
/// The width of the picture, and how much of it a line of text may take.
pub const WIDTH: f64 = 720.0;
pub const ROOM: f64 = 600.0;
const TITLE: u32 = 15;

/// Returns a frame with these axes, in the page's colors and on its background.
pub fn page(title: &str, x: (f64, f64), y: (f64, f64), height: f64) -> Layout {
    let (soft, line) = ("var(--soft)", "var(--line)");
    let theme = Theme {
        axis_color: soft.into(),
        tick_color: soft.into(),
        grid_color: line.into(),
        text_color: "currentColor".into(),
        ..Theme::light()
    };
    let mut layout = Layout::new(x, y)
        .with_width(WIDTH)
        .with_height(height)
        .with_title(clip_text(title, ROOM, f64::from(TITLE)))
        .with_title_size(TITLE)
        .with_label_size(13)
        .with_x_axis_min(x.0)
        .with_x_axis_max(x.1)
        .with_y_axis_min(y.0)
        .with_y_axis_max(y.1)
        .with_x_label_overlap(AxisLabelOverlap::Thin)
        .with_tick_format(TickFormat::Custom(Arc::new(number)))
        .with_theme(theme);
    layout.show_legend = false;
    layout
}

/// Returns the element, with `labels` over the plot; `description` is its content in words.
pub fn element(
    plot: Plot,
    layout: Layout,
    labels: Vec<Primitive>,
    title: &str,
    description: &str,
) -> String {
    let mut scene = render_multiple(vec![plot], layout);
    // A clip needs an id, and the data are within the axes anyway; tooltips bring a style that
    // would apply to the whole page.
    scene.elements.retain(|p| !matches!(p, Primitive::ClipStart { .. } | Primitive::ClipEnd));
    scene.elements.extend(labels);
    for element in &mut scene.elements {
        if let Primitive::Text { size: TITLE, bold, .. } = element {
            *bold = true;
        }
    }
    // Definitions and styles of a chart would apply to the whole page.
    scene.defs.clear();
    scene.has_tooltips = false;
    scene.background_color = None;
    let view = format!("0 0 {} {}", scene.width, scene.height);
    let drawn = SvgBackend::new().render_scene(&scene);
    // Its opening tag has a fixed size; the comment after it has the version.
    let drawn = drawn.split_once("-->").and_then(|(_, rest)| rest.strip_suffix("</svg>"));
    let Some(drawn) = drawn else { return String::new() };
    html! {
        svg class="chart" viewBox=(view)
            width="100%" fill="currentColor" role="img" aria-label=(description) {
            title { (title) }
            (PreEscaped(drawn.replace("<g class=\"tt\">", "<g>")))
        }
    }
    .into_string()
}

/// Returns the width of the widest text, rather too large because fonts differ.
pub fn widest(texts: &[String], size: f64) -> f64 {
    texts.iter().map(|text| text.chars().map(letter_width).sum::<f64>() * size).fold(0.0, f64::max)
}

fn letter_width(letter: char) -> f64 {
    match letter {
        'm' | 'w' => 1.0,
        'a'..='z' | '0'..='9' | ' ' | ',' | '.' | '-' | '/' | '(' | ')' => 0.64,
        _ => 1.0,
    }
}

/// Returns text for the library: it fits the room, and no dollar sign begins mathematics.
pub fn clip_text(text: &str, mut room: f64, size: f64) -> String {
    let whole: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let mut fits = |letter: &char| {
        room -= letter_width(*letter) * size;
        room >= 0.0
    };
    let mut text: String = whole.chars().take_while(&mut fits).collect();
    if text.len() < whole.len() {
        text.pop();
        text.push('…');
    }
    text.replace('$', "\\$")
}

/// Formats a value in few characters.
pub fn number(value: f64) -> String {
    let (value, unit) = match value.abs() {
        // Multiples of a step of 0.1 miss zero by rounding.
        ..1e-9 => return "0".to_owned(),
        1e12.. | ..1e-6 => return format!("{value:.1e}"),
        1e9.. => (value / 1e9, "bn"),
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = if value.abs() < 1.0 { 6 } else { 3 };
    let text = format!("{value:.digits$}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Formats a count with thousands separators.
pub fn with_thousands(count: u128) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a share in percent; only 0 is shown as 0.
pub fn share(percent: f64) -> String {
    if percent > 0.0 && percent < 0.05 { "<0.1%".to_owned() } else { format!("{percent:.1}%") }
}
