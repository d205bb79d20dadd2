"""Compares two sets of results measure by measure, within stated tolerances.

Shared by the independent calculation (`reference.py`) and by `bench/run.py`, so that
"equal" means the same in both. Differences are reported by file, row number, vital and
measure only: no value and no patient id is ever printed.

As a command, compares two result directories (for the benchmark):

    compare.py EXPECTED_DIR ACTUAL_DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from vitals import COUNTS, MEASURES, NEWS2_BANDS, PATIENT_COLUMNS, TIME_FORMAT, TIMES

SHOWN_MAX = 20
RELATIVE = 1e-9
ABSOLUTE_AT_ZERO = 1e-12
QUANTILE_RESOLUTION = 0.005
TOLERANCE_DOC = f"""\
n, missing, implausible, rows, digests, NEWS2 bands   exact
unit, first_time, last_time                           exact text
mean, sd, min, max, first_value, last_value           {RELATIVE} relative ({ABSOLUTE_AT_ZERO} absolute at 0)
q1, median, q3                                        {QUANTILE_RESOLUTION} of the unit (plus {RELATIVE} relative)
"""


@dataclass
class Outcome:
    """The result of a comparison: number of cells, and where they differ."""

    cells: int = 0
    differences: list[str] = field(default_factory=list)

    def check(self, where: str, equal: bool) -> None:
        """Count one comparison and record `where` if it failed."""
        self.cells += 1
        if not equal:
            self.differences.append(where)


def is_close(measure: str, expected: Any, actual: Any) -> bool:
    """Return whether one measure agrees; `None` (not computed) agrees only with `None`."""
    if expected is None or actual is None:
        return expected is actual
    if measure in COUNTS or measure in TIMES or measure == "unit":
        return bool(expected == actual)
    if isinstance(actual, str) or isinstance(expected, str):
        return False
    slack = QUANTILE_RESOLUTION if measure in ("q1", "median", "q3") else ABSOLUTE_AT_ZERO
    return abs(expected - actual) <= slack + RELATIVE * abs(expected)


def plain_value(measure: str, cell: Any) -> Any:
    """Convert a cell of any source to int, float, text or None; text that is not a number stays text."""
    if pd.isna(cell) or cell == "":
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.strftime(TIME_FORMAT)
    if measure in TIMES or measure == "unit":
        return str(cell)
    try:
        return int(cell) if measure in COUNTS else float(cell)
    except ValueError:
        return str(cell)


def read_patients_csv(path: Path) -> pd.DataFrame:
    """Read patients.csv as text, so that pandas infers no types (an id `007`, a unit `NA`)."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")


def has_nothing(row: Mapping[str, Any]) -> bool:
    """Return whether a row has no reading at all; such a row may be written or omitted."""
    return all(plain_value(count, row[count]) in (0, None) for count in COUNTS)


def by_key(outcome: Outcome, label: str, table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Index rows by (patient, vital), with the row's number; a repeated key is a difference."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for number, row in enumerate(table.to_dict("records"), start=1):
        key = (str(row["patient"]), str(row["vital"]))
        if key in rows:
            outcome.check(f"{label} row {number} {key[1]}: repeated", False)
        rows[key] = {**row, "row": number}
    return rows


def compare_patients(label: str, expected: pd.DataFrame, actual: pd.DataFrame) -> Outcome:
    """Compare two patient tables, in any row order.

    Columns after those of `vitals.PATIENT_COLUMNS` are compared by `described.py`.
    """
    outcome = Outcome()
    outcome.check(f"{label}: header", tuple(actual.columns[: len(PATIENT_COLUMNS)]) == PATIENT_COLUMNS)
    if outcome.differences:
        return outcome
    want, got = by_key(outcome, label, expected), by_key(outcome, label, actual)
    for key, row in want.items():
        if key not in got:
            outcome.check(f"{label} row missing (reference row {row['row']}) {key[1]}", has_nothing(row))
            continue
        for measure in ("unit", *MEASURES):
            pair = (plain_value(measure, row[measure]), plain_value(measure, got[key][measure]))
            outcome.check(f"{label} row {got[key]['row']} {key[1]} {measure}", is_close(measure, *pair))
    for key, row in got.items():
        if key not in want:
            outcome.check(f"{label} row {row['row']} {key[1]}: not expected", has_nothing(row))
    return outcome


def compare_measures(label: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Outcome:
    """Compare one vital's measures over all patients (an object of summary.json)."""
    outcome = Outcome()
    for measure in MEASURES:
        if measure not in actual:
            outcome.check(f"{label} {measure}: absent", False)
            continue
        pair = (plain_value(measure, expected[measure]), plain_value(measure, actual[measure]))
        outcome.check(f"{label} {measure}", is_close(measure, *pair))
    return outcome


def compare_news2(expected: Mapping[str, int], actual: Mapping[str, Any]) -> Outcome:
    """Compare the NEWS2 band counts, exactly."""
    outcome = Outcome()
    for name in ("complete", *NEWS2_BANDS):
        outcome.check(f"summary.json news2 {name}", actual.get(name) == expected[name])
    return outcome


def compare_types(parquet: pd.DataFrame) -> Outcome:
    """Check that patients.parquet is typed: integer counts, timestamps, floats otherwise."""
    outcome = Outcome()
    for name in (column for column in PATIENT_COLUMNS[3:] if column in parquet):
        kinds = "iu" if name in COUNTS else "M" if name in TIMES else "f"
        outcome.check(f"patients.parquet {name}: type", parquet[name].dtype.kind in kinds)
    return outcome


def report(outcomes: Mapping[str, Outcome]) -> int:
    """Print one summary line, or the first differences; return the exit code."""
    differences = [text for outcome in outcomes.values() for text in outcome.differences]
    cells = ", ".join(f"{name} {outcome.cells} cells" for name, outcome in outcomes.items())
    if not differences:
        print(f"equal within tolerance: {cells}")
        return 0
    for text in differences[:SHOWN_MAX]:
        print(text)
    print(f"{len(differences)} differences ({cells}; first {SHOWN_MAX} shown)")
    return 1


def main() -> int:
    """Compare patients.csv and the NEWS2 bands of two result directories."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("expected", type=Path, help="directory with patients.csv and summary.json")
    parser.add_argument("actual", type=Path, help="directory with patients.csv and summary.json")
    args = parser.parse_args()
    tables = [read_patients_csv(where / "patients.csv") for where in (args.expected, args.actual)]
    bands = [json.loads((where / "summary.json").read_text())["news2"] for where in (args.expected, args.actual)]
    return report({"patients.csv": compare_patients("patients.csv", *tables), "news2": compare_news2(*bands)})


if __name__ == "__main__":
    sys.exit(main())
