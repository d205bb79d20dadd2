"""The vitals statistics with pandas: Arrow's CSV reader, then one groupby per vital."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import contender  # first: it makes the tables of tests/python importable
from vitals import MISSING, NEWS2_STEPS, ON_THE_LINE, PATIENT_COLUMNS, TIME_FORMAT, VITALS, canonical, news2_tenfold


def read(path: Path) -> pd.DataFrame:
    """Read only the required columns; a column with an unparsable cell is read as text."""
    return pd.read_csv(
        path,
        engine="pyarrow",
        usecols=["date", "ID", *(vital.column for vital in VITALS)],
        dtype={"ID": "category"},
        parse_dates=["date"],
        date_format=TIME_FORMAT,
        na_values=list(MISSING),
        keep_default_na=False,
    )


def numbers(raw: pd.Series) -> pd.Series:
    """Return a column as float64; unparsable cells become NaN, which is only computed if there are any."""
    return raw if raw.dtype.kind == "f" else pd.to_numeric(raw, errors="coerce").astype("float64")


def measures(codes: np.ndarray, times: pd.Series, missing: pd.Series, value: pd.Series, vital: Any) -> pd.DataFrame:
    """Return every measure of one vital per patient code."""
    plausible = value.between(vital.low - ON_THE_LINE, vital.high + ON_THE_LINE)
    rejected = value.notna() & ~plausible
    valid = value[plausible].groupby(codes[plausible])
    table = valid.agg(["count", "mean", "std", "min", "max"])
    quarters = valid.quantile([0.25, 0.5, 0.75]).unstack().set_axis(["q1", "median", "q3"], axis=1)
    table = table.join(quarters)
    when = times[plausible].groupby(codes[plausible])
    for end, limit in (("first", when.min()), ("last", when.max())):
        same = plausible.to_numpy() & (times.to_numpy() == limit.reindex(range(codes.max() + 1)).to_numpy()[codes])
        table[f"{end}_time"] = limit
        table[f"{end}_value"] = value[same].groupby(codes[same]).mean()
    table = table.reindex(range(codes.max() + 1))
    table["count"] = table["count"].fillna(0).astype(int)
    table["missing"] = np.bincount(codes, missing).astype(int)
    table["implausible"] = np.bincount(codes, rejected).astype(int)
    return table.rename(columns={"count": "n", "std": "sd"}).assign(vital=vital.name, unit=vital.unit)


def news2(values: dict[str, pd.Series]) -> dict[str, int]:
    """Return the NEWS2 bands over the rows whose five vitals are plausible."""
    complete = pd.DataFrame({name: values[name] for name in NEWS2_STEPS}).dropna()
    total = np.zeros(len(complete), dtype=np.int8)
    three = np.zeros(len(complete), dtype=bool)
    for name, steps in NEWS2_STEPS.items():
        rounded = np.floor(complete[name].to_numpy() * news2_tenfold(name) + 0.5 + ON_THE_LINE)
        bounds = [bound for bound, _ in steps if bound is not None]
        points = np.array([score for _, score in steps], dtype=np.int8)[np.searchsorted(bounds, rounded)]
        total += points
        three |= points == 3
    bands = np.where(total >= 7, 3, np.where(total >= 5, 2, three))
    counts = np.bincount(bands, minlength=4).tolist()
    return {"complete": len(complete)} | dict(zip(("low", "low_medium", "medium", "high"), counts, strict=True))


def analyze(path: Path, out: Path) -> None:
    """Read, compute, write."""
    pa.set_cpu_count(contender.THREADS)
    data = read(path)
    patients = data["ID"].cat.categories
    codes = data["ID"].cat.codes.to_numpy().astype(np.int64)
    tables, plausible = [], {}
    for vital in VITALS:
        raw = data.pop(vital.column)
        value = canonical(vital.name, numbers(raw))
        tables.append(measures(codes, data["date"], raw.isna(), value, vital))
        if vital.name in NEWS2_STEPS:
            plausible[vital.name] = value.where(value.between(vital.low - ON_THE_LINE, vital.high + ON_THE_LINE))
    table = pd.concat(tables)
    table.insert(0, "patient", patients[table.index])
    table.sort_values(["patient", "vital"])[list(PATIENT_COLUMNS)].to_csv(
        out / "patients.csv", index=False, date_format=TIME_FORMAT
    )
    contender.write_news2(out, news2(plausible))


if __name__ == "__main__":
    arguments = contender.parse_args("pandas")
    analyze(arguments.file, arguments.out)
