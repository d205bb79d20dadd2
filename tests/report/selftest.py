"""Proves that check.py can fail: a good page passes, and each broken one is reported with the right kinds.

    selftest.py

A broken page must be reported with exactly the expected kinds; additional kinds would
show that the check raises false alarms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from browser import Browser, LacksError, started
from check import SHOTS, check, line
from pages import BROKEN, GOOD, Broken

CHARTS = 2


def try_good(browser: Browser, folder: Path) -> list[str]:
    """The good page passes and its screenshots are written; it fails if one more chart is expected."""
    page = folder / "good.html"
    page.write_text(GOOD, encoding="utf-8")
    problems = [f"the good page: {line(fault)}" for fault in check(browser, page, CHARTS, folder).faults]
    for name in (*SHOTS.values(), "print.pdf"):
        path = folder / name
        if not path.is_file() or not path.read_bytes().startswith((b"\x89PNG", b"%PDF")):
            problems.append(f"the good page: no {name}")
    if [fault.kind for fault in check(browser, page, CHARTS + 1, None).faults] != ["charts"]:
        problems.append("the good page passes although a chart is missing")
    return problems


def try_broken(browser: Browser, folder: Path, broken: Broken) -> list[str]:
    """The broken page is reported, with exactly the expected kinds."""
    if broken.old not in GOOD:
        return [f"{broken.about}: nothing to replace in the good page"]
    page = folder / "broken.html"
    page.write_text(GOOD.replace(broken.old, broken.new, 1), encoding="utf-8")
    faults = check(browser, page, CHARTS, None).faults
    kinds = {fault.kind for fault in faults}
    if kinds == set(broken.kinds):
        return []
    reported = "; ".join(map(line, faults)) or "passes"
    return [f"{broken.about}: expected {', '.join(broken.kinds)}: {reported}"]


def main() -> int:
    """Try every page; return the exit code."""
    try:
        with started() as browser, tempfile.TemporaryDirectory(prefix="sce-report-") as folder:
            problems = try_good(browser, Path(folder))
            for broken in BROKEN:
                problems += try_broken(browser, Path(folder), broken)
    except LacksError as lacks:
        print(f"selftest: {lacks}", file=sys.stderr)
        return 2
    caught = f"{len(BROKEN)} broken pages tried, {len(problems)} problems"
    print("\n".join([*problems, f"report self-test: {caught}"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
