"""The independent calculation for the long formats (OMOP, FHIR, Synthea), with pandas, as simple as possible.

    formats.py check --format omop|fhir|synthea --files FILE... --results DIR
    formats.py write --out DIR --seed N

`check` reads the same files, and compares its results with patients.csv,
patients.parquet, quality.csv, objects.csv and the NEWS2 bands of summary.json under
--results. Exits 0 with one line that states how much was compared, 1 with the first
differences (file, vital and measure; never a value or a patient id), 2 on wrong usage.
`write` writes a deliberately dirty small study in each format: see
`formats_study.py`. `formats_selftest.py` proves that the checker can fail.

One measurement is a CSV row, or a FHIR Observation or component. It is counted once,
under the first of these that applies: malformed, withdrawn, other_code, no_patient,
no_time (by object); missing, unparsable, unknown_unit, implausible (by object and
vital); otherwise its value is analyzed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.parquet

from compare import Outcome, compare_news2, compare_patients, compare_types, read_patients_csv, report
from reference import measure, news2_bands, usage
from vitals import NEWS2_STEPS, ON_THE_LINE, PATIENT_COLUMNS, VITALS, Vital

RULES = {vital.name: vital for vital in (*VITALS, Vital("height", "", "cm", 20.0, 250.0))}
LOINC = {
    "8480-6": "systolic_bp", "8462-4": "diastolic_bp", "8867-4": "heart_rate", "9279-1": "respiratory_rate",
    "59408-5": "spo2", "2708-6": "spo2", "8310-5": "temperature", "8331-1": "temperature",
    "29463-7": "weight", "3141-9": "weight", "8302-2": "height", "39156-5": "bmi",
}  # fmt: skip
CONCEPTS = {
    3004249: "systolic_bp", 3012888: "diastolic_bp", 3027018: "heart_rate", 3024171: "respiratory_rate",
    40762499: "spo2", 3016502: "spo2", 3020891: "temperature", 3006322: "temperature",
    3025315: "weight", 3036277: "height", 3038553: "bmi",
}  # fmt: skip
# Supported units, and the canonical unit of each.
UNITS = {
    "mm[Hg]": "mm[Hg]", "mmHg": "mm[Hg]", "/min": "/min", "%": "%", "Cel": "Cel", "[degF]": "Cel",
    "kg": "kg", "[lb_us]": "kg", "[lb_av]": "kg", "cm": "cm", "[in_us]": "cm", "[in_i]": "cm", "kg/m2": "kg/m2",
}  # fmt: skip
FACTORS = {"[lb_us]": 0.45359237, "[lb_av]": 0.45359237, "[in_us]": 2.54, "[in_i]": 2.54}
UNIT_CONCEPTS = {
    8876: "mm[Hg]", 8541: "/min", 8483: "/min", 8554: "%", 586323: "Cel", 9289: "[degF]", 9529: "kg",
    8739: "[lb_us]", 8582: "cm", 9330: "[in_us]", 9531: "kg/m2",
}  # fmt: skip
COUNTS_PER_MINUTE = 8483  # accepted for heart rate only
OPERATOR_EQUAL = 4172703
LOINC_SYSTEMS = ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1")
WITHDRAWN = ("entered-in-error", "cancelled")
MISSING_WORDS = ("", "na", "nan", "null")  # in any case

ANNOTATION = re.compile(r"\{[^{}]*\}")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
PATIENT = re.compile(r"(?:(?:.*/)?Patient/|urn:uuid:)([^/]+)(?:/_history/.*)?")
TIME = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"  # the date
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?"  # the time, a fraction cut off
    r"(?: ?(Z|UTC)|([+-])(\d\d)(?::?(\d\d))?)?)?",  # the zone
    re.ASCII,
)

OBJECT_COUNTS = ("rows", "other_code", "withdrawn", "no_patient", "no_time", "malformed")
OBJECT_COLUMNS = ("object", "outcome", "format", *OBJECT_COUNTS, "digest", "reason")
QUALITY_COUNTS = ("values", "missing", "implausible", "unparsable", "unknown_unit")
QUALITY_OTHERS = (
    "duplicates",
    "out_of_order",
    "before_birth",
    "after_death",
    "dbp_not_below_sbp",
    "equal_column",
    "bmi_differs",
)  # not compared
QUALITY_COLUMNS = ("object", "vital", *QUALITY_COUNTS, *QUALITY_OTHERS)
RESULT_FILES = ("patients.csv", "patients.parquet", "summary.json", "quality.csv", "objects.csv")

Counts = dict[tuple[str, ...], dict[str, int]]


class Raw(NamedTuple):
    """One measurement as stated in a format; `None` is unreadable."""

    vital: str | None
    patient: str | None
    time: datetime | None
    value: Any
    exact: bool
    unit: str | None


def is_blank(cell: Any) -> bool:
    """Return whether a cell of CSV or Parquet is empty."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def number(cell: Any) -> float | None:
    """Return a cell as a number; `None` if it is missing, NaN if it is not a number."""
    if isinstance(cell, str) and cell.strip().lower() not in MISSING_WORDS:
        return float(cell) if NUMBER.fullmatch(cell.strip()) else math.nan
    return None if isinstance(cell, str) or is_blank(cell) else float(cell)


def whole(cell: Any) -> int | None:
    """Return a cell as a whole number, also `3004249.0`; not through a float, which would change long ids."""
    match = None if is_blank(cell) else WHOLE.fullmatch(str(cell).strip())
    return int(match[1]) if match else None


def moment(cell: Any) -> datetime | None:
    """Return a time to the second: in UTC if the cell states a zone, otherwise as stated."""
    if isinstance(cell, datetime):
        return (cell.astimezone(UTC) if cell.tzinfo else cell).replace(tzinfo=None, microsecond=0)
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    match = TIME.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if not match:
        return None
    year, _, month, day, hour, minute, second, _, sign, zone_hours, zone_minutes = match.groups()
    try:
        stated = datetime(*(int(part or 0) for part in (year, month, day, hour, minute, second)))
        offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
        return stated + offset if sign == "-" else stated - offset
    except (ValueError, OverflowError):
        return None


def verdict(raw: Raw) -> tuple[str, float]:
    """Classify a reading of a known vital, patient and time; return its canonical value or NaN."""
    rule, value = RULES[str(raw.vital)], number(raw.value)
    if value is None:
        return "missing", math.nan
    if not raw.exact or not math.isfinite(value):
        return "unparsable", math.nan
    unit = ANNOTATION.sub("", raw.unit or "").strip()
    if UNITS.get(unit) != rule.unit:
        return "unknown_unit", math.nan
    value = (value - 32) / 1.8 if unit == "[degF]" else value * FACTORS.get(unit, 1)
    if not rule.low - ON_THE_LINE <= value <= rule.high + ON_THE_LINE:
        return "implausible", math.nan
    return "values", value


@dataclass
class Read:
    """One object as read: the counts, and the readings (patient, vital, time, verdict, value) in order."""

    counts: Counter[str] = field(default_factory=Counter)
    readings: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, raw: Raw) -> None:
        """Count one measurement, or keep it as a reading."""
        needed = {"other_code": raw.vital, "no_patient": raw.patient, "no_time": raw.time}
        lacking = [reason for reason, part in needed.items() if not part]
        if lacking:
            self.counts[lacking[0]] += 1
        else:
            self.readings.append((raw.patient, raw.vital, raw.time, *verdict(raw)))


def omop_raw(row: Mapping[str, Any]) -> Raw:
    """Read one row of MEASUREMENT, from CSV text or typed Parquet."""
    vital = CONCEPTS.get(whole(row["measurement_concept_id"]) or 0)
    person, stamp = whole(row["person_id"]), row.get("measurement_datetime")
    operator, concept = row.get("operator_concept_id"), row.get("unit_concept_id")
    unit = row.get("unit_source_value")
    if not is_blank(concept) and whole(concept) != 0:
        concept = whole(concept)
        unit = None if concept == COUNTS_PER_MINUTE and vital != "heart_rate" else UNIT_CONCEPTS.get(concept or 0)
    return Raw(
        vital=vital,
        patient=None if person is None else str(person),
        time=moment(row["measurement_date"] if is_blank(stamp) else stamp),
        value=row["value_as_number"],
        exact=is_blank(operator) or whole(operator) in (0, OPERATOR_EQUAL),
        unit=unit,
    )


def synthea_raw(row: Mapping[str, str]) -> Raw:
    """Read one row of observations.csv, newer or older."""
    code = LOINC.get(row["code"].strip())
    return Raw(code, row["patient"].strip(), moment(row["date"]), row["value"], True, row["units"])


def read_table(data: bytes, raw_of: Callable[[Mapping[str, Any]], Raw]) -> Read:
    """Read CSV or Parquet, header names in any case; rows of another length are malformed, blank lines ignored."""
    read = Read()
    if data.startswith(b"PAR1"):
        for row in pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist():
            read.counts["rows"] += 1
            read.add(raw_of({name.lower(): cell for name, cell in row.items()}))
        return read
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    header = [name.strip().lower() for name in next(lines)]
    for cells in filter(None, lines):
        read.counts["rows"] += 1
        if len(cells) != len(header):
            read.counts["malformed"] += 1
        else:
            read.add(raw_of(dict(zip(header, cells, strict=True))))
    return read


def fhir_vital(part: Mapping[str, Any]) -> str | None:
    """Return the vital that an Observation or component names by LOINC; `None` if its codings name two."""
    codings = part.get("code", {}).get("coding", [])
    named = {LOINC.get(coding.get("code")) for coding in codings if coding.get("system") in LOINC_SYSTEMS} - {None}
    return named.pop() if len(named) == 1 else None


def fhir_patient(observation: Mapping[str, Any]) -> str | None:
    """Return the patient id in subject.reference: relative, absolute, versioned or urn:uuid."""
    return match[1] if (match := PATIENT.fullmatch(observation.get("subject", {}).get("reference", ""))) else None


def fhir_time(observation: Mapping[str, Any]) -> datetime | None:
    """Return when it was measured; never `issued`, which is when it was published."""
    start = observation.get("effectivePeriod", {}).get("start")
    return moment(observation.get("effectiveDateTime") or observation.get("effectiveInstant") or start)


def fhir_value(part: Mapping[str, Any]) -> tuple[Any, bool, str | None]:
    """Return (value, exact, unit) of an Observation or component."""
    if "dataAbsentReason" in part or not any(name.startswith("value") for name in part):
        return None, True, None
    if "valueInteger" in part:
        return part["valueInteger"], True, None
    quantity = part.get("valueQuantity", {"value": "of another type"})
    value = quantity.get("value")
    if value is not None and type(value) not in (int, float):
        value = "no number"
    return value, quantity.get("comparator", "=") == "=", quantity.get("code") or quantity.get("unit")


def observe(read: Read, observation: Mapping[str, Any]) -> None:
    """Count or keep one Observation: its own value, and each component that is a vital."""
    read.counts["rows"] += 1
    if observation.get("status") in WITHDRAWN:
        read.counts["withdrawn"] += 1
        return
    parts = [part for part in observation.get("component", []) if fhir_vital(part)]
    if fhir_vital(observation) and (not parts or any(name.startswith("value") for name in observation)):
        parts.insert(0, observation)
    if not parts:
        read.counts["other_code"] += 1
    for part in parts:
        read.add(Raw(fhir_vital(part), fhir_patient(observation), fhir_time(observation), *fhir_value(part)))


def strict_json(text: str) -> Any:
    """Parse standard JSON: Python alone would also accept NaN and Infinity."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def resources(text: str) -> Iterator[dict[str, Any] | None]:
    """Yield the resources of a Bundle, or of the lines of Bulk Data (`None` for a line that is not JSON)."""
    try:
        one = strict_json(text)
        is_bundle = one.get("resourceType") == "Bundle"
        yield from (entry["resource"] for entry in one.get("entry", []) if "resource" in entry) if is_bundle else [one]
    except ValueError:
        for line in filter(str.strip, text.split("\n")):
            try:
                yield strict_json(line)
            except ValueError:
                yield None


def read_fhir(data: bytes) -> Read:
    """Read ndjson or a Bundle; resources other than Observation are ignored."""
    read = Read()
    for resource in resources(data.decode("utf-8-sig")):
        if resource is None:
            read.counts.update(("rows", "malformed"))
        elif resource.get("resourceType") == "Observation":
            observe(read, resource)
    return read


def read_object(path: Path, kind: str) -> Read:
    """Read one file of the given format, compressed with gzip or not."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    return read_fhir(data) if kind == "fhir" else read_table(data, omop_raw if kind == "omop" else synthea_raw)


class Expected(NamedTuple):
    """The expected results; counts by (object's file name, vital) and by (object's file name)."""

    patients: pd.DataFrame
    news2: dict[str, int]
    quality: Counts
    objects: Counts


def patient_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Return one row per patient and vital with any reading, columns as in patients.csv."""
    rows = []
    for (patient, vital), own in readings.groupby(["patient", "vital"]):
        wide = own[["time"]].assign(**{
            vital: own["value"],
            f"{vital} missing": own["verdict"] == "missing",
            f"{vital} implausible": own["verdict"] == "implausible",
        })  # fmt: skip
        rows.append({"patient": patient, "vital": vital, "unit": RULES[vital].unit} | measure(wide, vital))
    return pd.DataFrame(rows, columns=list(PATIENT_COLUMNS), dtype=object)


def news2_sets(readings: pd.DataFrame) -> pd.DataFrame:
    """Return one row per object, patient and time: the mean of each vital's values, NaN if there is none."""
    moments = ["object", "patient", "time"]
    values = readings[readings["verdict"] == "values"]
    means = values.pivot_table(index=moments, columns="vital", values="value", aggfunc="mean")
    return means.reindex(columns=list(NEWS2_STEPS))


def calculate(files: Sequence[Path], kind: str) -> Expected:
    """Compute everything that `check` compares, from the files themselves."""
    reads = {path.name: read_object(path, kind) for path in files}
    rows = [(name, *reading) for name, read in reads.items() for reading in read.readings]
    readings = pd.DataFrame(rows, columns=["object", "patient", "vital", "time", "verdict", "value"])
    keys = readings[["object", "vital", "verdict"]].itertuples(index=False, name=None)
    verdicts: Counter[tuple[str, ...]] = Counter(keys)
    return Expected(
        patients=patient_table(readings),
        news2=news2_bands(news2_sets(readings)),
        quality={key[:2]: {name: verdicts[*key[:2], name] for name in QUALITY_COUNTS} for key in verdicts},
        objects={(name,): {count: read.counts[count] for count in OBJECT_COUNTS} for name, read in reads.items()},
    )


def compare_counts(path: Path, header: tuple[str, ...], expected: Counts) -> Outcome:
    """Compare a table of counts, exactly; only the given counts are compared, not other columns."""
    outcome, table = Outcome(), read_patients_csv(path)
    outcome.check(f"{path.name}: header", tuple(table.columns) == header)
    if outcome.differences:
        return outcome
    seen: set[tuple[str, ...]] = set()
    for row in table.to_dict("records"):
        key = (PurePosixPath(row["object"]).name, *([row["vital"]] if "vital" in row else []))
        outcome.check(f"{path.name} {' '.join(key)}: not expected or repeated", key in expected and key not in seen)
        seen.add(key)
        for name, count in expected.get(key, {}).items():
            outcome.check(f"{path.name} {' '.join(key)} {name}", row[name] == str(count))
    for key in expected.keys() - seen:
        outcome.check(f"{path.name} {' '.join(key)}: absent", False)
    return outcome


def compare(expected: Expected, results: Path) -> dict[str, Outcome]:
    """Compare with the files of `results`, part by part."""
    parquet = pd.read_parquet(results / "patients.parquet")
    table, summary = read_patients_csv(results / "patients.csv"), json.loads((results / "summary.json").read_bytes())
    return {
        "patients.csv": compare_patients("patients.csv", expected.patients, table),
        "patients.parquet": compare_patients("patients.parquet", expected.patients, parquet),
        "parquet types": compare_types(parquet),
        "quality.csv": compare_counts(results / "quality.csv", QUALITY_COLUMNS, expected.quality),
        "objects.csv": compare_counts(results / "objects.csv", OBJECT_COLUMNS, expected.objects),
        "news2": compare_news2(expected.news2, summary.get("news2", {})),
    }


def main() -> int:
    """Run the chosen command; return the exit code."""
    parser = argparse.ArgumentParser(description="compare results of the long formats with a pandas calculation")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compute from the files, compare with results")
    checking.add_argument("--format", required=True, choices=("omop", "fhir", "synthea"), help="of all the files")
    checking.add_argument("--files", type=Path, required=True, nargs="+", help="the files analyzed, of different names")
    checking.add_argument("--results", type=Path, required=True, help="output directory of the analysis")
    writing = commands.add_parser("write", help="write a dirty small study in each format")
    writing.add_argument("--out", type=Path, required=True, help="output directory (created if missing)")
    writing.add_argument("--seed", type=int, default=1938, help="same seed, same bytes (default: 1938)")
    args = parser.parse_args()
    if args.command == "write":
        import formats_study  # imports this module, hence not at the top

        print("\n".join(str(path) for path in formats_study.write_all(args.out, args.seed)))
        return 0
    for path in (*args.files, *(args.results / name for name in RESULT_FILES)):
        if not path.is_file():
            usage(f"no such file: {path}")
    if len({path.name for path in args.files}) < len(args.files):
        usage("--files: two have the same name, so their results could not be distinguished")
    return report(compare(calculate(args.files, args.format), args.results))


if __name__ == "__main__":
    sys.exit(main())
