"""A small good page, and ways to break it, for `selftest.py`.

The good page contains what a check could wrongly report: labels on dark bars, a line
in the background color across a box, a label with a halo across an edge, a pattern, a
details element, a shape that is only defined, opacity, and text for screen readers
only.
"""

from __future__ import annotations

from typing import NamedTuple

GOOD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A report</title>
<style>
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --bar: #1f4e8c; --on-bar: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --bar: #9cc3f5; --on-bar: #10151c; } }
body { font: 16px/1.5 sans-serif; color: var(--ink); background: var(--paper); margin: 1rem; }
svg { display: block; width: 100%; max-width: 640px; height: auto; font-size: 14px; }
.wide { overflow-x: auto; }
.badge { color: var(--on-bar); background: var(--bar); print-color-adjust: exact; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.soft { opacity: .9; }
@media print { body { margin: 0; } .wide { overflow: visible; } }
</style></head><body>
<h1>A report</h1><p class="soft">All is well, <span class="badge">really</span>. <a href="#bars">See below</a></p>
<h2 id="bars">Bars</h2>
<svg role="img" aria-label="Counts in three bars" viewBox="0 0 640 200">
<defs><circle id="dot" r="4" fill="#fff"/><pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse">
<path d="M0 0L4 4" stroke="var(--ink)"/></pattern></defs>
<path d="M40 170H630" stroke="var(--ink)" fill="none"/>
<rect x="60" y="40" width="140" height="130" fill="var(--bar)"/>
<path d="M60 100H200" stroke="var(--paper)" stroke-width="2"/>
<rect x="240" y="80" width="140" height="90" fill="url(#hatch)" stroke="var(--ink)"/>
<g transform="translate(420 60)" opacity=".8"><rect width="140" height="110" rx="4" fill="var(--bar)"/>
<rect width="0" height="110" fill="var(--bar)"/></g>
<text x="130" y="80" text-anchor="middle" fill="var(--on-bar)">first</text>
<text x="310" y="72" text-anchor="middle" fill="var(--ink)">second</text>
<text x="560" y="130" text-anchor="middle" fill="var(--ink)" stroke="var(--paper)" stroke-width="4"
 paint-order="stroke">third</text>
<text transform="translate(24 150) rotate(-90)" fill="var(--ink)">count</text>
</svg>
<h3>As a table</h3>
<p class="unseen">For screen readers only.</p>
<div class="wide"><table><caption>Counts</caption>
<thead><tr><th scope="col">Bar</th><th scope="col">Count</th></tr></thead>
<tbody><tr><th scope="row">first</th><td>1</td></tr></tbody></table></div>
<details><summary>More</summary><p id="more">Folded away.</p></details>
<h2>Line</h2>
<svg role="img" viewBox="0 0 640 100"><title>A rising line</title>
<polyline points="10,90 300,50 630,10" fill="none" stroke="var(--bar)" stroke-width="2"/>
<circle cx="300" cy="50" r="5" fill="var(--bar)" stroke="var(--paper)"/></svg>
</body></html>
"""


class Broken(NamedTuple):
    """One way to break the good page: the replaced text, its replacement, and the expected kinds of fault."""

    about: str
    old: str
    new: str
    kinds: tuple[str, ...]


HEADING = '<h2 id="bars">Bars</h2>'
SECOND = 'fill="var(--ink)">second'
FIRST = 'fill="var(--on-bar)">first</text>'
PLACE = 'x="310" y="72" '
BROKEN = (
    Broken("a script that logs", HEADING, HEADING + "<script>console.log('here')</script>", ("script", "console")),
    Broken("a script that debugs", HEADING, HEADING + "<script>console.debug(1)</script>", ("script", "console")),
    Broken("a script that fails", HEADING, HEADING + "<script>nowhere()</script>", ("script", "console")),
    Broken("a script that opens a dialog", HEADING, HEADING + "<script>alert(1)</script>", ("script",)),
    Broken("a script that disappears", HEADING, HEADING + "<script>document.scripts[0].remove()</script>", ("script",)),
    Broken("a handler", HEADING, HEADING.replace("<h2", '<h2 onclick="this.remove()"'), ("handler",)),
    Broken("a remote image", HEADING, HEADING + '<img alt="" src="http://example.org/a.png">',
           ("external", "request", "console")),
    Broken("an image as data", HEADING, HEADING + '<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
           ("external",)),
    Broken("the page as an image", HEADING, HEADING + '<img alt="" src="">', ("external",)),
    Broken("a link elsewhere", 'href="#bars"', 'href="https://example.org/"', ("external",)),
    Broken("a remote font", "<style>", "<style>@font-face { font-family: a; src: url( 'http://example.org/a') }",
           ("external",)),
    Broken("an imported style", "<style>", '<style>@import "http://example.org/a.css";',
           ("external", "request", "console")),
    Broken("a background only in print", "body { margin: 0; }",
           "body { margin: 0; background: url(a.png); print-color-adjust: exact; }",
           ("external", "request", "console", "image")),
    Broken("a page that redirects", "<title>", '<meta http-equiv="Refresh" content="900"><title>', ("external",)),
    Broken("a chart without a name", ' aria-label="Counts in three bars"', "", ("chart-name",)),
    Broken("a chart with an empty name", "Counts in three bars", " ", ("chart-name",)),
    Broken("two charts with one name", "Counts in three bars", "A rising line", ("chart-name",)),
    Broken("a chart without the role", '<svg role="img" viewBox="0 0 640 100">',
           '<svg viewBox="0 0 640 100" aria-label="A"><text x="9" y="90" fill="var(--ink)">a</text>', ("chart-role",)),
    Broken("a hidden chart", '<svg role="img" aria-label', '<svg aria-hidden="true" role="img" aria-label',
           ("chart-name",)),
    Broken("a missing chart", '<svg role="img" viewBox="0 0 640 100"><title>A rising line</title>', "<svg hidden><svg>",
           ("chart-name",)),
    Broken("a table without a caption", "<caption>Counts</caption>", "", ("caption",)),
    Broken("a table with an empty caption", "<caption>Counts", "<caption>", ("caption",)),
    Broken("a header without scope", '<th scope="row">', "<th>", ("scope",)),
    Broken("a header with a wrong scope", 'scope="row"', 'scope="line"', ("scope",)),
    Broken("a table without headers", '<tr><th scope="col">Bar</th><th scope="col">Count</th></tr></thead>\n'
           '<tbody><tr><th scope="row">first</th><td>1</td></tr>', "</thead><tbody><tr><td>1</td></tr>", ("scope",)),
    Broken("a skipped heading", HEADING, HEADING.replace("h2", "h3"), ("heading",)),
    Broken("a second h1", HEADING, HEADING.replace("h2", "h1"), ("heading",)),
    Broken("no h1", "<h1>A report</h1>", "", ("heading",)),
    Broken("an empty heading", "<h3>As a table", "<h3>", ("heading",)),
    Broken("no language", ' lang="en"', "", ("lang",)),
    Broken("no title", "<title>A report</title>", "", ("title",)),
    Broken("text lost in the dark", ".badge {", "#more { color: #1a1d21; } .badge {", ("contrast",)),
    Broken("faint text", ".badge {", "#more { color: #999; } .badge {", ("contrast",)),
    Broken("faded text", "opacity: .9", "opacity: .4", ("contrast",)),
    Broken("text lost on paper", " print-color-adjust: exact;", "", ("contrast",)),
    Broken("text on a picture", "background: var(--bar)", "background: linear-gradient(var(--bar), var(--bar))",
           ("contrast", "image")),
    Broken("a label lost in the dark", SECOND, SECOND.replace("var(--ink)", "#1a1d21"), ("contrast",)),
    Broken("a label in the browser's default color", SECOND, ">second", ("contrast",)),
    Broken("a label lost on its bar", FIRST, FIRST.replace("--on-bar", "--ink"), ("contrast",)),
    Broken("a label half off its bar", 'x="130" y="80"', 'x="200" y="80"', ("contrast",)),
    Broken("a label across an edge", 'paint-order="stroke"', 'paint-order="fill"', ("contrast",)),
    Broken("a line lost on paper", 'fill="none" stroke="var(--bar)"', 'fill="none" stroke="var(--paper)"', ("mark",)),
    Broken("a line lost on its bar", 'stroke="var(--paper)" stroke-width="2"', 'stroke="var(--bar)" stroke-width="2"',
           ("mark",)),
    Broken("a bar lost by its group", 'opacity=".8"', 'opacity=".02"', ("mark",)),
    Broken("a missing pattern", 'fill="url(#hatch)" stroke="var(--ink)"', 'fill="url(#hush)"', ("mark",)),
    Broken("a page that scrolls sideways", HEADING, HEADING.replace("<h2", '<h2 style="width: 600px"'), ("sideways",)),
    Broken("a page that always scrolls sideways", HEADING, HEADING.replace("<h2", '<h2 style="width: 1500px"'),
           ("sideways",)),
    Broken("a table cut off on paper", ".wide { overflow: visible; }", "table { width: 900px; }", ("cut",)),
    Broken("labels on each other", PLACE, 'x="130" y="70" ', ("contrast", "overlap")),
    Broken("labels that touch", PLACE, 'x="310" y="58" fill="var(--ink)">near</text><text x="310" y="72" ',
           ("overlap",)),
    Broken("a label outside its chart", PLACE, 'x="630" y="20" ', ("outside",)),
    Broken("a label above its chart", PLACE, 'x="310" y="5" ', ("outside",)),
    Broken("an empty print", ".wide { overflow: visible; }", "body { display: none; }", ("empty", "pdf")),
)  # fmt: skip
