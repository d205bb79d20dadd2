"""Headless Chromium for the report's test, without network access.

Used by `check.py` and `selftest.py`. One browser serves many pages; each is opened
with the log entries of the previous one discarded. The installed programs are used:
nothing is downloaded, and no host name resolves.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

# In CSS pixels; PAPER is the width of A4 between the browser's default margins.
WIDE, NARROW, PAPER, HEIGHT = 1280, 390, 718, 900
A4 = {"paperWidth": 8.27, "paperHeight": 11.69}  # inches
# Chromium draws nothing beyond this height.
SCREENSHOT_HEIGHT_MAX = 16_000
PAGE_SECONDS_MAX = 30
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


class View(NamedTuple):
    """One way to look at the page: the reader's media, color scheme and width."""

    name: str
    media: str
    scheme: str
    width: int


# Print always uses light colors, whatever the reader's screen uses.
VIEWS = (
    View("light", "screen", "light", WIDE),
    View("dark", "screen", "dark", WIDE),
    View("narrow", "screen", "light", NARROW),
    View("print", "print", "light", PAPER),
)


class LacksError(Exception):
    """This machine lacks what the test needs."""


def program(name: str) -> str:
    """Return the path of an installed program."""
    if path := shutil.which(name):
        return path
    raise LacksError(f"{name} is not on the PATH: run install.sh")


class Browser:
    """One running Chromium."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        """Wrap a driver that `started` created."""
        self.driver = driver

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call Chromium's DevTools protocol."""
        return self.driver.execute_cdp_cmd(method, given)

    def told(self, log: str) -> list[dict[str, Any]]:
        """Return Chromium's log entries since the last call: `browser` or `performance`."""
        return self.driver.get_log(log)  # type: ignore[no-untyped-call]

    def open(self, page: Path) -> str:
        """Open a page from its file, expand all its details elements, and return its URL."""
        self.driver.get("about:blank")
        self.show(VIEWS[0])
        for log in ("browser", "performance"):
            self.told(log)
        address = page.resolve().as_uri()
        self.driver.get(address)
        self.driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        return address

    def show(self, view: View, height: int = HEIGHT) -> None:
        """Show the open page in one view."""
        self.call("Emulation.setScrollbarsHidden", hidden=view.media == "print")
        scheme = {"name": "prefers-color-scheme", "value": view.scheme}
        self.call("Emulation.setEmulatedMedia", media=view.media, features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=view.width, height=height, deviceScaleFactor=1, mobile=False
        )

    def measure(self, script: str, *given: Any) -> Any:
        """Run a function's body in the page from outside: the page itself remains without scripts."""
        return self.driver.execute_script(script, *given)

    def requests(self) -> list[tuple[str, str]]:
        """Return every request since the page was opened, as its type and URL."""
        messages = (json.loads(entry["message"])["message"] for entry in self.told("performance"))
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [(one.get("type", "Other"), one["request"]["url"]) for one in sent]

    def charts(self) -> list[dict[str, str] | None]:
        """Return role and name of each outermost `svg` for a screen reader; `None` for a hidden one."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        exposed = {node.get("backendDOMNodeId"): node for node in nodes if not node["ignored"]}
        root = self.call("DOM.getDocument", depth=-1)["root"]
        return [heard(exposed.get(number)) for number in outermost(root)]

    def screenshot(self, view: View) -> bytes:
        """Return the whole page as a PNG."""
        self.show(view)
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        self.show(view, max(HEIGHT, min(height, SCREENSHOT_HEIGHT_MAX)))
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """Return the page as printed on A4, otherwise with the browser's default settings."""
        self.call("Emulation.setEmulatedMedia", media="", features=[])
        self.call("Emulation.clearDeviceMetricsOverride")
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, **A4)["data"])


def outermost(node: dict[str, Any]) -> Iterator[int]:
    """Yield the ids of the `svg` elements below a node that are not inside another `svg`."""
    if node["nodeName"].lower() == "svg":
        yield node["backendNodeId"]
        return
    for child in node.get("children", ()):
        yield from outermost(child)


def heard(node: dict[str, Any] | None) -> dict[str, str] | None:
    """Return role and name of an accessible node."""
    return node and {what: str(node.get(what, {}).get("value", "")).strip() for what in ("role", "name")}


@contextmanager
def started() -> Iterator[Browser]:
    """Provide a Chromium, which ends with the block together with its temporary files."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    options.unhandled_prompt_behavior = "dismiss"
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    with tempfile.TemporaryDirectory(prefix="sce-chromium-", ignore_cleanup_errors=True) as folder:
        service = Service(program("chromedriver"), env={**os.environ, "TMPDIR": folder})
        try:
            with webdriver.Chrome(options, service) as driver:
                driver.set_page_load_timeout(PAGE_SECONDS_MAX)
                yield Browser(driver)
        except WebDriverException as error:
            raise LacksError(f"the browser failed: {error.msg}") from error
