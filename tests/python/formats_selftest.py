"""Proves that the checker of the long formats can fail: correct results pass, each wrong number is detected.

    formats_selftest.py [--seed N]

The correct results are the checker's own calculation over the dirty study, written as
the analysis writes them; so a pass proves nothing about the calculation itself.
Therefore records are judged by hand from the specification, one or two for each rule
(`JUDGED`), and the study is required to contain every kind of dirt.
"""

from __future__ import annotations

import argparse
import copy
import csv
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

import formats
from formats import OBJECT_COLUMNS, OBJECT_COUNTS, QUALITY_COLUMNS, QUALITY_COUNTS, RULES, Counts, Expected
from formats_study import write_all
from selftest import COLUMNS, spoil, write_results

Row = dict[str, Any]
NEVER = {"withdrawn": ("omop", "synthea")}  # no such thing in these formats


class Results(NamedTuple):
    """The contents of a results directory, to be written and modified."""

    csv_rows: list[Row]
    parquet_rows: list[Row]
    news2: Row
    quality: Counts
    objects: Counts


def right(expected: Expected) -> Results:
    """Return the checker's own calculation as results; NaN (an SD of one value) is written as an empty cell."""
    records = expected.patients.to_dict("records")
    rows = [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in records]
    return Results(rows, rows, expected.news2, expected.quality, expected.objects)


def write_counts(path: Path, header: tuple[str, ...], keys: tuple[str, ...], counts: Counts) -> None:
    """Write quality.csv or objects.csv; object names have a prefix, as in a bucket."""
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, header, lineterminator="\n")
        writer.writeheader()
        for key, row in counts.items():
            name = {"object": f"in/2026/{key[0]}"}
            writer.writerow(dict(zip(keys, key, strict=True)) | name | row)


def write(out: Path, results: Results) -> None:
    """Write the five files that are compared."""
    write_results(out, results.csv_rows, results.parquet_rows, {"news2": results.news2})
    write_counts(out / "quality.csv", QUALITY_COLUMNS, ("object", "vital"), results.quality)
    write_counts(out / "objects.csv", OBJECT_COLUMNS, ("object",), results.objects)


def changed(counts: Counts, key: tuple[str, ...], name: str) -> Counts:
    """Return the counts with one of them increased by one."""
    other = copy.deepcopy(counts)
    other[key][name] += 1
    return other


def mutations(good: Results) -> Iterator[tuple[str, Results]]:
    """Yield every broken set of results, with the words that its report must contain."""
    at = next(number for number, row in enumerate(good.csv_rows) if row["n"] > 9 and row["missing"] and row["mean"])
    vital = good.csv_rows[at]["vital"]
    for name in ("unit", *COLUMNS):
        wrong = [*good.csv_rows]
        wrong[at] = wrong[at] | {name: spoil(name, wrong[at][name])}
        yield f"patients.csv row {at + 1} {vital} {name}", good._replace(csv_rows=wrong)
        yield f"patients.parquet row {at + 1} {vital} {name}", good._replace(parquet_rows=wrong)
    yield "patients.csv row missing", good._replace(csv_rows=good.csv_rows[1:])
    yield "not expected", good._replace(parquet_rows=[*good.parquet_rows, good.csv_rows[0] | {"patient": "P9999"}])
    for name in good.news2:
        yield f"news2 {name}", good._replace(news2=good.news2 | {name: good.news2[name] + 1})
    pair, one = max(good.quality), max(good.objects)
    for name in QUALITY_COUNTS:
        yield f"quality.csv {' '.join(pair)} {name}", good._replace(quality=changed(good.quality, pair, name))
    for name in OBJECT_COUNTS:
        yield f"objects.csv {one[0]} {name}", good._replace(objects=changed(good.objects, one, name))
    for label, table in (("quality", good.quality), ("objects", good.objects)):
        less = {key: row for key, row in table.items() if key != max(table)}
        strange = table | {("other.csv", *max(table)[1:]): table[max(table)]}
        yield f"{label}.csv {' '.join(max(table))}: absent", good._replace(**{label: less})
        yield f"{label}.csv other.csv", good._replace(**{label: strange})


def weaknesses(kind: str, expected: Expected) -> Iterator[str]:
    """Yield the kinds of dirt that the study lacks."""
    yield from (f"{kind}: no NEWS2 set {band}" for band, count in expected.news2.items() if count == 0)
    for name in OBJECT_COUNTS:
        if sum(row[name] for row in expected.objects.values()) == 0 and kind not in NEVER.get(name, ()):
            yield f"{kind}: nothing counted as {name}"
    for vital in RULES:
        rows = [row for key, row in expected.quality.items() if key[1] == vital]
        yield from (f"{kind}: no {name} {vital}" for name in QUALITY_COUNTS if not sum(row[name] for row in rows))


def try_format(kind: str, files: list[Path], results: Path) -> tuple[int, list[str]]:
    """Accept the correct results, detect each wrong one; return the number detected, and the problems."""
    expected = formats.calculate(files, kind)
    good, problems, caught = right(expected), list(weaknesses(kind, expected)), 0

    def found(these: Results) -> list[str]:
        write(results, these)
        return [text for part in formats.compare(expected, results).values() for text in part.differences]

    problems += [f"{kind}: correct results rejected: {text}" for text in found(good)]
    for words, wrong in mutations(good):
        differences = found(wrong)
        ok = differences != [] and all(words in text for text in differences)
        caught += ok
        problems += [] if ok else [f"{kind}: not detected, or reported differently: {words}: {differences[:3]}"]
    return caught, problems


OMOP_HEADER = (
    "person_id,measurement_concept_id,measurement_date,measurement_datetime,operator_concept_id,"
    "value_as_number,unit_concept_id,unit_source_value"
)
SYNTHEA_HEADER = "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS"
PULSE = '"code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}'
TWO = PULSE.replace("]}", ', {"system": "http://loinc.org", "code": "9279-1"}]}')
WHO = '"resourceType": "Observation", "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2020-01-31"'
SIXTY = '"valueQuantity": {"value": 60, "code": "/min"}'
BELOW_SIXTY = SIXTY.replace("60", '60, "comparator": "<"')
GROUP = WHO.replace("Patient/", "Group/")
INSTANT = WHO.replace("DateTime", "Instant").replace("-31", "-31T01:00:00+01:00")
# (format, one record, expected result), judged by hand: a count, a verdict, or "value @ time".
JUDGED = (
    ("omop", "1,3027018,2020-01-31,,,60,8541,", "60 @ 2020-01-31 00:00:00"),
    ("omop", "-1.0,3027018.0,2020-01-31,2020-01-31T23:20:30.9-05:00,0,6e1,8483.0,", "60 @ 2020-02-01 04:20:30"),
    ("omop", "1,3024171,2020-01-31,,,16,8483,/min", "unknown_unit"),
    ("omop", "1,3020891,2020-01-31,,4172703,114.8,0,[degF]", "46 @ 2020-01-31 00:00:00"),
    ("omop", "1,3027018,2020-01-31,,,60,,{beats}/min", "60 @ 2020-01-31 00:00:00"),
    ("omop", "1,3027018,2020-01-31,,,60,,bpm", "unknown_unit"),
    ("omop", "1,3027018,2020-01-31,unknown,,60,8541,", "no_time"),
    ("omop", "1,3027018,2020-01-31,,4172704,60,8541,", "unparsable"),
    ("omop", "1,3027018,2020-01-31,,4172704,,9529,", "missing"),
    ("omop", "1,3027018,2020-01-31,,,5.4e-79,8541,", "implausible"),
    ("omop", "1,3027018,2020-01-31,,,inf,9529,", "unparsable"),
    ("omop", "1,3027018,2020-01-31,,,NULL,9529,", "missing"),
    ("omop", ",3004410,2020-01-31,,,60,8541,", "other_code"),
    ("omop", ",3027018,,,,60,8541,", "no_patient"),
    ("omop", ",3004410,2020-01-31,,,60,8541", "malformed"),
    ("synthea", "1969-12-31T23:59:59.75Z,p,e,29463-7,Weight,1500,[lb_av]", "680.388555 @ 1969-12-31 23:59:59"),
    ("synthea", "2020-01-31,p,e,29463-7,Weight,680.4000000001,kg", "680.4 @ 2020-01-31 00:00:00"),
    ("synthea", "2020-01,p,e,8302-2,Height,70,[in_i]", "no_time"),
    ("synthea", "2020-01-31,p,e,8302-2,Height,98.43,[in_i]", "implausible"),
    ("synthea", "2020-01-31,,e,8302-2,Height,,", "no_patient"),
    ("fhir", f"{{{WHO}, {PULSE}, {SIXTY}}}", "60 @ 2020-01-31 00:00:00"),
    ("fhir", f'{{{WHO}, {PULSE}, {SIXTY}, "status": "cancelled"}}', "withdrawn"),
    ("fhir", f"{{{WHO}, {PULSE.replace('http://loinc.org', 'http://local')}, {SIXTY}}}", "other_code"),
    ("fhir", f"{{{WHO}, {TWO}, {SIXTY}}}", "other_code"),
    ("fhir", f'{{{WHO}, "code": {{}}, "component": [{{{PULSE}, {SIXTY}}}]}}', "60 @ 2020-01-31 00:00:00"),
    ("fhir", f'{{{WHO}, {PULSE}, "component": [{{{PULSE}, {SIXTY}}}]}}', "60 @ 2020-01-31 00:00:00"),
    ("fhir", f'{{{WHO}, {PULSE}, "component": [{{{TWO}, {SIXTY}}}]}}', "missing"),
    ("fhir", f'{{{WHO}, {PULSE}, "dataAbsentReason": {{}}}}', "missing"),
    ("fhir", f'{{{WHO}, {PULSE}, "valueInteger": 60}}', "unknown_unit"),
    ("fhir", f'{{{WHO}, {PULSE}, "valueString": "60"}}', "unparsable"),
    ("fhir", f"{{{WHO}, {PULSE}, {SIXTY.replace('code', 'unit')}}}", "60 @ 2020-01-31 00:00:00"),
    ("fhir", f'{{{WHO}, "code": {{}}, "component": [{{{PULSE}, {SIXTY}}}, {{{PULSE}}}], "valueQuantity": {{}}}}',
     "60 @ 2020-01-31 00:00:00, missing"),
    ("fhir", f"{{{WHO}, {PULSE}, {BELOW_SIXTY}}}", "unparsable"),
    ("fhir", f"{{{GROUP}, {PULSE}, {SIXTY}}}", "no_patient"),
    ("fhir", f"{{{INSTANT}, {PULSE}, {SIXTY}}}", "60 @ 2020-01-31 00:00:00"),
    ("fhir", f"{{{WHO}, {PULSE}, {SIXTY.replace('60', 'NaN')}}}", "malformed"),
)  # fmt: skip


def judge(kind: str, record: str, folder: Path) -> str:
    """Return what the checker makes of one record: its only count or reading."""
    header = {"omop": OMOP_HEADER + "\n", "synthea": SYNTHEA_HEADER + "\n", "fhir": ""}[kind]
    path = folder / "record"
    path.write_text(header + record + "\n", encoding="utf-8")
    read = formats.read_object(path, kind)
    counted = [name for name in read.counts.elements() if name != "rows"]
    made = [f"{value:.10g} @ {when}" if kept == "values" else kept for _, _, when, kept, value in read.readings]
    return ", ".join([*counted, *made])


def main() -> int:
    """Try everything; return the exit code."""
    parser = argparse.ArgumentParser(description="prove that formats.py accepts correct and detects wrong results")
    parser.add_argument("--seed", type=int, default=1938, help="of the study (default: 1938)")
    seed, caught, problems = parser.parse_args().seed, 0, []
    with tempfile.TemporaryDirectory(prefix="sce-formats-") as folder:
        made, results = write_all(Path(folder, "study"), seed), Path(folder, "results")
        results.mkdir()
        for kind in ("omop", "fhir", "synthea"):
            count, found = try_format(kind, [path for path in made if path.parent.name == kind], results)
            caught, problems = caught + count, problems + found
        for kind, record, expected in JUDGED:
            actual = judge(kind, record, Path(folder))
            problems += [] if actual == expected else [f"{kind}: {record}: {actual}, not {expected}"]
    print("\n".join([*problems, f"formats self-test: {caught} wrong results detected, {len(JUDGED)} records judged, "
                                f"{len(problems)} problems"]))  # fmt: skip
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
