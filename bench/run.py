"""Measures sce and its alternatives, in one run on one machine.

Prints a table and writes JSON. Every measurement is a child process; CPU time is user +
system of the child and its own children, as medians of `--repeat` rounds in which all
alternate, so that load on the machine affects all. Results are compared as well,
because speed means nothing otherwise: exits 1 if any differs (or if the agent's memory
exceeds its limit), 3 if a tool is missing or fails.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from measure import Command, fail, measure, need_tools, openssl, rows, run, show

HERE = Path(__file__).resolve().parent
OBJECT = "bench/0123456789abcdef.csv"
CONTENDERS = {"pandas": "with_pandas.py", "DuckDB": "with_duckdb.py", "Polars": "with_polars.py"}
RSS_LIMIT_MIB = 512
CALIBRATION_VISITS = 100


class Ours(NamedTuple):
    """Our command lines, all in one place."""

    sce: Path
    agent: Path
    key: Path

    def flags(self) -> list[str | Path]:
        """Return the key and the expected encryption context."""
        return ["--key-file", self.key, "--pit", "hipaa", "--object", OBJECT]

    def seal(self, plain: Path, sealed: Path) -> Command:
        """Return the command that seals a file."""
        return [self.sce, "seal", plain, sealed, *self.flags()]

    def open(self, sealed: Path, out: Path) -> Command:
        """Return the command that opens a sealed file."""
        return [self.sce, "open", sealed, out, *self.flags()]

    def synth(self, out: Path, visits: int) -> Command:
        """Return the command that creates pseudo-data: one object of 1,000 patients."""
        size = ["--patients", "1000", "--visits", str(visits), "--objects", "1", "--seed", "7"]
        return [self.sce, "synth", "--out", out, *size]

    def analyze(self, file: Path, out: Path, sealed: bool) -> Command:
        """Return the command that analyzes one local file, plain or sealed."""
        return [self.agent, "analyze", file, "--format", "wide", "--out", out, *(self.flags() if sealed else [])]


def python(script: str, *args: str | Path) -> Command:
    """Return a command that runs a script of this directory."""
    return [sys.executable, HERE / script, *args]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def megabytes_of(path: Path) -> float:
    """Return the size in MB (10^6 bytes)."""
    return path.stat().st_size / 1e6


def same_results(ours: Path, theirs: Path) -> bool:
    """Return whether two result directories agree within the tolerances of the independent calculation."""
    script = HERE.parent / "tests" / "python" / "compare.py"
    done = subprocess.run([sys.executable, script, ours, theirs], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or (done.returncode == 1 and "differences" not in done.stdout):
        fail(f"comparison did not run: {done.stderr[-2000:]}")
    print(f"  {ours.name} / {theirs.name}: {done.stdout.strip()}", file=sys.stderr)
    return done.returncode == 0


def envelope(ours: Ours, work: Path, args: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """Part 1: open one sealed file and discard the plaintext."""
    plain, sealed, opened = work / "random", work / "random.sealed", work / "random.opened"
    with plain.open("wb") as target:
        for _ in range(args.envelope_mb):
            target.write(os.urandom(1_000_000))
    run(ours.seal(plain, sealed))
    equal = True
    null = Path("/dev/null")
    theirs = python("client.py", "open", sealed, opened, "--key-file", ours.key)
    for command in (ours.open(sealed, opened), theirs):
        run(command)
        equal &= digest(opened) == digest(plain)
        opened.unlink()
    commands = {
        "sce open": ours.open(sealed, null),
        "Python client": python("client.py", "open", sealed, null, "--key-file", ours.key),
    }
    size = megabytes_of(plain)
    used = measure(commands, args.repeat) | {"openssl speed (cipher alone)": openssl(size, args.repeat)}
    plain.unlink()
    sealed.unlink()
    return rows("envelope open", size, used), equal


def synth(ours: Ours, work: Path, megabytes: int) -> Path:
    """Create a wide CSV file of about the requested size, scaled from a small one."""

    def made(name: str, visits: int) -> Path:
        run(ours.synth(work / name, visits))
        files = list((work / name).rglob("*.csv"))
        if len(files) != 1:
            fail(f"sce synth --objects 1 created {len(files)} CSV files")
        return files[0]

    sample = made(f"sample-{megabytes}", CALIBRATION_VISITS)
    visits = max(1, round(CALIBRATION_VISITS * megabytes / megabytes_of(sample)))
    return made(f"study-{megabytes}", visits)


def analysis(ours: Ours, work: Path, file: Path, repeat: int) -> tuple[list[dict[str, Any]], bool]:
    """Part 2: compute the statistics of one plain wide CSV file."""
    outs = {name: work / f"out-{name}" for name in ("sce", *CONTENDERS)}
    commands: dict[str, Command] = {"sce-agent analyze": ours.analyze(file, outs["sce"], sealed=False)}
    commands |= {name: python(script, file, outs[name]) for name, script in CONTENDERS.items()}
    used = measure(commands, repeat, [*outs.values()])
    equal = [same_results(outs["sce"], outs[name]) for name in CONTENDERS]
    return rows("analysis of wide CSV", megabytes_of(file), used), all(equal)


def whole_path(ours: Ours, work: Path, file: Path, repeat: int) -> tuple[list[dict[str, Any]], bool]:
    """Part 3: from the sealed object to the results."""
    sealed, out, theirs = work / "study.sealed", work / "out-sealed", work / "out-client"
    run(ours.seal(file, sealed))
    commands = {
        "sce-agent analyze (sealed)": ours.analyze(sealed, out, sealed=True),
        "Python client + pandas": python("client.py", "analyze", sealed, theirs, "--key-file", ours.key),
    }
    used = measure(commands, repeat, [out, theirs])
    return rows("sealed object to results", megabytes_of(file), used), same_results(out, theirs)


def large(ours: Ours, work: Path, megabytes: int) -> tuple[list[dict[str, Any]], bool]:
    """Part 4: measure the agent's peak memory on a large sealed object, once."""
    file, sealed = synth(ours, work, megabytes), work / "large.sealed"
    run(ours.seal(file, sealed))
    size = megabytes_of(file)
    file.unlink()
    used = run(ours.analyze(sealed, work / "out-large", sealed=True))
    within = used.rss_mib is not None and used.rss_mib <= RSS_LIMIT_MIB
    verdict = f"peak {used.rss_mib:.0f} MiB, {'within' if within else 'OVER'} {RSS_LIMIT_MIB} MiB"
    return rows("large object", size, {f"sce-agent analyze ({verdict})": used}), within


@contextlib.contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """Provide the given directory, kept afterward, or a new one that is removed."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="sce-bench-") as folder:
            yield Path(folder)
    else:
        given.mkdir(parents=True, exist_ok=True)
        # A new subdirectory, so that files of earlier runs are never mixed in.
        yield Path(tempfile.mkdtemp(prefix="run-", dir=given.resolve()))


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="measure sce and its alternatives", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    target = HERE.parent / "target"
    parser.add_argument("--bin", type=Path, default=target / "release", help="directory of sce and sce-agent")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are shown")
    parser.add_argument("--envelope-mb", type=int, default=512, help="size of the file to open, MB")
    parser.add_argument("--analysis-mb", type=int, default=1000, help="size of the wide CSV, MB (about)")
    parser.add_argument("--large", action="store_true", help="also measure peak memory on a large object")
    parser.add_argument("--large-mb", type=int, default=4000, help="size of the large object, MB (about)")
    parser.add_argument("--work", type=Path, help="working directory, kept; default: a new one, removed")
    parser.add_argument("--json", type=Path, default=target / "bench.json", help="file for the results as JSON")
    return parser.parse_args()


def main() -> int:
    """Run every part, print, write; return the exit code."""
    args = parse_args()
    binaries = args.bin.resolve()
    about = {
        "schema_version": 1,
        "cores": os.cpu_count(),
        "versions": need_tools([binaries / "sce", binaries / "sce-agent", "openssl"]),
    }
    with work_folder(args.work) as work:
        ours = Ours(binaries / "sce", binaries / "sce-agent", work / "bench.key")
        run([ours.sce, "key", "new", ours.key])
        parts = {"envelope open": envelope(ours, work, args)}
        file = synth(ours, work, args.analysis_mb)
        parts["analysis"] = analysis(ours, work, file, args.repeat)
        parts["whole path"] = whole_path(ours, work, file, args.repeat)
        if args.large:
            parts["large object"] = large(ours, work, args.large_mb)
    table = [row for part, _ in parts.values() for row in part]
    verdicts = {name: ok for name, (_, ok) in parts.items()}
    show(table)
    print(
        f"\nmedians of {args.repeat}; checks: "
        + ", ".join(f"{n} {'ok' if ok else 'FAILED'}" for n, ok in verdicts.items())
    )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(
        json.dumps(about | {"repeat": args.repeat, "checks": verdicts, "rows": table}, indent=2) + "\n"
    )
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
