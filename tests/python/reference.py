"""The independent calculation: the same statistics, with pandas, as simple as possible.

    reference.py check --plain DIR --results DIR [--leave-out NAME]... [--tolerance-doc]
    reference.py self-test

`check` reads every plain wide CSV under --plain and compares its results with
patients.csv, patients.parquet and summary.json under --results. Exits 0 with one line
that states how much was compared, 1 with the first differences (row, vital and measure;
never a value or a patient id), 2 on wrong usage. `self-test` proves that the checker
can fail: see `selftest.py`.

Deliberately simple and slow: one loop over patients and vitals, one pandas call per
measure. `bench/` measures speed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from compare import (
    TOLERANCE_DOC,
    Outcome,
    compare_measures,
    compare_news2,
    compare_patients,
    compare_types,
    read_patients_csv,
    report,
)
from vitals import (
    MISSING,
    NEWS2_STEPS,
    ON_THE_LINE,
    PATIENT_COLUMNS,
    TIME_FORMAT,
    VITALS,
    canonical,
    news2_tenfold,
)

CHUNK_ROWS = 500_000
RESULT_FILES = ("patients.csv", "patients.parquet", "summary.json")
SET_ASIDE = ("quarantined", "failed")


def usage(text: str) -> NoReturn:
    """Exit with code 2: nothing was compared."""
    print(f"reference: {text}", file=sys.stderr)
    sys.exit(2)


def names_object(object_name: str, file_name: str) -> bool:
    """Return whether an object key ends with the file's path (it may have a prefix)."""
    return object_name == file_name or object_name.endswith("/" + file_name)


def is_set_aside(entry: dict[str, Any]) -> bool:
    """Return whether an input's outcome means that it was not analyzed; a reason may follow the word."""
    return str(entry.get("outcome")).startswith(SET_ASIDE)


def study_files(root: Path, leave_out: Sequence[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the CSV files under `root` by relative path: those analyzed, and those left out."""
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.csv"))}
    for wanted in leave_out:
        if not any(names_object(name, wanted) for name in files):
            usage(f"--leave-out {wanted}: no such file under --plain")
    aside = {name for name in files if any(names_object(name, wanted) for wanted in leave_out)}
    kept = {name: path for name, path in files.items() if name not in aside}
    if not kept:
        usage("--plain: no CSV file to compare with")
    return kept, {name: files[name] for name in aside}


def classify(text: pd.DataFrame) -> pd.DataFrame:
    """Convert one chunk of text cells to times, values (NaN if rejected) and reject flags."""
    table = pd.DataFrame({"patient": text["ID"]})
    table["time"] = pd.to_datetime(text["date"], format=TIME_FORMAT)
    for vital in VITALS:
        missing = text[vital.column].isin(MISSING)
        value = canonical(vital.name, pd.to_numeric(text[vital.column], errors="coerce")).astype(float)
        plausible = value.between(vital.low - ON_THE_LINE, vital.high + ON_THE_LINE)
        table[vital.name] = value.where(plausible)
        table[vital.name + " missing"] = missing
        table[vital.name + " implausible"] = value.notna() & ~missing & ~plausible
    return table


def read_study(files: Iterable[Path]) -> tuple[pd.DataFrame, list[int]]:
    """Read all files into one table, cells as text first; also return the rows of each file."""
    tables: list[pd.DataFrame] = []
    rows: list[int] = []
    for path in files:
        chunks = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", chunksize=CHUNK_ROWS)
        parts = [classify(chunk) for chunk in chunks]
        rows.append(sum(len(part) for part in parts))
        tables.extend(parts)
    return pd.concat(tables, ignore_index=True), rows


def measure(table: pd.DataFrame, vital: str) -> dict[str, Any]:
    """Return every measure of one vital over the rows of `table`."""
    valid = table.loc[table[vital].notna(), ["time", vital]]
    value, time = valid[vital], valid["time"]
    counts = {
        "n": len(value),
        "missing": int(table[vital + " missing"].sum()),
        "implausible": int(table[vital + " implausible"].sum()),
    }
    if value.empty:
        return counts | {name: None for name in PATIENT_COLUMNS[6:]}
    first, last = time.min(), time.max()
    return counts | {
        "mean": value.mean(),
        "sd": value.std(ddof=1),
        "min": value.min(),
        "q1": value.quantile(0.25, interpolation="linear"),
        "median": value.quantile(0.5, interpolation="linear"),
        "q3": value.quantile(0.75, interpolation="linear"),
        "max": value.max(),
        "first_time": first.strftime(TIME_FORMAT),
        "first_value": value[time == first].mean(),
        "last_time": last.strftime(TIME_FORMAT),
        "last_value": value[time == last].mean(),
    }


def patient_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per patient and vital, columns as in patients.csv."""
    rows = [
        {"patient": patient, "vital": vital.name, "unit": vital.unit} | measure(visits, vital.name)
        for patient, visits in table.groupby("patient")
        for vital in VITALS
    ]
    return pd.DataFrame(rows, columns=list(PATIENT_COLUMNS), dtype=object)


def news2_points(name: str, value: pd.Series) -> np.ndarray:
    """Score one vital: round half up, then use the first step whose bound is not exceeded."""
    rounded = np.floor(value.to_numpy() * news2_tenfold(name) + 0.5 + ON_THE_LINE)
    steps = NEWS2_STEPS[name]
    below = [rounded <= (np.inf if bound is None else bound) for bound, _ in steps]
    return np.select(below, [points for _, points in steps])


def news2_bands(table: pd.DataFrame) -> dict[str, int]:
    """Count complete sets (rows with all five vitals) and their bands, assuming air and alert."""
    complete = table[list(NEWS2_STEPS)].dropna()
    points = np.stack([news2_points(name, complete[name]) for name in NEWS2_STEPS])
    total, any_three = points.sum(axis=0), (points == 3).any(axis=0)
    return {
        "complete": len(complete),
        "low": int(((total < 5) & ~any_three).sum()),
        "low_medium": int(((total < 5) & any_three).sum()),
        "medium": int(((total >= 5) & (total < 7)).sum()),
        "high": int((total >= 7).sum()),
    }


def compare_inputs(kept: dict[str, Path], rows: list[int], aside: Iterable[str], inputs: list[Any]) -> Outcome:
    """Compare digest, rows and outcome of each analyzed object; a left-out object must be marked as not analyzed."""
    outcome = Outcome()
    found = {name: [i for i in inputs if names_object(i.get("object", ""), name)] for name in (*kept, *aside)}
    outcome.check("summary.json inputs: number", len(inputs) == len(found))
    for name, path, count in zip(kept, kept.values(), rows, strict=True):
        outcome.check(f"summary.json inputs {name}: once", len(found[name]) == 1)
        for entry in found[name][:1]:
            with path.open("rb") as plain:
                digest = hashlib.file_digest(plain, "sha256").hexdigest()
            stated = str(entry.get("digest")).lower().removeprefix("sha256:")
            outcome.check(f"summary.json inputs {name} digest", stated == digest)
            outcome.check(f"summary.json inputs {name} rows", entry.get("rows") == count)
            outcome.check(f"summary.json inputs {name} outcome", not is_set_aside(entry))
    for name in aside:
        outcome.check(f"summary.json inputs {name} outcome", [is_set_aside(i) for i in found[name]] == [True])
    return outcome


def compare_summary(table: pd.DataFrame, summary: dict[str, Any]) -> Outcome:
    """Compare the measures over all patients, per vital."""
    outcome = Outcome()
    for key in ("schema_version", "run", "inputs", "vitals", "news2", "quality"):
        outcome.check(f"summary.json {key}: absent", key in summary)
    for vital in VITALS:
        label = f"summary.json vitals {vital.name}"
        part = compare_measures(label, measure(table, vital.name), summary.get("vitals", {}).get(vital.name, {}))
        outcome.cells += part.cells
        outcome.differences += part.differences
    return outcome


def check(plain: Path, results: Path, leave_out: Sequence[str]) -> dict[str, Outcome]:
    """Compute from `plain`, compare with the files of `results`, part by part."""
    kept, aside = study_files(plain, leave_out)
    table, rows = read_study(kept.values())
    expected = patient_table(table)
    parquet = pd.read_parquet(results / "patients.parquet")
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    return {
        "patients.csv": compare_patients("patients.csv", expected, read_patients_csv(results / "patients.csv")),
        "patients.parquet": compare_patients("patients.parquet", expected, parquet),
        "parquet types": compare_types(parquet),
        "inputs": compare_inputs(kept, rows, aside, summary.get("inputs", [])),
        "summary": compare_summary(table, summary),
        "news2": compare_news2(news2_bands(table), summary.get("news2", {})),
    }


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="compare results with an independent pandas calculation")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compute from plain CSV, compare with results")
    checking.add_argument("--plain", type=Path, required=True, help="directory of plain wide CSV, read recursively")
    checking.add_argument("--results", type=Path, required=True, help="output directory of `sce results`")
    checking.add_argument("--leave-out", action="append", default=[], metavar="NAME",
                          help="a quarantined file, by the end of its path (repeat; default: none)")  # fmt: skip
    checking.add_argument("--tolerance-doc", action="store_true", help="print the tolerances first")
    commands.add_parser("self-test", help="prove that the checker accepts correct and detects wrong results")
    args = parser.parse_args()
    absent = [n for n in RESULT_FILES if args.command == "check" and not (args.results / n).is_file()]
    if absent:
        checking.error(f"--results: no {', '.join(absent)} there")
    return args


def main() -> int:
    """Run the chosen command; return the exit code."""
    args = parse_args()
    if args.command == "self-test":
        import selftest  # imports this module, hence not at the top

        return selftest.run()
    if args.tolerance_doc:
        print(TOLERANCE_DOC, end="")
    return report(check(args.plain, args.results, args.leave_out))


if __name__ == "__main__":
    sys.exit(main())
