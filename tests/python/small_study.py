"""A small, deliberately dirty study, on which checkers and contenders are tested.

Deterministic for a seed. Besides ordinary readings it contains every kind of cell in
the specification: missing in each spelling, implausible, unparsable, exactly on a
bound, exactly on a NEWS2 rounding tie; rows out of order, several rows at a patient's
first and last time, patients in several files, and a patient without any reading of one
vital.
"""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

from vitals import MISSING, TIME_FORMAT, VITALS, WIDE_COLUMNS

START = datetime(1938, 10, 30)
TYPICAL = {
    "systol": (85, 225), "diastol": (55, 95), "resp.rate": (7, 27), "heart rate": (38, 135),
    "OSat": (90, 99.4), "temp": (94.5, 103), "weight": (98, 320), "BMI": (17, 45),
}  # fmt: skip
# Readings on a bound (in range) or on a NEWS2 tie, in the file's own units.
EDGES = {
    "systol": ("25", "300", "90.5", "219.5"), "diastol": ("1", "200"), "resp.rate": ("1", "70", "8.5", "24.5"),
    "heart rate": ("10", "300", "40.5", "130.5"), "OSat": ("1", "100", "91.5", "95.5"),
    "temp": ("77", "114.8", "95.09", "96.89", "100.49", "102.29"), "weight": ("0.5", "1500"), "BMI": ("8", "100"),
}  # fmt: skip
IMPLAUSIBLE = ("-1", "0", "5000")
UNPARSABLE = ("abc", "12,5", "--", "1.2.3")


def reading(rng: random.Random, column: str) -> str:
    """Return one cell: mostly an ordinary reading, sometimes one of the odd kinds."""
    kind = rng.random()
    if kind < 0.06:
        return rng.choice(MISSING)
    if kind < 0.08:
        return rng.choice(IMPLAUSIBLE)
    if kind < 0.09:
        return rng.choice(UNPARSABLE)
    if kind < 0.13:
        return rng.choice(EDGES[column])
    low, high = TYPICAL[column]
    return f"{rng.uniform(low, high):.{rng.choice((0, 1, 2, 6, 12))}f}"


def visit(rng: random.Random, patient: int, step: int) -> list[str]:
    """Return one row; patient 1 never has a weight, so that a row without readings exists."""
    cells = dict.fromkeys(WIDE_COLUMNS, "0")
    cells["date"] = (START + timedelta(hours=36 * step)).strftime(TIME_FORMAT)
    cells["ID"] = f"P{patient:04d}"
    cells |= {vital.column: reading(rng, vital.column) for vital in VITALS}
    if patient == 1:
        cells["weight"] = "NA"
    return [cells[column] for column in WIDE_COLUMNS]


def write_study(out: Path, patients: int, visits: int, files: int, seed: int) -> list[Path]:
    """Write the study as `files` wide CSV files under `out`; return their paths."""
    rng = random.Random(seed)
    # Two rows at the first and last time of every patient, and some other rows twice.
    steps = [0, visits - 1, *range(visits), *rng.sample(range(visits), visits // 10)]
    rows = [visit(rng, patient, step) for patient in range(1, patients + 1) for step in steps]
    rng.shuffle(rows)
    paths = [out / f"study-{number:06d}.csv" for number in range(1, files + 1)]
    for index, path in enumerate(paths):
        with path.open("w", newline="", encoding="utf-8") as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(WIDE_COLUMNS)
            writer.writerows(rows[index::files])
    return paths
