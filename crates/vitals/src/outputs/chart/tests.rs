//! The guarantees of charts: sound elements, nothing leaked, no panic.

use super::*;

fn named(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn periods(count: usize) -> Vec<Period> {
    let label = |at: usize| format!("{}-{:02}", 1938 + (at + 9) / 12, (at + 9) % 12 + 1);
    (0..count).map(|at| (label(at), [u64::MAX, 1_000_000_000, at as u64, 0])).collect()
}

fn all() -> Vec<String> {
    let bins = [(60.0, 1_000_000_000), (65.0, 3), (1e6, 1)];
    let mut charts = vec![
        histogram("A & <b> \"$x$\"", "/min", &bins, 5.0, (30.0, 250.0)),
        histogram("one", "%", &[(97.0, u64::MAX)], 1.0, (50.0, 100.0)),
        histogram("wide", "m", &[(-1e299, 1), (1e299, 2)], 1e290, (0.0, 1.0)),
        histogram("fine", "m", &[(1e16, 1), (1e16 + 64.0, 2)], 0.001, (0.0, 1.0)),
        categories("& <i>", &named(&[("a <u>", 1_000_000_000), ("", 0), ("c", 1)])),
    ];
    charts.extend([1, 7, 60, 200].map(|count| bands(&periods(count))));
    charts
}

#[test]
fn every_chart_is_one_responsive_labelled_element() {
    for chart in all() {
        assert!(chart.starts_with("<svg "), "{chart}");
        assert!(chart.ends_with("</svg>") && chart.matches("<svg").count() == 1);
        let head = &chart[..chart.find('>').expect("a tag")];
        for part in ["viewBox=\"0 0 720 ", "width=\"100%\"", "role=\"img\"", "aria-label=\""] {
            assert!(head.contains(part), "{part} in {head}");
        }
        assert_eq!(chart.matches("<title>").count(), 1 + chart.matches("<g>").count());
    }
}

#[test]
fn nothing_of_a_chart_reaches_the_page() {
    for chart in all() {
        for part in [" id=", "<style", "<script", "<defs", "<!--", "<?xml", "url(", "NaN", "inf\""]
        {
            assert!(!chart.contains(part), "{part} in {chart}");
        }
        for part in ["fill=\"#", "stroke=\"#", "font-family", "class=\"tt\"", "<b>", "<i>", "<u>"] {
            assert!(!chart.contains(part), "{part} in {chart}");
        }
    }
}

#[test]
fn the_same_counts_give_the_same_bytes() {
    assert_eq!(all(), all());
}

#[test]
fn a_title_is_kept_as_it_is() {
    let chart = histogram("A & <b> $x$ \\$", "", &[(1.0, 2)], 1.0, (0.0, 9.0));
    assert!(chart.contains(">A &amp; &lt;b&gt; $x$ \\$</text>"), "{chart}");
    assert!(chart.contains("<title>A &amp; &lt;b&gt; $x$ \\$</title>"), "{chart}");
}

#[test]
fn nothing_to_draw_is_no_chart() {
    let (nan, far) = (f64::NAN, f64::INFINITY);
    let bin = [(1.0, 2)];
    for (bins, width, range) in [
        (&[][..], 1.0, (0.0, 9.0)),
        (&[(1.0, 0)][..], 1.0, (0.0, 9.0)),
        (&[(nan, 2)][..], 1.0, (0.0, 9.0)),
        (&[(far, 2)][..], 1.0, (0.0, 9.0)),
        (&[(1e300, 2), (-1e300, 2)][..], 1.0, (0.0, 9.0)),
        (&[(1e20, 2)][..], 1.0, (0.0, 9.0)),
        (&bin[..], nan, (0.0, 9.0)),
        (&bin[..], 0.0, (0.0, 9.0)),
        (&bin[..], -1.0, (0.0, 9.0)),
        (&bin[..], far, (0.0, 9.0)),
        (&bin[..], 1.0, (nan, 9.0)),
        (&bin[..], 1.0, (0.0, far)),
        (&bin[..], 1.0, (9.0, 0.0)),
    ] {
        assert_eq!(histogram("t", "u", bins, width, range), "", "{bins:?} {width} {range:?}");
    }
    assert_eq!(bands(&[]), "");
    assert_eq!(bands(&[("1938".to_owned(), [0; 4])]), "");
    assert_eq!(categories("t", &named(&[("a", 0)])), "");
}

#[test]
fn both_bounds_are_marked_and_said() {
    let chart = histogram("Pulse", "/min", &[(20.0, 1), (200.0, 1)], 5.0, (30.0, 220.0));
    assert_eq!(chart.matches("stroke-dasharray").count(), 2);
    assert!(chart.contains("plausible range, 30 to 220 /min"));
    let lines = |high| {
        let chart = histogram("SpO2", "%", &[(99.0, 1), (100.0, 7)], 1.0, (98.0, high));
        chart.rsplit("</g>").next().map(str::to_owned)
    };
    assert_eq!(lines(100.0), lines(101.0), "100 itself is within");
    assert_ne!(lines(100.0), lines(100.5));
    let far = histogram("Pulse", "/min", &[(60.0, 1)], 5.0, (30.0, 220.0));
    assert!(!far.contains("stroke-dasharray"), "both bounds are far off");
}

#[test]
fn counts_are_short_on_the_axis_and_whole_at_the_bars() {
    let chart = histogram("t", "u", &[(1.0, 1_000_000_000)], 1.0, (0.0, 9.0));
    assert!(chart.contains(">1bn</text>") && chart.contains(">200M</text>"), "{chart}");
    assert!(chart.contains("1 to below 2: 1,000,000,000</title>"));
    let chart = categories("t", &named(&[("a", 1_000_000_000), ("b", 1), ("c", 0)]));
    for end in ["1,000,000,000 (100.0%)", "1 (&lt;0.1%)", "0 (0.0%)"] {
        assert!(chart.contains(&format!(">{end}</text>")), "{end} in {chart}");
    }
}

#[test]
fn labels_of_periods_begin_years() {
    let shown = spaced(&periods(60)).into_iter().filter(|label| !label.is_empty());
    assert_eq!(shown.collect::<Vec<_>>(), ["1939-01", "1940-01", "1941-01", "1942-01", "1943-01"]);
}
