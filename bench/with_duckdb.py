"""The vitals statistics with DuckDB: one table read, one query per vital."""

from __future__ import annotations

from pathlib import Path

import duckdb

import contender  # first: it makes the tables of tests/python importable
from vitals import MISSING, NEWS2_STEPS, ON_THE_LINE, PATIENT_COLUMNS, VITALS, WIDE_COLUMNS, news2_tenfold

COLUMNS = {vital.name: f'"{vital.column}"' for vital in VITALS}
# 1 missing, 2 implausible, 0 otherwise: a byte next to each value instead of its raw cell. The
# suffixes matter: DuckDB ignores case, so a bare `bmi` or `weight` would be the file's own column.
CELL = """
    {reading} AS {name}_any,
    CASE WHEN {name}_any BETWEEN {low!r} AND {high!r} THEN {name}_any END AS {name}_value,
    (CASE WHEN {column} IS NULL THEN 1 WHEN {name}_any IS NULL OR {name}_value IS NOT NULL THEN 0 ELSE 2 END)::UTINYINT
    AS {name}_reject"""
PER_VITAL = """
    SELECT patient, '{name}' AS vital, '{unit}' AS unit, count({name}) AS n,
        count_if({name}_reject = 1) AS missing, count_if({name}_reject = 2) AS implausible,
        avg({name}) AS mean, stddev_samp({name}) AS sd, min({name}) AS "min",
        quantile_cont({name}, [0.25, 0.5, 0.75]) AS quarters, max({name}) AS "max",
        min(time) FILTER ({name} IS NOT NULL) AS first_time, max(time) FILTER ({name} IS NOT NULL) AS last_time
    FROM visits GROUP BY patient"""
# Values at a patient's first and last times: few rows, found in one pass for all vitals.
EDGES = """
    CREATE TEMP TABLE edges AS SELECT visits.* FROM visits JOIN (
        SELECT patient, max(first_time) AS early, min(last_time) AS late FROM measures GROUP BY patient
    ) USING (patient) WHERE time <= early OR time >= late"""
AT_THE_EDGES = """
    SELECT patient, '{name}' AS vital, avg({name}) FILTER (time = first_time) AS first_value,
        avg({name}) FILTER (time = last_time) AS last_value
    FROM edges JOIN (SELECT patient, first_time, last_time FROM measures WHERE vital = '{name}') USING (patient)
    GROUP BY patient"""


def load(db: duckdb.DuckDBPyConnection, path: Path, reading: str) -> None:
    """Load the file into `visits`; `reading` is the CSV type of the vitals, DOUBLE or (slower) VARCHAR."""
    kinds = dict.fromkeys(WIDE_COLUMNS, "VARCHAR") | {"date": "TIMESTAMP"}
    kinds |= {vital.column: reading for vital in VITALS}
    cells = ",".join(
        CELL.format(
            name=vital.name,
            column=COLUMNS[vital.name],
            reading=convert(vital.name, f"TRY_CAST({COLUMNS[vital.name]} AS DOUBLE)"),
            low=vital.low - ON_THE_LINE,
            high=vital.high + ON_THE_LINE,
        )
        for vital in VITALS
    )
    kept = ", ".join(f"{name}_value AS {name}, {name}_reject" for name in COLUMNS)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE visits AS SELECT "date" AS time, "ID" AS patient, {kept} FROM (
            SELECT *, {cells} FROM read_csv(?, header = true, columns = {kinds}, nullstr = {list(MISSING)},
            delim = ',', quote = '"', timestampformat = '%Y-%m-%d %H:%M:%S'))""",
        [str(path)],
    )


def convert(name: str, sql: str) -> str:
    """Return the conversion to the canonical unit, in SQL."""
    if name == "temperature":
        return f"({sql} - 32) / 1.8::DOUBLE"
    return f"{sql} * 0.45359237::DOUBLE" if name == "weight" else sql


def points(name: str) -> str:
    """Return the NEWS2 points of one vital, in SQL."""
    rounded = f"floor({name} * {news2_tenfold(name)} + 0.5 + {ON_THE_LINE!r})"
    cases = " ".join(f"WHEN {rounded} <= {bound} THEN {score}" for bound, score in NEWS2_STEPS[name][:-1])
    return f"CASE {cases} ELSE {NEWS2_STEPS[name][-1][1]} END"


def news2(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the NEWS2 bands over the rows whose five vitals are plausible."""
    scores = ", ".join(f"{points(name)} AS {name}_points" for name in NEWS2_STEPS)
    total = " + ".join(f"{name}_points" for name in NEWS2_STEPS)
    three = f"greatest({', '.join(f'{name}_points' for name in NEWS2_STEPS)}) = 3"
    complete = " AND ".join(f"{name} IS NOT NULL" for name in NEWS2_STEPS)
    row = db.execute(
        f"""WITH sets AS (SELECT {scores} FROM visits WHERE {complete}),
        totals AS (SELECT {total} AS total, {three} AS three FROM sets)
        SELECT count(*), count_if(total < 5 AND NOT three), count_if(total < 5 AND three),
        count_if(total BETWEEN 5 AND 6), count_if(total >= 7) FROM totals"""
    ).fetchone()
    assert row is not None
    return dict(zip(("complete", "low", "low_medium", "medium", "high"), row, strict=True))


def analyze(path: Path, out: Path) -> None:
    """Read, compute, write."""
    db = duckdb.connect(config={"threads": contender.THREADS})
    try:
        load(db, path, "DOUBLE")
    except duckdb.ConversionException:  # there is an unparsable cell: handle each cell separately
        load(db, path, "VARCHAR")
    queries = " UNION ALL ".join(PER_VITAL.format(name=vital.name, unit=vital.unit) for vital in VITALS)
    db.execute(f"CREATE TEMP TABLE measures AS {queries}")
    db.execute(EDGES)
    edges = " UNION ALL ".join(AT_THE_EDGES.format(name=vital.name) for vital in VITALS)
    columns = ", ".join(f'"{name}"' for name in PATIENT_COLUMNS)
    db.execute(
        f"""COPY (WITH at_edges AS ({edges}),
        flat AS (SELECT *, quarters[1] AS q1, quarters[2] AS median, quarters[3] AS q3
            FROM measures LEFT JOIN at_edges USING (patient, vital))
        SELECT {columns} FROM flat ORDER BY patient, vital)
        TO '{out / "patients.csv"}' (HEADER, timestampformat '%Y-%m-%d %H:%M:%S')"""
    )
    contender.write_news2(out, news2(db))


if __name__ == "__main__":
    arguments = contender.parse_args("DuckDB")
    analyze(arguments.file, arguments.out)
