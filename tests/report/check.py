"""Whether a report is a page for everybody: alone, named, readable, in every view.

    check.py REPORT.html [--screenshots DIR] [--charts N]

Opens the file in headless Chromium, in light, dark and printed colours and on a
narrow screen, and tells every fault on a line of its own: its kind, the views it
is seen in (all, if none), and what is wrong. Exit 0 with one line that says how
much was looked at, 1 with faults, 2 where the test itself cannot be done.
`selftest.py` shows that it can fail.
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
# WCAG 2 asks for this of text; a mark need only not be invisible.
TEXT_CONTRAST_MIN = 4.5
MARK_CONTRAST_MIN = 1.2
TOLERANCE_PX = 1.0
CHART_ROLES = ("image", "img", "graphics-document", "figure")
SHOTS = {"light": "light.png", "dark": "dark.png", "narrow": "narrow.png"}
Seen = dict[str, Any]


class Verdict(NamedTuple):
    """What is wrong with a page, and how much was looked at."""

    faults: list[Fault]
    looked: str


def chart_faults(charts: list[dict[str, str] | None], wanted: int) -> list[Fault]:
    """Every chart has a role and a name of its own."""
    faults = []
    if len(charts) < wanted:
        faults.append(Fault("charts", f"{len(charts)} on the page, at least {wanted} must be"))
    for number, chart in enumerate(charts, 1):
        if chart is None:
            faults.append(Fault("chart-name", f"chart {number} is hidden from screen readers: show it to them"))
        elif not chart["name"]:
            faults.append(Fault("chart-name", f"chart {number} has no name: give it a <title> or aria-label"))
        elif chart["role"] not in CHART_ROLES:
            faults.append(Fault("chart-role", f'chart {number} is told as {chart["role"]}: give it role="img"'))
    names = Counter(chart["name"] for chart in charts if chart and chart["name"])
    return faults + [
        Fault("chart-name", f"{count} charts are named {short(name)}: give each a name of its own")
        for name, count in names.items()
        if count > 1
    ]


def table_faults(tables: list[Seen]) -> list[Fault]:
    """Every table has a caption, and heads that say what they are heads of."""
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
        faults.append(Fault("heading", "the first and only the first must be an h1"))
    for before, after in zip(headings, headings[1:], strict=False):
        if after["level"] > before["level"] + 1:
            faults.append(Fault("heading", f"h{after['level']} {short(after['text'])} follows an h{before['level']}"))
    return faults


def outline_faults(outline: Seen) -> list[Fault]:
    """What the page is made of."""
    faults = [] if outline["lang"] else [Fault("lang", "the page does not say its language: <html lang>")]
    faults += [] if outline["title"] else [Fault("title", "the page has none: give it a <title>")]
    return faults + heading_faults(outline["headings"]) + table_faults(outline["tables"])


def colour(parts: list[float]) -> str:
    """A colour as style sheets write it, with its share where it is not whole."""
    whole = "#" + "".join(f"{round(part):02x}" for part in parts[:3])
    return whole if parts[3] == 1 else f"{whole} at {parts[3]:.0%}"


def contrast_faults(kind: str, least: float, seen: list[tuple[str, Seen]]) -> list[Fault]:
    """Everything with too little contrast; once for each pair of colours."""
    weak: dict[str, list[str]] = {}
    for name, one in seen:
        if one["contrast"] < least:
            pair = f"{colour(one['ink'])} on {colour(one['paper'])} has {one['contrast']:.2f}, needs {least}"
            weak.setdefault(pair, []).append(name)
    return [Fault(kind, f"{pair}: {names[0]}{more(names)}") for pair, names in weak.items()]


def more(names: list[str]) -> str:
    """How many there are beside the first."""
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def place_faults(chart: Seen) -> list[Fault]:
    """No text of a chart lies on another, or leaves the chart."""
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
            faults.append(Fault("outside", f"chart {number}: {short(one['text'])} leaves the chart"))
    return faults


def look_faults(look: Seen) -> list[Fault]:
    """How the page looks in one view."""
    texts = look["texts"]
    faults = [] if texts else [Fault("empty", "no text is shown")]
    faults += contrast_faults("contrast", TEXT_CONTRAST_MIN, [(short(one["text"]), one) for one in texts])
    marks = [(f"a {one['mark']} of chart {one['chart']}", one) for one in look["marks"]]
    faults += contrast_faults("mark", MARK_CONTRAST_MIN, marks)
    imaged = [short(one["text"]) for one in texts if one["image"]]
    if imaged:
        faults.append(Fault("image", f"text lies on a background image, use a plain colour: {imaged[0]}{more(imaged)}"))
    if look["content"] > look["width"]:
        faults.append(Fault("sideways", f"the page scrolls: {look['content']} px wide on {look['width']} px"))
    for part in look["cut"]:
        sizes = f"{part['content']} px wide on {part['width']} px"
        faults.append(Fault("cut", f"{sizes}, paper does not scroll: {short(part['text'])}"))
    for chart in look["charts"]:
        faults += place_faults(chart)
    return faults


def pdf_faults(pdf: bytes) -> list[Fault]:
    """The print has pages, and text on them."""
    if not pdf.startswith(b"%PDF") or not re.search(rb"/Type\s*/Page\b", pdf):
        return [Fault("pdf", "printing gives no pages")]
    return [] if b"/Font" in pdf else [Fault("pdf", "the print is empty: no text on it")]


def told_faults(browser: Browser, address: str) -> list[Fault]:
    """What the browser told since the page was opened: messages, and requests beside that for the page."""
    faults = [Fault("console", f"{entry['level'].lower()}: {entry['message']}") for entry in browser.told("browser")]
    requests = browser.requests()
    if ("Document", address) in requests:
        requests.remove(("Document", address))
    return faults + [Fault("request", f"{kind.lower()} {short(url)}: nothing may be fetched") for kind, url in requests]


def gathered(found: list[tuple[View, Fault]]) -> list[Fault]:
    """Each fault once, with the views it is seen in unless it is seen in all."""
    views: dict[Fault, list[str]] = {}
    for view, fault in found:
        names = views.setdefault(fault, [])
        if view.name not in names:
            names.append(view.name)
    return [fault._replace(views=() if len(names) == len(VIEWS) else tuple(names)) for fault, names in views.items()]


def check(browser: Browser, page: Path, charts: int, shots: Path | None) -> Verdict:
    """Look at one page in every way."""
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
    """A fault as it is printed."""
    where = f" ({', '.join(fault.views)})" if fault.views else ""
    return f"{fault.kind}{where}: {fault.text}"


def main() -> int:
    """Check the page that is named; give the exit code."""
    parser = argparse.ArgumentParser(description="open a report in a browser and tell every fault")
    parser.add_argument("page", type=Path, metavar="REPORT.html")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="leave light, dark, narrow and print here")
    parser.add_argument("--charts", type=int, default=1, metavar="N", help="charts that must be there, at least (1)")
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
