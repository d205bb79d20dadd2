"""Checks that a report is accessible: self-contained, labeled, readable, in every view.

    check.py REPORT.html [--screenshots DIR] [--charts N]

Opens the file in headless Chromium, in light, dark and print colors and on a narrow
screen, and prints every fault on a separate line: its kind, the views in which it
occurs (all, if none is named), and what is wrong. Exits 0 with a line that states how
much was checked, 1 with faults, 2 if the test itself cannot be run. `selftest.py`
proves that it can fail.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from browser import VIEWS, Browser, LacksError, View, started
from source import Fault, short, source_faults

HERE = Path(__file__).resolve().parent
OUTLINE = (HERE / "outline.js").read_text(encoding="utf-8") + "return outline();"
LOOK = (
    "".join((HERE / name).read_text(encoding="utf-8") for name in ("colour.js", "look.js"))
    + "return look(arguments[0]);"
)
# WCAG 2 requires this of text; a mark need only be visible.
TEXT_CONTRAST_MIN = 4.5
MARK_CONTRAST_MIN = 1.2
TOLERANCE_PX = 1.0
CHART_ROLES = ("image", "img", "graphics-document", "figure")
SHOTS = {"light": "light.png", "dark": "dark.png", "narrow": "narrow.png"}
Seen = dict[str, Any]


class Verdict(NamedTuple):
    """The faults of a page, and how much was checked."""

    faults: list[Fault]
    looked: str


def chart_faults(charts: list[dict[str, str] | None], wanted: int) -> list[Fault]:
    """Every chart has a role and a name of its own."""
    faults = []
    if len(charts) < wanted:
        faults.append(Fault("charts", f"{len(charts)} on the page, expected at least {wanted}"))
    for number, chart in enumerate(charts, 1):
        if chart is None:
            faults.append(Fault("chart-name", f"chart {number} is hidden from screen readers: expose it"))
        elif not chart["name"]:
            faults.append(Fault("chart-name", f"chart {number} has no name: give it a <title> or aria-label"))
        elif chart["role"] not in CHART_ROLES:
            faults.append(Fault("chart-role", f'chart {number} has the role {chart["role"]}: give it role="img"'))
    names = Counter(chart["name"] for chart in charts if chart and chart["name"])
    return faults + [
        Fault("chart-name", f"{count} charts are named {short(name)}: give each its own name")
        for name, count in names.items()
        if count > 1
    ]


def table_faults(tables: list[Seen]) -> list[Fault]:
    """Every table has a caption, and header cells with a scope."""
    faults = []
    for number, table in enumerate(tables, 1):
        name = f"table {number} ({short(table['caption'])})" if table["caption"] else f"table {number}"
        if not table["caption"]:
            faults.append(Fault("caption", f"{name} has none: give it a <caption>"))
        if not table["heads"]:
            faults.append(Fault("scope", f"{name} has no <th>: give it header cells with scope"))
        faults += [Fault("scope", f"{name}: header {short(one)} lacks scope") for one in table["scopeless"]]
    return faults


def heading_faults(headings: list[Seen]) -> list[Fault]:
    """One h1, first; no level is skipped; none is empty."""
    faults = [Fault("heading", f"an h{one['level']} is empty") for one in headings if not one["text"]]
    levels = [one["level"] for one in headings]
    if levels[:1] != [1] or levels.count(1) != 1:
        faults.append(Fault("heading", "exactly the first heading must be an h1"))
    for before, after in zip(headings, headings[1:], strict=False):
        if after["level"] > before["level"] + 1:
            faults.append(Fault("heading", f"h{after['level']} {short(after['text'])} follows an h{before['level']}"))
    return faults


def outline_faults(outline: Seen) -> list[Fault]:
    """Return the faults of the page's structure."""
    faults = [] if outline["lang"] else [Fault("lang", "the page does not state its language: <html lang>")]
    faults += [] if outline["title"] else [Fault("title", "the page has no title: give it a <title>")]
    return faults + heading_faults(outline["headings"]) + table_faults(outline["tables"])


def css_color(parts: list[float]) -> str:
    """Return a color as in style sheets, with its opacity if it is not opaque."""
    whole = "#" + "".join(f"{round(part):02x}" for part in parts[:3])
    return whole if parts[3] == 1 else f"{whole} at {parts[3]:.0%}"


def contrast_faults(kind: str, least: float, seen: list[tuple[str, Seen]]) -> list[Fault]:
    """Return everything with too little contrast, once for each pair of colors."""
    weak: dict[str, list[str]] = {}
    for name, one in seen:
        if one["contrast"] < least:
            pair = f"{css_color(one['ink'])} on {css_color(one['paper'])}: {one['contrast']:.2f}, needs {least}"
            weak.setdefault(pair, []).append(name)
    return [Fault(kind, f"{pair}: {names[0]}{more(names)}") for pair, names in weak.items()]


def more(names: list[str]) -> str:
    """Return how many there are besides the first."""
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def place_faults(chart: Seen) -> list[Fault]:
    """No text of a chart overlaps another, or extends beyond the chart."""
    faults, number = [], chart["number"]
    for one, other in combinations(chart["texts"], 2):
        left, top = (max(one["box"][n], other["box"][n]) for n in (0, 1))
        right, bottom = (min(one["box"][n], other["box"][n]) for n in (2, 3))
        if min(right - left, bottom - top) > TOLERANCE_PX:
            faults.append(Fault("overlap", f"chart {number}: {short(one['text'])} and {short(other['text'])}"))
    for one in chart["texts"]:
        before = min(one["box"][n] - chart["box"][n] for n in (0, 1))
        after = min(chart["box"][n] - one["box"][n] for n in (2, 3))
        if min(before, after) < -TOLERANCE_PX:
            faults.append(Fault("outside", f"chart {number}: {short(one['text'])} extends beyond the chart"))
    return faults


def look_faults(look: Seen) -> list[Fault]:
    """Return the faults of the page's appearance in one view."""
    texts = look["texts"]
    faults = [] if texts else [Fault("empty", "no text is shown")]
    faults += contrast_faults("contrast", TEXT_CONTRAST_MIN, [(short(one["text"]), one) for one in texts])
    marks = [(f"a {one['mark']} of chart {one['chart']}", one) for one in look["marks"]]
    faults += contrast_faults("mark", MARK_CONTRAST_MIN, marks)
    imaged = [short(one["text"]) for one in texts if one["image"]]
    if imaged:
        faults.append(Fault("image", f"text is on a background image, use a plain color: {imaged[0]}{more(imaged)}"))
    if look["content"] > look["width"]:
        faults.append(Fault("sideways", f"the page scrolls: {look['content']} px in {look['width']} px"))
    for part in look["cut"]:
        sizes = f"{part['content']} px in {part['width']} px"
        faults.append(Fault("cut", f"{sizes}, paper does not scroll: {short(part['text'])}"))
    for chart in look["charts"]:
        faults += place_faults(chart)
    return faults


def pdf_faults(pdf: bytes) -> list[Fault]:
    """The printed page has pages with text."""
    if not pdf.startswith(b"%PDF") or not re.search(rb"/Type\s*/Page\b", pdf):
        return [Fault("pdf", "printing produces no pages")]
    return [] if b"/Font" in pdf else [Fault("pdf", "the printed page has no text")]


def told_faults(browser: Browser, address: str) -> list[Fault]:
    """Return the browser's messages, and requests other than that for the page, since it was opened."""
    faults = [Fault("console", f"{entry['level'].lower()}: {entry['message']}") for entry in browser.told("browser")]
    requests = browser.requests()
    if ("Document", address) in requests:
        requests.remove(("Document", address))
    return faults + [Fault("request", f"{kind.lower()} {short(url)}: nothing may be fetched") for kind, url in requests]


def gathered(found: list[tuple[View, Fault]]) -> list[Fault]:
    """Return each fault once, with the views in which it occurs, unless it occurs in all."""
    views: dict[Fault, list[str]] = {}
    for view, fault in found:
        names = views.setdefault(fault, [])
        if view.name not in names:
            names.append(view.name)
    return [fault._replace(views=() if len(names) == len(VIEWS) else tuple(names)) for fault, names in views.items()]


def check(browser: Browser, page: Path, charts: int, shots: Path | None) -> Verdict:
    """Check one page in every view."""
    faults = source_faults(page.read_text(encoding="utf-8", errors="replace"))
    address = browser.open(page)
    outline = browser.measure(OUTLINE)
    named = browser.charts()
    faults += outline_faults(outline) + chart_faults(named, charts)
    seen, texts, marks = [], 0, 0
    for view in VIEWS:
        browser.show(view)
        look = browser.measure(LOOK, view.media == "print")
        texts, marks = texts + len(look["texts"]), marks + len(look["marks"])
        seen += [(view, fault) for fault in look_faults(look)]
        if shots and view.name in SHOTS:
            (shots / SHOTS[view.name]).write_bytes(browser.screenshot(view))
    pdf = browser.pdf()
    if shots:
        (shots / "print.pdf").write_bytes(pdf)
    faults += gathered(seen) + pdf_faults(pdf) + told_faults(browser, address)
    tables = len(outline["tables"])
    return Verdict(
        faults, f"{len(named)} charts, {tables} tables, {texts} texts and {marks} marks in {len(VIEWS)} views"
    )


def line(fault: Fault) -> str:
    """Return a fault as it is printed."""
    where = f" ({', '.join(fault.views)})" if fault.views else ""
    return f"{fault.kind}{where}: {fault.text}"


def main() -> int:
    """Check the given page; return the exit code."""
    parser = argparse.ArgumentParser(description="check a report in a browser and print every fault")
    parser.add_argument("page", type=Path, metavar="REPORT.html")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="directory for images of the views")
    parser.add_argument("--charts", type=int, default=1, metavar="N", help="minimum number of charts (1)")
    given = parser.parse_args()
    if not given.page.is_file():
        parser.error(f"no such file: {given.page}")
    if given.screenshots:
        given.screenshots.mkdir(parents=True, exist_ok=True)
    try:
        with started() as browser:
            verdict = check(browser, given.page, given.charts, given.screenshots)
    except LacksError as lacks:
        parser.error(str(lacks))
    print("\n".join([*map(line, verdict.faults), f"report: {verdict.looked}, {len(verdict.faults)} faults"]))
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
