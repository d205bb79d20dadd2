"""Build and run every Rust test; print a line per test program, and what failed.

`make test` calls it. Each program's output goes to a file of its own; of a program
that fails, the failures are printed. Programs that mostly wait (emulators, leases)
run next to the others. Must never hide a failure, or a program that ran no test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "target" / "test-logs"
BUILD = ["cargo", "test", "--release", "--workspace", "--locked"]
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
# Programs that hold tests for root, ignored elsewhere.
FOR_ROOT = ("e2e",)
# A program without a test has lost them. Those of the volume need devices: `make test-machine` runs them.
AT_LEAST = 1
LINES_OF_FAILURE = 200


class Program(NamedTuple):
    """A test program: its package, its name, and how it is started."""

    package: str
    name: str
    command: list[str]
    folder: Path

    @property
    def title(self) -> str:
        """How the summary names it."""
        return f"{self.package} {self.name}"


class Outcome(NamedTuple):
    """What a program did."""

    program: Program
    seconds: float
    passed: int
    failed: int
    ignored: int
    ok: bool
    log: Path


def programs() -> list[Program]:
    """Build all test programs."""
    built = subprocess.run([*BUILD, "--no-run", "--message-format=json"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        for line in built.stdout.splitlines():
            message = json.loads(line).get("message") or {}
            if message.get("level") == "error":
                print(message["rendered"], file=sys.stderr)
        sys.exit("the tests do not compile")
    found = []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") != "compiler-artifact" or not message.get("executable"):
            continue
        if not message["profile"]["test"]:
            continue
        folder = Path(message["manifest_path"]).parent
        target = message["target"]
        name = "unit tests" if target["kind"] != ["test"] else target["name"]
        if target["kind"] == ["bin"]:
            continue  # the programs' main functions hold no tests
        command = [message["executable"]]
        if target["name"] in FOR_ROOT and os.geteuid() == 0:
            command.append("--include-ignored")
        found.append(Program(folder.name, name, command, folder))
    doc = [*BUILD, "--doc"]
    return [*found, Program("all", "doc examples", doc, ROOT)]


def run(program: Program) -> Outcome:
    """Run one program to its log."""
    log = LOGS / (program.title.replace(" ", "-") + ".log")
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        ended = subprocess.run(
            program.command, cwd=program.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    seconds = time.monotonic() - start
    counts = [0, 0, 0]
    for found in RESULT.finditer(log.read_text(encoding="utf-8", errors="replace")):
        counts = [sum(pair) for pair in zip(counts, map(int, found.groups()), strict=True)]
    passed, failed, ignored = counts
    ok = ended.returncode == 0 and failed == 0 and passed + ignored >= AT_LEAST
    return Outcome(program, seconds, passed, failed, ignored, ok, log)


def failures(log: Path) -> str:
    """The part of a log that says what failed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    start = text.find("\nfailures:\n")
    lines = text[max(start, 0) :].splitlines()
    cut = [f"[{len(lines) - LINES_OF_FAILURE} more lines]"] if len(lines) > LINES_OF_FAILURE else []
    return "\n".join(lines[:LINES_OF_FAILURE] + cut)


def main() -> int:
    """Build, run, summarize."""
    LOGS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    all_programs = programs()
    built = time.monotonic() - start
    print(f"built {len(all_programs)} test programs in {built:.0f} s; output in {LOGS.relative_to(ROOT)}", flush=True)
    # The longest wait for emulators and leases: next to the others.
    waiting = [one for one in all_programs if one.name == "aws_e2e"]
    others = [one for one in all_programs if one not in waiting]
    outcomes: list[Outcome] = []

    def show(outcome: Outcome) -> None:
        state = "ok" if outcome.ok else "FAILED"
        ignored = f", {outcome.ignored} ignored" if outcome.ignored else ""
        print(
            f"{state:<6} {outcome.seconds:6.1f} s  {outcome.passed:4} passed, {outcome.failed} failed{ignored}"
            f"  {outcome.program.title}",
            flush=True,
        )
        outcomes.append(outcome)

    with ThreadPoolExecutor(1) as aside:
        later = [aside.submit(run, one) for one in waiting]
        for one in others:
            show(run(one))
        for one in later:
            show(one.result())
    if os.geteuid() != 0:
        print("not run, because they need root: cargo test --release --test e2e -- --ignored")
    broken = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in broken:
        print(f"\n--- {outcome.program.title} ({outcome.log.relative_to(ROOT)})\n{failures(outcome.log)}")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    print(f"\n{passed} passed, {failed + sum(1 for o in broken if o.failed == 0)} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
