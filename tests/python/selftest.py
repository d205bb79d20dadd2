"""Proves that the checker can fail: correct results pass, each wrong number is detected.

The correct results are computed in a second way that shares no arithmetic with
`reference.py`: the standard library's csv, datetime and exact fractions, with
conversions, plausible ranges and NEWS2 written again from the specification. So a pass
also means that two independent calculations agree.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import json
import math
import tempfile
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

import reference
from small_study import write_study

Row = dict[str, Any]
F = Fraction
COLUMNS = (
    "n", "missing", "implausible", "mean", "sd", "min", "q1", "median", "q3", "max",
    "first_time", "first_value", "last_time", "last_value",
)  # fmt: skip
# name: (column, unit, low, high), deliberately repeated.
RULES = {
    "systolic_bp": ("systol", "mm[Hg]", F(25), F(300)),
    "diastolic_bp": ("diastol", "mm[Hg]", F(1), F(200)),
    "heart_rate": ("heart rate", "/min", F(10), F(300)),
    "respiratory_rate": ("resp.rate", "/min", F(1), F(70)),
    "spo2": ("OSat", "%", F(1), F(100)),
    "temperature": ("temp", "Cel", F(25), F(46)),
    "weight": ("weight", "kg", F("0.198"), F("680.4")),
    "bmi": ("BMI", "kg/m2", F(8), F(100)),
}


def exact(name: str, text: str) -> Fraction | str:
    """Return the canonical value as an exact fraction, or why there is none."""
    if text in ("", "NA", "NaN"):
        return "missing"
    try:
        value = F(text)
    except ValueError:
        return "unparsable"
    if name == "temperature":
        value = (value - 32) * 5 / 9
    elif name == "weight":
        value *= F("0.45359237")
    return value if RULES[name][2] <= value <= RULES[name][3] else "implausible"


def quantile(ordered: list[Fraction], share: Fraction) -> float:
    """Interpolate linearly between the two nearest order statistics."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def measures(cells: list[tuple[str, Fraction | str]]) -> Row:
    """Return every measure over (time, value or reject) cells of one vital."""
    reasons = [value for _, value in cells if isinstance(value, str)]
    valid = [(time, value) for time, value in cells if not isinstance(value, str)]
    row: Row = dict.fromkeys(COLUMNS) | {
        "n": len(valid), "missing": reasons.count("missing"), "implausible": reasons.count("implausible"),
    }  # fmt: skip
    if not valid:
        return row
    ordered = sorted(value for _, value in valid)
    mean = sum(ordered) / len(ordered)
    if len(ordered) > 1:
        row["sd"] = math.sqrt(sum((value - mean) ** 2 for value in ordered) / (len(ordered) - 1))
    row |= {"mean": float(mean), "min": float(ordered[0]), "max": float(ordered[-1])}
    row |= {name: quantile(ordered, F(i, 4)) for i, name in enumerate(("q1", "median", "q3"), start=1)}
    for name, time in (("first", min(time for time, _ in valid)), ("last", max(time for time, _ in valid))):
        same = [value for when, value in valid if when == time]
        row |= {f"{name}_time": time, f"{name}_value": float(sum(same) / len(same))}
    return row


def points(name: str, value: Fraction) -> int:
    """Return the NEWS2 points of one vital, written like the table."""
    x = math.floor(value * (10 if name == "temperature" else 1) + F(1, 2))
    if name == "respiratory_rate":
        return 3 if x <= 8 else 1 if x <= 11 else 0 if x <= 20 else 2 if x <= 24 else 3
    if name == "spo2":
        return 3 if x <= 91 else 2 if x <= 93 else 1 if x <= 95 else 0
    if name == "systolic_bp":
        return 3 if x <= 90 else 2 if x <= 100 else 1 if x <= 110 else 0 if x <= 219 else 3
    if name == "heart_rate":
        return 3 if x <= 40 else 1 if x <= 50 else 0 if x <= 90 else 1 if x <= 110 else 2 if x <= 130 else 3
    return 3 if x <= 350 else 1 if x <= 360 else 0 if x <= 380 else 1 if x <= 390 else 2


def news2(visits: list[dict[str, Fraction | str]]) -> dict[str, int]:
    """Return the bands over the visits with all five vitals."""
    bands = dict.fromkeys(("complete", "low", "low_medium", "medium", "high"), 0)
    five = ("respiratory_rate", "spo2", "systolic_bp", "heart_rate", "temperature")
    for visit in visits:
        values = {name: visit[name] for name in five}
        scores = [points(name, value) for name, value in values.items() if not isinstance(value, str)]
        if len(scores) < len(five):
            continue
        total = sum(scores)
        calm = "low_medium" if 3 in scores else "low"
        bands["complete"] += 1
        bands["high" if total >= 7 else "medium" if total >= 5 else calm] += 1
    return bands


def right_results(paths: list[Path]) -> tuple[list[Row], Row]:
    """Return patients.csv's rows and summary.json's content, by exact arithmetic."""
    visits: list[Row] = []
    inputs: list[Row] = []
    for path in paths:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        visits += [{"ID": r["ID"], "date": r["date"]} | {v: exact(v, r[RULES[v][0]]) for v in RULES} for r in rows]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        inputs.append({"object": f"in/{path.name}", "digest": digest, "rows": len(rows), "outcome": "done"})
    patients = []
    for patient in sorted({visit["ID"] for visit in visits}):
        own = [visit for visit in visits if visit["ID"] == patient]
        for name, (_, unit, _, _) in RULES.items():
            row = measures([(visit["date"], visit[name]) for visit in own])
            patients.append({"patient": patient, "vital": name, "unit": unit} | row)
    overall = {name: measures([(visit["date"], visit[name]) for visit in visits]) for name in RULES}
    summary = {"schema_version": 1, "run": "self-test", "inputs": inputs, "vitals": overall}
    return patients, summary | {"news2": news2(visits), "quality": {}}


def write_results(out: Path, csv_rows: list[Row], parquet_rows: list[Row], summary: Row) -> None:
    """Write the three result files as `sce results` does."""
    with (out / "patients.csv").open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, ["patient", "vital", "unit", *COLUMNS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(csv_rows)
    kinds = {"n": pa.int64(), "missing": pa.int64(), "implausible": pa.int64()}
    kinds |= {name: pa.timestamp("us") for name in ("first_time", "last_time")}
    texts = {name: pa.string() for name in ("patient", "vital", "unit")}
    schema = pa.schema(texts | {name: kinds.get(name, pa.float64()) for name in COLUMNS})
    timed = [
        row | {t: row[t] and datetime.fromisoformat(row[t]) for t in ("first_time", "last_time")}
        for row in parquet_rows
    ]
    pa.parquet.write_table(pa.Table.from_pylist(timed, schema), out / "patients.parquet")
    (out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def spoil(measure: str, value: Any) -> Any:
    """Return a wrong value, just outside the tolerance."""
    if measure in ("first_time", "last_time"):
        return value[:-1] + "1"
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int):
        return value + 1
    return value + 0.006 if measure in ("q1", "median", "q3") else value * (1 + 1e-8)


def mutations(patients: list[Row], summary: Row) -> Iterator[tuple[str, list[Row], list[Row], Row]]:
    """Yield every broken set of results, with the words that its report must contain."""
    for name in ("unit", *COLUMNS):
        wrong = [*patients[:8], patients[8] | {name: spoil(name, patients[8][name])}, *patients[9:]]
        yield f"patients.csv row 9 systolic_bp {name}", wrong, patients, summary
        yield f"patients.parquet row 9 systolic_bp {name}", patients, wrong, summary
    yield "patients.csv row missing", patients[:3] + patients[4:], patients, summary
    yield "not expected", patients, [*patients, patients[0] | {"patient": "P9999"}], summary
    yield "repeated", [*patients, patients[0]], patients, summary

    def summary_with(path: list[Any], value: Any) -> Row:
        other = copy.deepcopy(summary)
        holder = other
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
        return other

    for name in COLUMNS:
        wrong = summary_with(["vitals", "spo2", name], spoil(name, summary["vitals"]["spo2"][name]))
        yield f"summary.json vitals spo2 {name}", patients, patients, wrong
    for band, count in summary["news2"].items():
        yield f"news2 {band}", patients, patients, summary_with(["news2", band], count - 1)
    for name, value in (("digest", "00"), ("rows", 1), ("outcome", "quarantined")):
        yield name, patients, patients, summary_with(["inputs", 1, name], value)
    yield "summary.json inputs", patients, patients, summary_with(["inputs"], summary["inputs"][:1])


def found(plain: Path, results: Path, leave_out: list[str]) -> list[str]:
    """Return the differences that the checker reports."""
    outcomes = reference.check(plain, results, leave_out).values()
    return [text for outcome in outcomes for text in outcome.differences]


def run() -> int:
    """Accept the correct results, with and without a left-out file; detect each wrong one."""
    with tempfile.TemporaryDirectory(prefix="sce-selftest-") as folder:
        plain, results = Path(folder, "plain"), Path(folder, "results")
        plain.mkdir()
        results.mkdir()
        paths = write_study(plain, patients=3, visits=40, files=2, seed=1938)
        patients, summary = right_results(paths)
        problems = [f"NEWS2 band {band} is empty: weak study" for band, n in summary["news2"].items() if n == 0]
        write_results(results, patients, patients, summary)
        problems += [f"correct results rejected: {text}" for text in found(plain, results, [])]
        caught = 0
        for words, csv_rows, parquet_rows, content in mutations(patients, summary):
            write_results(results, csv_rows, parquet_rows, content)
            differences = found(plain, results, [])
            ok = differences != [] and all(words in text for text in differences)
            caught += ok
            problems += [] if ok else [f"not detected, or reported differently: {words}: {differences[:3]}"]
        fewer, partial = right_results(paths[:1])
        partial["inputs"].append({"object": f"in/{paths[1].name}", "digest": "", "rows": 0, "outcome": "quarantined"})
        write_results(results, fewer, fewer, partial)
        problems += [f"left-out file: {text}" for text in found(plain, results, [paths[1].name])]
    print("\n".join([*problems, f"self-test: {caught} wrong results detected, {len(problems)} problems"]))
    return 1 if problems else 0
