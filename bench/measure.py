"""Runs child processes, measures their resource usage, and prints it.

Must use little memory itself (no pandas here): on Linux, a child's peak memory is never
less than its parent's memory when it was started.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
Command = Sequence[str | Path]


class Usage(NamedTuple):
    """Resource usage of a child; the peak memory is unknown if a tool reports its own time."""

    cpu_seconds: float
    wall_seconds: float
    rss_mib: float | None


def fail(text: str) -> NoReturn:
    """Exit with an error: a benchmark with a missing part would be misleading."""
    print(f"bench: {text}", file=sys.stderr)
    sys.exit(3)


def run(command: Command) -> Usage:
    """Run a child until it exits and return its usage."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        # wait4 reports the usage of this child alone; getrusage would include all earlier ones.
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            tail = errors.read().decode(errors="replace")[-2000:]
            fail(f"exit {child.returncode} from {' '.join(map(str, command))}\n{tail}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def measure(commands: dict[str, Command], repeat: int, outs: Sequence[Path] = ()) -> dict[str, Usage]:
    """Return the median usage of each command, run in alternation; `outs` are emptied before every round."""
    rounds: dict[str, list[Usage]] = {what: [] for what in commands}
    for number in range(1, repeat + 1):
        for out in outs:
            shutil.rmtree(out, ignore_errors=True)
        for what, command in commands.items():
            print(f"  round {number}/{repeat}: {what}", file=sys.stderr)
            rounds[what].append(run(command))
    return {what: Usage(*map(statistics.median, zip(*uses, strict=True))) for what, uses in rounds.items()}


def rows(part: str, megabytes: float, used: dict[str, Usage]) -> list[dict[str, Any]]:
    """Return the table rows of one part; the first of `used` is ours."""
    ours = next(iter(used.values())).cpu_seconds
    return [
        {"part": part, "what": what, "mb": megabytes, **use._asdict()}
        | {"mb_per_cpu_second": megabytes / use.cpu_seconds, "ratio_to_ours": use.cpu_seconds / ours}
        for what, use in used.items()
    ]


def openssl(megabytes: float, repeat: int) -> Usage:
    """Measure AES-256-GCM alone, 1 MiB at a time, by the speed that openssl prints (its clock is CPU time)."""
    speeds = []
    for _ in range(repeat):
        command = ["openssl", "speed", "-evp", "aes-256-gcm", "-bytes", "1048576", "-seconds", "3", "-decrypt"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"^aes-256-gcm\s+([0-9.]+)k", done.stdout, re.IGNORECASE | re.MULTILINE)
        if done.returncode != 0 or not found:
            fail(f"openssl speed printed no result: {done.stderr[-500:]}")
        speeds.append(float(found[1]) / 1000)
    seconds = megabytes / statistics.median(speeds)
    return Usage(seconds, seconds, None)


def show(table: list[dict[str, Any]]) -> None:
    """Print the rows, part by part, as plain text."""
    part = None
    for row in table:
        if row["part"] != part:
            part = row["part"]
            print(f"\n{part}, {row['mb']:.0f} MB")
            print(f"  {'':44} {'CPU-s':>8} {'wall s':>8} {'peak MiB':>9} {'MB/CPU-s':>9} {'x ours':>7}")
        peak = "-" if row["rss_mib"] is None else f"{row['rss_mib']:.0f}"
        numbers = f"{row['cpu_seconds']:8.2f} {row['wall_seconds']:8.2f} {peak:>9} {row['mb_per_cpu_second']:9.0f}"
        print(f"  {row['what']:44} {numbers} {row['ratio_to_ours']:7.2f}")


def need_tools(tools: Sequence[str | Path]) -> dict[str, str]:
    """Exit if a tool or pinned package is missing or has another version; return the versions."""
    for tool in tools:
        if shutil.which(tool) is None:
            fail(f"{tool} is missing (build with `cargo build --release`, or install it)")
    versions = {}
    for line in (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not (pin := re.match(r"([\w-]+)(?:\[\w+\])?==(\S+)", line)):
            continue
        try:
            versions[pin[1]] = importlib.metadata.version(pin[1])
        except importlib.metadata.PackageNotFoundError:
            fail(f"{pin[1]} is missing: pip install -r bench/requirements.txt")
        if versions[pin[1]] != pin[2]:
            fail(f"{pin[1]} is {versions[pin[1]]}, not {pin[2]}: pip install -r bench/requirements.txt")
    return versions
