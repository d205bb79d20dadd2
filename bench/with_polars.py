"""The vitals statistics with Polars: lazy scan, one group-by, streaming engine."""

from __future__ import annotations

import os
from pathlib import Path

import contender  # first: it makes the tables of tests/python importable

os.environ["POLARS_MAX_THREADS"] = str(contender.THREADS)  # read when Polars is imported

import polars as pl

from vitals import MISSING, NEWS2_STEPS, ON_THE_LINE, PATIENT_COLUMNS, TIME_FORMAT, VITALS, canonical, news2_tenfold


def scan(path: Path, reading: type[pl.DataType]) -> pl.LazyFrame:
    """Scan the file: parsed dates and, per vital, the plausible value and two reject flags."""
    kinds = {"ID": pl.String, "date": pl.String} | {vital.column: reading for vital in VITALS}
    # Cheaper than a Datetime in the CSV schema: read as text, then parse with the known format.
    time = pl.col("date").str.to_datetime(TIME_FORMAT, time_unit="us")
    columns = [pl.col("ID").alias("patient"), time.alias("time")]
    for vital in VITALS:
        value = canonical(vital.name, pl.col(vital.column).cast(pl.Float64, strict=False))
        plausible = value.is_between(vital.low - ON_THE_LINE, vital.high + ON_THE_LINE)
        columns += [
            pl.when(plausible).then(value).alias(vital.name),
            pl.col(vital.column).is_null().alias(vital.name + " missing"),
            (~plausible).alias(vital.name + " implausible"),  # null where there is no value: not summed
        ]
    return pl.scan_csv(path, schema_overrides=kinds, null_values=list(MISSING)).select(columns)


def measures(name: str) -> list[pl.Expr]:
    """Return every measure of one vital, as aggregations named `vital|measure`."""
    value, time = pl.col(name), pl.col("time").filter(pl.col(name).is_not_null())
    quarters = {"q1": 0.25, "median": 0.5, "q3": 0.75}
    expressions = {
        "n": value.count(),
        "missing": pl.col(name + " missing").sum(),
        "implausible": pl.col(name + " implausible").sum(),
        "mean": value.mean(),
        "sd": value.std(ddof=1),
        "min": value.min(),
        **{label: value.quantile(share, interpolation="linear") for label, share in quarters.items()},
        "max": value.max(),
        "first_time": time.min(),
        "last_time": time.max(),
        "first_value": value.filter(pl.col("time") == time.min()).mean(),
        "last_value": value.filter(pl.col("time") == time.max()).mean(),
    }
    return [expression.alias(f"{name}|{label}") for label, expression in expressions.items()]


def points(name: str) -> pl.Expr:
    """Return the NEWS2 points of one vital; null without a value."""
    rounded = (pl.col(name) * news2_tenfold(name) + (0.5 + ON_THE_LINE)).floor()
    score = pl.lit(NEWS2_STEPS[name][-1][1])
    for bound, below in reversed(NEWS2_STEPS[name][:-1]):
        score = pl.when(rounded <= bound).then(below).otherwise(score)
    return pl.when(rounded.is_not_null()).then(score)


def news2(visits: pl.LazyFrame) -> pl.LazyFrame:
    """Return the NEWS2 bands over the rows whose five vitals are plausible, as one row."""
    scores = visits.select(points(name).alias(name) for name in NEWS2_STEPS).drop_nulls()
    total, three = pl.sum_horizontal(*NEWS2_STEPS), pl.max_horizontal(*NEWS2_STEPS) == 3
    return scores.select(
        pl.len().alias("complete"),
        ((total < 5) & ~three).sum().alias("low"),
        ((total < 5) & three).sum().alias("low_medium"),
        total.is_between(5, 6).sum().alias("medium"),
        (total >= 7).sum().alias("high"),
    )


def compute(path: Path, reading: type[pl.DataType]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compute both results in one collection, so that the file is read once."""
    visits = scan(path, reading)
    wide = visits.group_by("patient").agg(expr for vital in VITALS for expr in measures(vital.name))
    table, bands = pl.collect_all([wide, news2(visits)], engine="streaming")
    return table, bands


def long_table(wide: pl.DataFrame) -> pl.DataFrame:
    """Convert one row per patient to one row per patient and vital."""
    parts = [
        wide.select(
            "patient",
            pl.lit(vital.name).alias("vital"),
            pl.lit(vital.unit).alias("unit"),
            *(pl.col(f"{vital.name}|{label}").alias(label) for label in PATIENT_COLUMNS[3:]),
        )
        for vital in VITALS
    ]
    return pl.concat(parts).sort("patient", "vital")


def analyze(path: Path, out: Path) -> None:
    """Read, compute, write."""
    try:
        wide, bands = compute(path, pl.Float64)
    except pl.exceptions.ComputeError:  # there is an unparsable cell: handle each cell separately
        wide, bands = compute(path, pl.String)
    long_table(wide).write_csv(out / "patients.csv", datetime_format=TIME_FORMAT)
    contender.write_news2(out, bands.row(0, named=True))


if __name__ == "__main__":
    arguments = contender.parse_args("Polars")
    analyze(arguments.file, arguments.out)
