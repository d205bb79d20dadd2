"""What the report's text itself must not hold: scripts, handlers, anything to fetch.

Used by `check.py`. Reads the source and not what the browser made of it, so that
a script which takes itself away, or one that this browser would not run, is
told as well. A reference to a place in the page itself (`#name`) is fine.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

REFERENCES = frozenset(
    ("href", "xlink:href", "src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "manifest")
)
URL = re.compile(r"url\(\s*[\"']?(?!\s*[\"']?#)([^)\"']*)", re.IGNORECASE)
SHOWN_MAX = 60


class Fault(NamedTuple):
    """One thing that is wrong: its kind, what to do about it, and in which views it is seen (all, if none)."""

    kind: str
    text: str
    views: tuple[str, ...] = ()


def short(text: str) -> str:
    """A text as it is told in a fault, quoted."""
    one_line = " ".join(text.split())
    return f'"{one_line if len(one_line) <= SHOWN_MAX else one_line[: SHOWN_MAX - 1] + "…"}"'


class Reader(HTMLParser):
    """Goes through the source and keeps what must not be there."""

    def __init__(self) -> None:
        """Nothing read yet."""
        super().__init__()
        self.faults: list[Fault] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        self.in_style = tag == "style"
        if tag == "base" or (dict(attrs).get("http-equiv") or "").lower() == "refresh":
            self.faults.append(Fault("external", f"<{tag}> leads elsewhere: take it out"))
        for name, value in attrs:
            self.attribute(tag, name, value or "")

    def attribute(self, tag: str, name: str, value: str) -> None:
        """Look at one attribute."""
        if name.startswith("on"):
            self.faults.append(Fault("handler", f"<{tag}> has {name}: take it out"))
        elif name == "srcdoc":
            self.faults.append(Fault("external", f"<{tag}> holds a page of its own: take it out"))
        elif name in REFERENCES and not value.startswith("#"):
            self.faults.append(Fault("external", f"<{tag}> has {name}={short(value)}: put what it needs into the page"))
        else:
            self.style(f"<{tag}> has in {name}", value)

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet."""
        self.in_style = self.in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Look at a style sheet's text."""
        if self.in_style:
            self.style("the style sheet has", data)

    def style(self, where: str, text: str) -> None:
        """Look for what a style fetches."""
        self.faults += [
            Fault("external", f"{where} url({short(found)}): put what it needs into the page")
            for found in URL.findall(text)
        ]
        if "@import" in text.lower():
            self.faults.append(Fault("external", f"{where} @import: put the style into the page"))


def source_faults(text: str) -> list[Fault]:
    """Every fault of a page's source."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    scripts = len(re.findall(r"<script", text, re.IGNORECASE))
    told = [Fault("script", f"the page has {scripts} <script>: it must do without")] if scripts else []
    return told + reader.faults
