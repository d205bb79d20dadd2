//! What all charts share: the frame, the words and the element itself.
//!
//! Used by the report's charts. Everything here is about how a chart looks
//! and reads; it must never know what is counted.

use kuva::backend::svg::SvgBackend;
use kuva::render::layout::{AxisLabelOverlap, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Primitive, render_multiple};
use kuva::render::theme::Theme;
use maud::{PreEscaped, html};
use std::sync::Arc;

pub const BAR: &str = "var(--bar)";
/// The picture's width, and how much of it a line of text may take.
pub const WIDTH: f64 = 720.0;
pub const ROOM: f64 = 600.0;
const TITLE: u32 = 15;

/// A frame with these axes, in the page's colours and on its paper.
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
        .with_title(plain(title, ROOM, f64::from(TITLE)))
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

/// The element, with `labels` over the plot; `seen` is what it shows, in words.
pub fn element(
    plot: Plot,
    layout: Layout,
    labels: Vec<Primitive>,
    title: &str,
    seen: &str,
) -> String {
    let mut scene = render_multiple(vec![plot], layout);
    // A clip needs an id, and the axes hold the data anyhow; hints on bars
    // bring a style that would apply to the whole page.
    scene.elements.retain(|p| !matches!(p, Primitive::ClipStart { .. } | Primitive::ClipEnd));
    scene.elements.extend(labels);
    for element in &mut scene.elements {
        if let Primitive::Text { size: TITLE, bold, .. } = element {
            *bold = true;
        }
    }
    scene.defs.clear();
    scene.has_tooltips = false;
    scene.background_color = None;
    let view = format!("0 0 {} {}", scene.width, scene.height);
    let drawn = SvgBackend::new().render_scene(&scene);
    // Its opening tag has a fixed size; after it, a comment names the version.
    let drawn = drawn.split_once("-->").and_then(|(_, rest)| rest.strip_suffix("</svg>"));
    let Some(drawn) = drawn else { return String::new() };
    html! {
        svg class="chart" viewBox=(view)
            width="100%" fill="currentColor" role="img" aria-label=(seen) {
            title { (title) }
            (PreEscaped(drawn.replace("<g class=\"tt\">", "<g>")))
        }
    }
    .into_string()
}

/// The widest text's width, rather too large as fonts differ.
pub fn widest(texts: &[String], size: f64) -> f64 {
    texts.iter().map(|text| text.chars().map(wide).sum::<f64>() * size).fold(0.0, f64::max)
}

fn wide(letter: char) -> f64 {
    match letter {
        'm' | 'w' => 1.0,
        'a'..='z' | '0'..='9' | ' ' | ',' | '.' | '-' | '/' | '(' | ')' => 0.64,
        _ => 1.0,
    }
}

/// Text for the library: it fits the room, and no dollar begins mathematics.
pub fn plain(text: &str, mut room: f64, size: f64) -> String {
    let whole: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let mut fits = |letter: &char| {
        room -= wide(*letter) * size;
        room >= 0.0
    };
    let mut text: String = whole.chars().take_while(&mut fits).collect();
    if text.len() < whole.len() {
        text.pop();
        text.push('…');
    }
    text.replace('$', "\\$")
}

/// A value in few letters.
pub fn number(value: f64) -> String {
    let (value, unit) = match value.abs() {
        // Steps of a tenth do not meet zero.
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

/// A count with its thousands apart.
pub fn grouped(count: u128) -> String {
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

/// A share in percent; what is there at all is not nothing.
pub fn share(percent: f64) -> String {
    if percent > 0.0 && percent < 0.05 { "<0.1%".to_owned() } else { format!("{percent:.1}%") }
}
