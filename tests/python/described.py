"""The independent calculation of a patient's characteristics: variation, trend, categories, NEWS2 course.

    described.py --plain DIR --results DIR                        (wide CSV)
    described.py --format omop|fhir|synthea --files FILE... --results DIR

Compares the columns of patients.csv and patients.parquet after `last_value` with
scipy's regression and false-discovery control and with the specification's tables,
written here a second time. Then it changes each column in turn and requires that the
comparison detects it: a check that cannot fail proves nothing. Exits 0 with one line, 1
with the first differences (row, vital and column; no value), 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, linregress

import formats
import reference
from compare import Outcome, plain_value, read_patients_csv, report
from vitals import NEWS2_STEPS, ON_THE_LINE, PATIENT_COLUMNS, VITALS

COLUMNS = (
    "cv", "arv", "slope_per_year", "slope_se", "slope_p", "slope_q", "abnormal_streaks", "longest_streak",
    "bp_category", "bmi_class", "news2_max", "news2_last",
)  # fmt: skip
WORDS = ("bp_category", "bmi_class")
WHOLE = ("abnormal_streaks", "longest_streak", "news2_max", "news2_last")
YEAR_DAYS = 365.25
# Normal ranges; three consecutive values outside are a streak.
USUAL = {
    "systolic_bp": (111, 219), "diastolic_bp": (60, 89), "heart_rate": (51, 90), "respiratory_rate": (12, 20),
    "spo2": (96, np.inf), "temperature": (36.1, 38.0), "bmi": (18.5, 24.99),
}  # fmt: skip
RUN_MIN = 3
# Slopes agree within 1e-6; a slope much smaller than its error, within that share of the error.
SLOPE_RELATIVE = 1e-6
CV_RELATIVE = 1e-9
CV_ABSOLUTE = 1e-11
# Lower bounds of the pressure's categories and the index's classes.
SYSTOLIC = ((120, "elevated"), (130, "stage 1"), (140, "stage 2"))
DIASTOLIC = ((80, "stage 1"), (90, "stage 2"))
PRESSURES = ("normal", "elevated", "stage 1", "stage 2", "crisis")
MASSES = (
    (18.5, "normal"), (25, "overweight"), (30, "obese class I"), (35, "obese class II"), (40, "obese class III"),
)  # fmt: skip

Row = dict[str, Any]


def wide_readings(plain: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the analyzed values as (patient, vital, time, value), and the NEWS2 sets, of wide files."""
    table, _ = reference.read_study(reference.study_files(plain, [])[0].values())
    parts = [
        table[["patient", "time", vital.name]].dropna().rename(columns={vital.name: "value"}).assign(vital=vital.name)
        for vital in VITALS
    ]
    return pd.concat(parts, ignore_index=True), table[["patient", "time", *NEWS2_STEPS]].dropna()


def long_readings(files: list[Path], kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the same for the other formats."""
    rows = [(p.name, *reading) for p in files for reading in formats.read_object(p, kind).readings]
    readings = pd.DataFrame(rows, columns=["object", "patient", "vital", "time", "verdict", "value"])
    sets = formats.news2_sets(readings).dropna().reset_index()
    return readings[["patient", "vital", "time", "value"]].dropna(), sets[["patient", "time", *NEWS2_STEPS]]


def course(values: pd.DataFrame, vital: str) -> Row:
    """Return mean change and abnormal streaks of one vital of one patient, with one value per time."""
    series = values.groupby("time")["value"].mean().sort_index()
    low, high = USUAL.get(vital, (-np.inf, np.inf))
    abnormal = ((series < low - ON_THE_LINE) | (series > high + ON_THE_LINE)).to_numpy()
    changes = np.flatnonzero(np.diff(np.concatenate(([0], abnormal.astype(int), [0]))))
    lengths = [int(n) for n in changes[1::2] - changes[::2] if n >= RUN_MIN]
    arv = float(series.diff().abs().mean()) if len(series) > 1 else None
    return {"arv": arv, "abnormal_streaks": len(lengths), "longest_streak": max(lengths, default=0)}


def line(values: pd.DataFrame) -> Row:
    """Return variation and trend of one vital of one patient."""
    value, time = values["value"].astype(float), pd.to_datetime(values["time"])
    row: Row = dict.fromkeys(COLUMNS)
    if len(value) > 1:
        row["cv"] = 100 * value.std(ddof=1) / value.mean()
    if time.dt.date.nunique() >= 3 and value.nunique() == 1:
        # An exactly flat line: no evidence of a slope.
        row |= {"slope_per_year": 0.0, "slope_se": 0.0, "slope_p": 1.0}
    elif time.dt.date.nunique() >= 3:
        days = (time - time.min()).dt.total_seconds() / 86400
        fit = linregress(days, value - value.mean())
        row |= {
            "slope_per_year": fit.slope * YEAR_DAYS,
            "slope_se": fit.stderr * YEAR_DAYS,
            "slope_p": fit.pvalue,
        }
    return row


def pressure(patient: pd.DataFrame) -> str | None:
    """Return the higher category of both mean pressures, each of two readings on two occasions."""
    names = []
    for vital, steps, crisis in (("systolic_bp", SYSTOLIC, 180), ("diastolic_bp", DIASTOLIC, 120)):
        own = patient[patient["vital"] == vital]
        if own["time"].nunique() < 2:
            return None
        mean = own["value"].mean()
        names.append("crisis" if mean > crisis else (["normal"] + [name for low, name in steps if mean >= low])[-1])
    return max(names, key=PRESSURES.index)


def mass(patient: pd.DataFrame) -> str | None:
    """Return the class of the mean body mass index."""
    own = patient.loc[patient["vital"] == "bmi", "value"]
    return None if own.empty else (["underweight"] + [name for low, name in MASSES if own.mean() >= low])[-1]


def courses(sets: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Return per patient the highest NEWS2 total and that of the last set."""
    points = sum(pd.Series(reference.news2_points(name, sets[name]), index=sets.index) for name in NEWS2_STEPS)
    totals = sets[["patient", "time"]].assign(total=points)
    return {
        str(patient): (int(own["total"].max()), int(own.loc[own["time"] == own["time"].max(), "total"].max()))
        for patient, own in totals.groupby("patient")
    }


def describe(values: pd.DataFrame, sets: pd.DataFrame) -> dict[tuple[str, str], Row]:
    """Return all characteristics by (patient, vital); only of vitals with values."""
    scores, rows = courses(sets), {}
    for patient, own in values.groupby("patient"):
        highest, last = scores.get(str(patient), (None, None))
        whole = {"bp_category": pressure(own), "bmi_class": mass(own), "news2_max": highest, "news2_last": last}
        for vital, of_vital in own.groupby("vital"):
            rows[str(patient), str(vital)] = line(of_vital) | course(of_vital, str(vital)) | whole
    for vital in values["vital"].unique():
        keys = [key for key, row in rows.items() if key[1] == vital and row["slope_p"] is not None]
        adjusted = false_discovery_control([rows[key]["slope_p"] for key in keys], method="bh") if keys else []
        for key, q in zip(keys, adjusted, strict=True):
            rows[key]["slope_q"] = q
    return rows


def agrees(column: str, expected: Row, actual: Row) -> bool:
    """Return whether one cell agrees."""
    want, got = expected[column], actual[column]
    if want is None or got is None or isinstance(want, str):
        return want == got
    if column in WHOLE:
        return int(got) == want
    if column in ("cv", "arv"):
        return abs(got - want) <= CV_ABSOLUTE + CV_RELATIVE * abs(want)
    # The slope of a nearly flat line, and the error of a nearly perfect one, are differences of
    # nearly equal numbers; p-values below 1e-12 are zero for all purposes.
    slack = {"slope_per_year": expected["slope_se"], "slope_se": abs(expected["slope_per_year"])}
    return abs(got - want) <= SLOPE_RELATIVE * (abs(want) + slack.get(column, 1e-6))


def compare(label: str, expected: dict[tuple[str, str], Row], table: pd.DataFrame) -> Outcome:
    """Compare the described columns of a patient table."""
    outcome = Outcome()
    outcome.check(f"{label}: header", tuple(table.columns[len(PATIENT_COLUMNS) :]) == COLUMNS)
    seen = set()
    for number, row in enumerate(table.to_dict("records"), start=1):
        key = (str(row["patient"]), str(row["vital"]))
        seen.add(key)
        actual = {c: (row[c] or None) if c in WORDS and isinstance(row[c], str) else plain_value(c, row[c])
                  for c in COLUMNS}  # fmt: skip
        want = expected.get(key)
        for column in COLUMNS if want else COLUMNS[:8]:
            ok = agrees(column, want, actual) if want else actual[column] is None
            outcome.check(f"{label} row {number} {key[1]} {column}", ok)
    outcome.check(f"{label}: rows", expected.keys() <= seen)
    return outcome


def spoiled(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the table with one cell of the column changed."""
    table = table.astype(object).copy()
    filled = [at for at, cell in enumerate(table[column]) if not (pd.isna(cell) or cell == "")]
    if not filled:
        return table
    cell = table[column].iloc[filled[0]]
    other = "other" if column in WORDS else float(cell) * 1.001 + 1e-3
    if column in WHOLE:
        other = int(cell) + 1
    table.iloc[filled[0], table.columns.get_loc(column)] = str(other) if isinstance(cell, str) else other
    return table


def main() -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description="compare characteristics of patients with an independent calculation")
    parser.add_argument("--plain", type=Path, help="directory of plain wide CSV")
    parser.add_argument("--format", choices=("omop", "fhir", "synthea"), help="format of --files")
    parser.add_argument("--files", type=Path, nargs="+", help="files of that format")
    parser.add_argument("--results", type=Path, required=True, help="directory of the results")
    args = parser.parse_args()
    if (args.plain is None) == (args.files is None):
        parser.error("give --plain, or --format with --files")
    np.seterr(all="ignore")
    read = wide_readings(args.plain) if args.plain else long_readings(args.files, args.format)
    expected = describe(*read)
    csv, parquet = args.results / "patients.csv", args.results / "patients.parquet"
    tables = {"patients.csv": read_patients_csv(csv), "patients.parquet": pd.read_parquet(parquet)}
    outcomes = {label: compare(label, expected, table) for label, table in tables.items()}
    filled = [column for column in COLUMNS if any(row[column] is not None for row in expected.values())]
    blind = [c for c in filled if not compare("", expected, spoiled(tables["patients.csv"], c)).differences]
    outcomes["spoiled columns"] = Outcome(len(filled), [f"a changed {column} is not detected" for column in blind])
    return report(outcomes)


if __name__ == "__main__":
    sys.exit(main())
