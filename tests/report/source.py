"""What the report's source must not contain: scripts, handlers, anything to fetch.

Used by `check.py`. Reads the source, not the browser's document, so that a script that
removes itself, or that this browser would not run, is reported as well. A reference to
an element of the page itself (`#name`) is allowed.
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
    """One fault: its kind, what to do about it, and the views in which it occurs (all, if none)."""

    kind: str
    text: str
    views: tuple[str, ...] = ()


def short(text: str) -> str:
    """Return a text as quoted in a fault."""
    one_line = " ".join(text.split())
    return f'"{one_line if len(one_line) <= SHOWN_MAX else one_line[: SHOWN_MAX - 1] + "…"}"'


class Reader(HTMLParser):
    """Reads the source and collects its faults."""

    def __init__(self) -> None:
        """Start without faults."""
        super().__init__()
        self.faults: list[Fault] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element and its attributes."""
        self.in_style = tag == "style"
        if tag == "base" or (dict(attrs).get("http-equiv") or "").lower() == "refresh":
            self.faults.append(Fault("external", f"<{tag}> leads elsewhere: remove it"))
        for name, value in attrs:
            self.attribute(tag, name, value or "")

    def attribute(self, tag: str, name: str, value: str) -> None:
        """Check one attribute."""
        if name.startswith("on"):
            self.faults.append(Fault("handler", f"<{tag}> has {name}: remove it"))
        elif name == "srcdoc":
            self.faults.append(Fault("external", f"<{tag}> contains another page: remove it"))
        elif name in REFERENCES and not value.startswith("#"):
            self.faults.append(Fault("external", f"<{tag}> has {name}={short(value)}: embed it in the page"))
        else:
            self.style(f"<{tag}> has in {name}", value)

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet."""
        self.in_style = self.in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Check a style sheet's text."""
        if self.in_style:
            self.style("the style sheet has", data)

    def style(self, where: str, text: str) -> None:
        """Check for what a style fetches."""
        self.faults += [
            Fault("external", f"{where} url({short(found)}): embed it in the page") for found in URL.findall(text)
        ]
        if "@import" in text.lower():
            self.faults.append(Fault("external", f"{where} @import: embed the style in the page"))


def source_faults(text: str) -> list[Fault]:
    """Return every fault of a page's source."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    scripts = len(re.findall(r"<script", text, re.IGNORECASE))
    found = [Fault("script", f"the page has {scripts} <script>: remove them")] if scripts else []
    return found + reader.faults
