"""Shared by the contenders: command line, the vitals' tables, and NEWS2 output.

Each contender reads one wide CSV file and writes patients.csv and summary.json (NEWS2
bands only) to a directory, computing what `sce-agent analyze` computes. Each is written
as an expert in the tool would write it, and tuned by measurement; all parse every date.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "python"))

THREADS = 2  # the agent's analysis uses two as well


def parse_args(tool: str) -> argparse.Namespace:
    """Parse FILE and OUT, the arguments of every contender."""
    parser = argparse.ArgumentParser(description=f"the vitals statistics of one wide CSV file, with {tool}")
    parser.add_argument("file", type=Path, metavar="FILE", help="plain wide CSV")
    parser.add_argument("out", type=Path, metavar="OUT", help="directory for patients.csv and summary.json (created)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def write_news2(out: Path, bands: dict[str, int]) -> None:
    """Write the NEWS2 band counts where compare.py expects them."""
    (out / "summary.json").write_text(json.dumps({"news2": bands}), encoding="utf-8")
