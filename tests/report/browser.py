"""Headless Chromium for the report's test, and nothing of the net for it.

Used by `check.py` and `selftest.py`. One browser serves many pages; each is
opened anew, with what the browser told of the one before forgotten. Programs
are the installed ones: nothing is fetched, and no host name resolves.
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

# In CSS pixels; A4 between the browser's own margins is as wide as PAPER.
WIDE, NARROW, PAPER, HEIGHT = 1280, 390, 718, 900
A4 = {"paperWidth": 8.27, "paperHeight": 11.69}  # inches
# Taller than this, Chromium draws nothing more.
SCREENSHOT_HEIGHT_MAX = 16_000
PAGE_SECONDS_MAX = 30
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


class View(NamedTuple):
    """One way to look at the page: what the reader has, and how wide."""

    name: str
    media: str
    scheme: str
    width: int


# Print is always in light colours, whatever the reader's screen has.
VIEWS = (
    View("light", "screen", "light", WIDE),
    View("dark", "screen", "dark", WIDE),
    View("narrow", "screen", "light", NARROW),
    View("print", "print", "light", PAPER),
)


class LacksError(Exception):
    """This machine has not what the test needs."""


def program(name: str) -> str:
    """Where an installed program is."""
    if path := shutil.which(name):
        return path
    raise LacksError(f"no {name} on the PATH: run install.sh")


class Browser:
    """One running Chromium."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        """Of a driver that `started` made."""
        self.driver = driver

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call Chromium's own protocol."""
        return self.driver.execute_cdp_cmd(method, given)

    def told(self, log: str) -> list[dict[str, Any]]:
        """Take what Chromium told since the last time: `browser` or `performance`."""
        return self.driver.get_log(log)  # type: ignore[no-untyped-call]

    def open(self, page: Path) -> str:
        """Open a page from its file, all that folds out unfolded; give its address."""
        self.driver.get("about:blank")
        self.show(VIEWS[0])
        for log in ("browser", "performance"):
            self.told(log)
        address = page.resolve().as_uri()
        self.driver.get(address)
        self.driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        return address

    def show(self, view: View, height: int = HEIGHT) -> None:
        """Show the open page as one reader has it."""
        self.call("Emulation.setScrollbarsHidden", hidden=view.media == "print")
        scheme = {"name": "prefers-color-scheme", "value": view.scheme}
        self.call("Emulation.setEmulatedMedia", media=view.media, features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=view.width, height=height, deviceScaleFactor=1, mobile=False
        )

    def measure(self, script: str, *given: Any) -> Any:
        """Run a function's body in the page, from outside: the page itself stays without script."""
        return self.driver.execute_script(script, *given)

    def requests(self) -> list[tuple[str, str]]:
        """Every request since the page was opened, as its kind and address."""
        messages = (json.loads(entry["message"])["message"] for entry in self.told("performance"))
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [(one.get("type", "Other"), one["request"]["url"]) for one in sent]

    def charts(self) -> list[dict[str, str] | None]:
        """Role and name of each outermost `svg`, as told to a screen reader; `None` for one passed over."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        told = {node.get("backendDOMNodeId"): node for node in nodes if not node["ignored"]}
        root = self.call("DOM.getDocument", depth=-1)["root"]
        return [heard(told.get(number)) for number in outermost(root)]

    def screenshot(self, view: View) -> bytes:
        """The whole page as a PNG."""
        self.show(view)
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        self.show(view, max(HEIGHT, min(height, SCREENSHOT_HEIGHT_MAX)))
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """The page as printed on A4, with the browser's own settings for the rest."""
        self.call("Emulation.setEmulatedMedia", media="", features=[])
        self.call("Emulation.clearDeviceMetricsOverride")
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, **A4)["data"])


def outermost(node: dict[str, Any]) -> Iterator[int]:
    """The numbers of the `svg` elements below a node that are inside no other."""
    if node["nodeName"].lower() == "svg":
        yield node["backendNodeId"]
        return
    for child in node.get("children", ()):
        yield from outermost(child)


def heard(node: dict[str, Any] | None) -> dict[str, str] | None:
    """What of an accessible node the check needs."""
    return node and {what: str(node.get(what, {}).get("value", "")).strip() for what in ("role", "name")}


@contextmanager
def started() -> Iterator[Browser]:
    """A Chromium, ended with the block, and with it what it leaves lying about."""
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
            raise LacksError(f"the browser does not do it: {error.msg}") from error
