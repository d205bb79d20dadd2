"""The vitals as specified, for all Python code.

Used by the independent calculation (`reference.py`), its self-test's study and the
contenders in `bench/`. Written from the specification's tables and never generated from
the Rust sources: the comparison is worth something only because both were written
independently from the same text.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

Number = TypeVar("Number")


class Vital(NamedTuple):
    """One vital: its column in wide CSV, canonical unit, plausible range (inclusive)."""

    name: str
    column: str
    unit: str
    low: float
    high: float


# Wide CSV has no height column, so height is not included.
VITALS = (
    Vital("systolic_bp", "systol", "mm[Hg]", 25.0, 300.0),
    Vital("diastolic_bp", "diastol", "mm[Hg]", 1.0, 200.0),
    Vital("heart_rate", "heart rate", "/min", 10.0, 300.0),
    Vital("respiratory_rate", "resp.rate", "/min", 1.0, 70.0),
    Vital("spo2", "OSat", "%", 1.0, 100.0),
    Vital("temperature", "temp", "Cel", 25.0, 46.0),
    Vital("weight", "weight", "kg", 0.198, 680.4),
    Vital("bmi", "BMI", "kg/m2", 8.0, 100.0),
)

WIDE_COLUMNS = (
    "date", "ID", "systol", "diastol", "resp.rate", "heart rate", "OSat", "temp",
    "weight", "BMI", "BaseE", "TPain", "DK", "sum BaseE", "sum TPain", "sum DK",
)  # fmt: skip

MISSING = ("", "NA", "NaN")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

# A bound such as 46 °C is reached from 114.8 °F, and a tie such as 36.05 °C from 96.89 °F, only
# within binary rounding. The analysis uses decimal fixed-point numbers, so a reading this close to
# a bound or tie counts as on it.
ON_THE_LINE = 1e-9

# NEWS2 (RCP 2017): per vital the inclusive upper bound of each score, increasing; `None` is
# "anything above". Temperature in tenths of a degree.
NEWS2_STEPS: dict[str, tuple[tuple[int | None, int], ...]] = {
    "respiratory_rate": ((8, 3), (11, 1), (20, 0), (24, 2), (None, 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (None, 0)),
    "systolic_bp": ((90, 3), (100, 2), (110, 1), (219, 0), (None, 3)),
    "heart_rate": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (None, 3)),
    "temperature": ((350, 3), (360, 1), (380, 0), (390, 1), (None, 2)),
}
NEWS2_BANDS = ("low", "low_medium", "medium", "high")

PATIENT_COLUMNS = (
    "patient", "vital", "unit", "n", "missing", "implausible", "mean", "sd", "min",
    "q1", "median", "q3", "max", "first_time", "first_value", "last_time", "last_value",
)  # fmt: skip
MEASURES = PATIENT_COLUMNS[3:]
COUNTS = ("n", "missing", "implausible")
TIMES = ("first_time", "last_time")


def canonical(name: str, value: Number) -> Number:
    """Convert a wide-CSV reading (°F, lb) to the canonical unit.

    Works on anything with arithmetic: a float, a pandas Series, a Polars expression.
    """
    if name == "temperature":
        return (value - 32) / 1.8  # type: ignore[operator]
    if name == "weight":
        return value * 0.45359237  # type: ignore[operator]
    return value


def news2_tenfold(name: str) -> int:
    """Return NEWS2's rounding of a vital: 10 for temperature (0.1 °C), otherwise 1."""
    return 10 if name == "temperature" else 1
