"""A small, deliberately dirty study in each long format: OMOP, FHIR and Synthea.

All generated from a seed, no real data; the same seed produces the same bytes. Besides
ordinary readings it contains what such exports contain in practice: missing values in
each spelling, cells that are not numbers, implausible values (7777, 5.4e-79), values on
a bound or on a NEWS2 tie; converted units, aliases, unknown units; codes that are not
vitals; times in several forms in one column, with zones and fractions, before 1970, or
unreadable; rows that are out of order, damaged, or twice at one time; patients with
negative and very long ids. The checker never uses anything known only here.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet

from formats import CONCEPTS, LOINC, MISSING_WORDS

Item = TypeVar("Item")
Record = dict[str, Any]

# Most visits are calm (NEWS2 scores them 0), the others anywhere in the wider range; canonical
# units.
CALM = {
    "systolic_bp": (112, 218), "diastolic_bp": (55, 95), "heart_rate": (52, 89), "respiratory_rate": (12, 20),
    "spo2": (96, 99.4), "temperature": (36.2, 37.9), "weight": (44, 145), "height": (150, 200), "bmi": (17, 45),
}  # fmt: skip
WIDE = CALM | {
    "systolic_bp": (85, 225), "heart_rate": (38, 135), "respiratory_rate": (7, 27), "spo2": (90, 99.4),
    "temperature": (34.7, 39.5),
}  # fmt: skip
UNITS = {
    "systolic_bp": ("mm[Hg]", "mmHg"), "diastolic_bp": ("mm[Hg]", "mmHg"), "heart_rate": ("/min", "{beats}/min"),
    "respiratory_rate": ("/min", "{breaths}/min"), "spo2": ("%",), "temperature": ("Cel", "[degF]"),
    "weight": ("kg", "[lb_us]", "[lb_av]"), "height": ("cm", "[in_us]", "[in_i]"), "bmi": ("kg/m2",),
}  # fmt: skip
# On a bound (in range) or on a NEWS2 tie.
EDGES = {
    "systolic_bp": (("25", "mm[Hg]"), ("300", "mmHg"), ("90.5", "mm[Hg]"), ("219.5", "mm[Hg]")),
    "diastolic_bp": (("1", "mm[Hg]"), ("200", "mm[Hg]")), "spo2": (("1", "%"), ("100", "%"), ("91.5", "%")),
    "heart_rate": (("10", "/min"), ("300", "/min"), ("40.5", "/min")),
    "respiratory_rate": (("1", "/min"), ("70", "/min"), ("8.5", "/min")),
    "temperature": (("77", "[degF]"), ("114.8", "[degF]"), ("96.89", "[degF]"), ("36.05", "Cel"), ("46", "Cel")),
    "weight": (("0.198", "kg"), ("680.4", "kg"), ("1500", "[lb_av]")),
    "height": (("20", "cm"), ("98.4251968503937", "[in_i]")), "bmi": (("8", "kg/m2"), ("100", "kg/m2")),
}  # fmt: skip
MISSING = ("", "", "NA", "NaN", "nan", "NULL")
NO_NUMBER = ("abc", "12,5", "<5", "98.6F", "120/80", "1.2.3", "--", "inf", "See Note")
IMPLAUSIBLE = ("-1", "0", "7777", "9999", "5.4e-79", "-0.0", "1e300")
UNKNOWN_UNITS = ("", "bpm", "kPa", "degF", "lb", "KG", "MM[HG]", "mm", "K", "{score}", "1/min", "[stone_av]")
BAD_TIMES = ("2020", "2020-01", "31/01/2020", "2020-02-30 08:00:00", "2020-01-31T25:00:00Z", "unknown")

LABS = {"4548-4": (3004410, "Hemoglobin A1c/Hemoglobin.total in Blood", "5.6", "%"),
        "2339-0": (3000483, "Glucose [Mass/volume] in Blood, random", "101.5", "mg/dL"),
        "72166-2": (43054909, "Tobacco smoking status", "Never smoked tobacco", "{nominal}")}  # fmt: skip
PERSONS = (17, -2204, 9007199254740993, 9007199254740992, -1)  # the third and fourth are one as a float
STARTS = tuple(datetime(*day) for day in ((1938, 10, 30), (1969, 12, 1), (2019, 12, 31), (2020, 1, 31), (1999, 2, 1)))
VISITS = 36


class Reading(NamedTuple):
    """One reading as recorded; `text` need not be a number, `unit` need not be a unit of the vital."""

    patient: int
    time: datetime
    vital: str
    text: str
    unit: str


def in_unit(value: float, unit: str) -> float:
    """Convert a canonical value to one of the supported units."""
    return value * 1.8 + 32 if unit == "[degF]" else value / {"[l": 0.45359237, "[i": 2.54}.get(unit[:2], 1)


def value_and_unit(rng: random.Random, vital: str, ranges: Mapping[str, tuple[float, float]]) -> tuple[str, str]:
    """Return mostly an ordinary reading, sometimes one of the odd kinds."""
    unit, kind = rng.choice(UNITS[vital]), rng.random()
    for share, texts in ((0.05, MISSING), (0.07, NO_NUMBER), (0.11, IMPLAUSIBLE)):
        if kind < share:
            return rng.choice(texts), unit
    if kind < 0.14:
        return rng.choice(EDGES[vital])
    value = in_unit(rng.uniform(*ranges[vital]), unit)
    text = f"{value:e}" if rng.random() < 0.02 else f"{value:.{rng.choice((0, 1, 2, 6))}f}"
    return text, rng.choice(UNKNOWN_UNITS) if rng.random() < 0.03 else unit


def visits(rng: random.Random) -> list[list[Reading]]:
    """Return every visit's readings, some twice; patient 0 never has a weight, patient 1 never a BMI value."""
    made = []
    for patient, start in enumerate(STARTS):
        for number in range(VISITS):
            # Every other visit is at midnight, so that a date alone can state its time.
            when = start + timedelta(days=number) + (number % 2) * timedelta(hours=20, minutes=20, seconds=30)
            vitals = [vital for vital in CALM if rng.random() < 0.95 and (patient, vital) != (0, "weight")]
            vitals += rng.choices(vitals, k=rng.choice((0, 0, 1)))
            ranges = CALM if rng.random() < 0.6 else WIDE
            visit = [Reading(patient, when, vital, *value_and_unit(rng, vital, ranges)) for vital in vitals]
            made.append([r._replace(text="") if (patient, r.vital) == (1, "bmi") else r for r in visit])
    return made


def disordered(rng: random.Random, items: Sequence[Item]) -> list[Item]:
    """Return the items with one in five out of order."""
    order = list(items)
    for _ in range(len(order) // 5):
        order.insert(rng.randrange(len(order)), order.pop(rng.randrange(len(order))))
    return order


def time_text(rng: random.Random, when: datetime) -> str:
    """Return one time in one of the forms that a column may mix."""
    if when == datetime.combine(when, datetime.min.time()) and rng.random() < 0.4:
        return when.strftime("%Y-%m-%d")
    return rng.choice((
        f"{when}", f"{when:%Y-%m-%dT%H:%M:%S}Z", f"{when - timedelta(hours=5):%Y-%m-%dT%H:%M:%S}-05:00",
        f"{when:%Y-%m-%dT%H:%M:%S}.75Z", f"{when + timedelta(hours=5.5):%Y-%m-%d %H:%M:%S}.999+05:30",
    ))  # fmt: skip


def code_of(rng: random.Random, table: Mapping[Any, str], vital: str) -> Any:
    """Return one of the codes of a vital."""
    return rng.choice([code for code, name in table.items() if name == vital])


def csv_bytes(rng: random.Random, header: Sequence[str], rows: Sequence[Record], end: str = "\n") -> bytes:
    """Return rows as CSV: some with a field too few or too many, and some blank lines."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator=end)
    writer.writerow(header)
    for row in rows:
        cells, kind = ["" if row[name.lower()] is None else str(row[name.lower()]) for name in header], rng.random()
        writer.writerow(cells[:-1] if kind < 0.01 else [*cells, "x"] if kind < 0.02 else cells)
        target.write(end if kind > 0.995 else "")
    return target.getvalue().encode()


OMOP_COLUMNS = (
    "measurement_id", "person_id", "measurement_concept_id", "measurement_date", "measurement_datetime",
    "measurement_time", "measurement_type_concept_id", "operator_concept_id", "value_as_number",
    "value_as_concept_id", "unit_concept_id", "range_low", "range_high", "provider_id", "visit_occurrence_id",
    "visit_detail_id", "measurement_source_value", "measurement_source_concept_id", "unit_source_value",
    "unit_source_concept_id", "value_source_value", "measurement_event_id", "meas_event_field_concept_id",
)  # fmt: skip
NEW_IN_54 = ("unit_source_concept_id", "measurement_event_id", "meas_event_field_concept_id")
UNIT_IDS = {
    "mm[Hg]": 8876, "mmHg": 8876, "/min": 8541, "{beats}/min": 8483, "{breaths}/min": 8541, "%": 8554, "Cel": 586323,
    "[degF]": 9289, "kg": 9529, "[lb_us]": 8739, "[lb_av]": 8739, "cm": 8582, "[in_us]": 9330, "[in_i]": 9330,
    "kg/m2": 9531,
}  # fmt: skip
OPERATORS = (*(None, 0, 4172703) * 10, 4171756, 4172704)  # absent, none and =; then < and >


def omop_row(rng: random.Random, number: int, reading: Reading) -> Record:
    """Return one typed row; the value is still text, None for an empty cell."""
    concept, unit, text = code_of(rng, CONCEPTS, reading.vital), reading.unit, reading.text
    if rng.random() < 0.06:
        concept, _, text, unit = rng.choice([*LABS.values(), (0, "", "5", "%"), (8867, "", "80", "/min")])
    unit_id = 8483 if concept == 3024171 and rng.random() < 0.03 else UNIT_IDS.get(unit, 8583)
    when = reading.time if rng.random() < 0.9 else None
    return dict.fromkeys(OMOP_COLUMNS) | {
        "measurement_id": number, "person_id": None if rng.random() < 0.01 else PERSONS[reading.patient],
        "measurement_concept_id": concept, "measurement_type_concept_id": 32817, "value_as_number": text,
        "measurement_date": None if rng.random() < 0.02 else reading.time.date(), "measurement_datetime": when,
        "operator_concept_id": rng.choice(OPERATORS), "unit_concept_id": rng.choice((unit_id, unit_id, 0, None)),
        "unit_source_value": unit, "measurement_source_value": rng.choice(("8867-4", "local, 220045", 'say "HR"')),
        "value_source_value": rng.choice((text, None, "120", "two\nlines")), "range_high": rng.choice((None, 140.0)),
        "measurement_time": f"{reading.time:%H:%M:%S}",
    }  # fmt: skip


def omop_rows(rng: random.Random) -> list[Record]:
    """Return the typed rows of a MEASUREMENT table, a few out of order."""
    readings = [reading for visit in visits(rng) for reading in visit]
    return disordered(rng, [omop_row(rng, number, reading) for number, reading in enumerate(readings, start=1)])


def omop_cells(rng: random.Random, row: Record) -> Record:
    """Return a typed row as in CSV: times in several forms or unreadable, whole numbers as floats."""
    cells, when, day = dict(row), row["measurement_datetime"], row["measurement_date"]
    if when and rng.random() < 0.02:
        cells["measurement_datetime"] = rng.choice(BAD_TIMES)  # the date is valid, but must not be used instead
    elif when:
        cells["measurement_datetime"] = time_text(rng, when)
    if day and rng.random() < 0.05:
        cells["measurement_date"] = rng.choice((f"{day:%Y%m%d}", f"{day} 00:00:00", "2020-13-01"))
    whole = ("person_id", "measurement_concept_id", "unit_concept_id", "operator_concept_id")
    floats = [name for name in whole if row[name] is not None and abs(row[name]) < 2**53]
    for name in floats if rng.random() < 0.2 else ():
        cells[name] = f"{row[name]}.0"
    return cells


def omop_parquet(rng: random.Random, rows: Sequence[Record]) -> bytes:
    """Return typed columns: 64-bit ids, a date, a timestamp in microseconds, a float; with null, NaN and infinity."""
    integers = pa.int64()
    kinds = {name: integers for name in OMOP_COLUMNS if name.endswith("_id")} | {
        "measurement_date": pa.date32(), "measurement_datetime": pa.timestamp("us"),
        "value_as_number": pa.float64(), "range_low": pa.float64(), "range_high": pa.float64(),
    }  # fmt: skip
    typed = []
    for row in rows:
        try:
            value: float | None = float(row["value_as_number"])
        except ValueError:
            value = rng.choice((None, math.nan, math.inf, -math.inf))
        when = row["measurement_datetime"]
        part = {"measurement_datetime": when and when.replace(microsecond=rng.choice((0, 1, 999_999)))}
        typed.append(row | part | {"value_as_number": value})
    schema = pa.schema({name: kinds.get(name, pa.string()) for name in OMOP_COLUMNS})
    target = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(typed, schema), target, row_group_size=500)
    return target.getvalue()


def write_omop(rng: random.Random, out: Path) -> Iterator[Path]:
    """Write a 5.4 table, a 5.3 table as exported by Windows, Parquet, and a table compressed with gzip."""
    old = [name.upper() for name in OMOP_COLUMNS if name not in NEW_IN_54]
    parts = [[omop_cells(rng, row) for row in omop_rows(rng)] for _ in range(3)]
    yield written(out / "measurement.csv", csv_bytes(rng, OMOP_COLUMNS, parts[0]))
    yield written(out / "MEASUREMENT_53.csv", b"\xef\xbb\xbf" + csv_bytes(rng, old, parts[1], "\r\n"))
    yield written(out / "measurement.parquet", omop_parquet(rng, omop_rows(rng)))
    yield written(out / "measurement2.csv.gz", gzip.compress(csv_bytes(rng, OMOP_COLUMNS, parts[2]), mtime=0))


SYNTHEA_COLUMNS = ("DATE", "PATIENT", "ENCOUNTER", "CATEGORY", "CODE", "DESCRIPTION", "VALUE", "UNITS", "TYPE")
PATIENTS = [str(uuid.UUID(int=number, version=4)) for number in range(1, len(STARTS) + 1)]


def synthea_row(rng: random.Random, reading: Reading) -> Record:
    """Return one row of observations.csv; sometimes a laboratory value, text, or without a patient."""
    code, text, unit = code_of(rng, LOINC, reading.vital), reading.text, reading.unit
    description, category = f"{reading.vital}, as measured", "vital-signs"
    if rng.random() < 0.06:
        code, category = rng.choice((*LABS, "QALY", "")), "laboratory"
        _, description, text, unit = LABS.get(code, (0, "QALY", "12.5", "a"))
    when = time_text(rng, reading.time)
    if rng.random() < 0.03:
        when = rng.choice((*BAD_TIMES, "", f"{reading.time:%Y%m%d}"))
    return {
        "date": when, "patient": "" if rng.random() < 0.01 else PATIENTS[reading.patient],
        "encounter": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "category": category, "code": code,
        "description": description, "value": text, "units": unit, "type": "text" if "N" in text else "numeric",
    }  # fmt: skip


def write_synthea(rng: random.Random, out: Path) -> Iterator[Path]:
    """Write a newer observations.csv, and an older one without CATEGORY and TYPE."""
    old = [name for name in SYNTHEA_COLUMNS if name not in ("CATEGORY", "TYPE")]
    for name, header in (("observations.csv", SYNTHEA_COLUMNS), ("observations_old.csv", old)):
        rows = disordered(rng, [synthea_row(rng, reading) for visit in visits(rng) for reading in visit])
        yield written(out / name, csv_bytes(rng, header, rows))


SYSTEM = "http://loinc.org"
LOCAL = {"system": "http://hospital.example/codes", "code": "220045", "display": "Blutdruck, größer"}


def loinc(code: str) -> Record:
    """Return a CodeableConcept with one LOINC coding."""
    return {"coding": [{"system": SYSTEM, "code": code}]}


def fhir_code(rng: random.Random, code: str) -> Record:
    """Return a CodeableConcept: one coding or several, or one that only resembles LOINC."""
    coding, kind = {"system": SYSTEM, "code": code, "display": "as shown"}, rng.random()
    local = coding | rng.choice(({"system": LOCAL["system"]}, {"system": None}, {"system": "http://LOINC.org/"}))
    other = {"system": SYSTEM, "code": "8867-4" if code == "9279-1" else "9279-1"}
    odd = (
        (0.03, [{name: part for name, part in local.items() if part}]), (0.05, [coding, other]),
        (0.08, [coding, {"system": SYSTEM, "code": "8889-8"}]), (0.12, [coding, coding]), (0.2, [LOCAL, coding]),
        (0.25, [coding | {"system": "urn:oid:2.16.840.1.113883.6.1"}]),
    )  # fmt: skip
    return {"coding": next((codings for share, codings in odd if kind < share), [coding]), "text": "8867-4"}


def fhir_value(rng: random.Random, reading: Reading) -> Record:
    """Return the value[x] of a reading, or its replacement."""
    unit = {"unit": "as shown", "system": "http://unitsofmeasure.org", "code": reading.unit}
    if not reading.unit or rng.random() < 0.1:
        unit = {"unit": reading.unit} if reading.unit else {}
    if reading.text.lower() in MISSING_WORDS:
        absent = {"dataAbsentReason": {"coding": [{"code": "unknown"}]}}
        return rng.choice((absent, absent, {}, {"valueQuantity": unit}, {"valueQuantity": {"value": None} | unit}))
    try:
        value = json.loads(reading.text)
    except ValueError:
        concept = {"valueCodeableConcept": {"text": reading.text}}
        return rng.choice(({"valueString": reading.text}, concept, {"valueQuantity": {"value": reading.text} | unit}))
    if rng.random() < 0.02:
        return {"valueInteger": round(value) if abs(value) < 1e6 else 7777}
    compared = {"comparator": rng.choice(("<", ">="))} if rng.random() < 0.03 else {}
    return {"valueQuantity": {"value": value} | compared | unit}


def fhir_when_and_who(rng: random.Random, reading: Reading) -> Record:
    """Return subject and effective[x], each in several forms, absent or unreadable."""
    patient = PATIENTS[reading.patient]
    references = (f"Patient/{patient}", f"urn:uuid:{patient}", f"https://fhir.example/r4/Patient/{patient}")
    no_patient = ({"reference": f"Group/{patient}"}, {"display": "John"}, {"identifier": {"value": patient}}, {})
    subject = rng.choice(no_patient) if rng.random() < 0.02 else {"reference": rng.choice(references)}
    start = time_text(rng, reading.time).replace(" ", "T")
    period = {"effectivePeriod": {"start": start, "end": "2031-01-01"}}
    times: list[Record] = [{"effectiveDateTime": start}] * 5 + [{"effectiveInstant": start}, period]
    if rng.random() < 0.03:
        times = [{"effectiveDateTime": rng.choice(BAD_TIMES)}, {"issued": start}, {"effectivePeriod": {"end": start}}]
    return {"subject": subject} | rng.choice(times) if subject else rng.choice(times)


def observation(rng: random.Random, readings: Sequence[Reading]) -> Record:
    """Return one Observation: of one reading, or a panel with a component for each."""
    status = "final" if rng.random() < 0.9 else rng.choice(("amended", "preliminary", "entered-in-error", "cancelled"))
    made = {"resourceType": "Observation", "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "status": status}
    made |= fhir_when_and_who(rng, readings[0])
    codes = [code_of(rng, LOINC, reading.vital) for reading in readings]
    mean = {"code": loinc("8478-0"), "valueQuantity": {"value": 93, "code": "mm[Hg]"}}
    if len(readings) == 1:
        made |= {"code": fhir_code(rng, codes[0])} | fhir_value(rng, readings[0])
        return made | ({"component": [mean]} if rng.random() < 0.05 else {})
    top = rng.choice(("85354-9", "55284-4", "85354-9", "55284-4", codes[0]))
    made["code"] = loinc(top)
    parts = zip(readings, codes, strict=True)
    made["component"] = [{"code": fhir_code(rng, code)} | fhir_value(rng, reading) for reading, code in parts]
    made["component"] += [mean] if rng.random() < 0.2 else []
    if rng.random() < 0.05:  # a value of its own in addition to the components'
        made["valueQuantity"] = {"value": 121.5, "code": "mm[Hg]"}
    return made


def observations(rng: random.Random) -> list[Record]:
    """Return the Observations of all visits, with some that contain no vital."""
    made = []
    for visit in visits(rng):
        pressures = [reading for reading in visit if reading.vital.endswith("_bp")]
        panel = pressures if len(pressures) > 1 and rng.random() < 0.8 else []
        made += [observation(rng, panel)] if panel else []
        made += [observation(rng, [reading]) for reading in visit if reading not in panel]
        frame = {"resourceType": "Observation", "status": "final"} | fhir_when_and_who(rng, visit[0])
        code, _, text, unit = rng.choice([(code, *lab[1:]) for code, lab in LABS.items()])
        lab = fhir_value(rng, visit[0]._replace(text=text, unit=unit))
        panel_of_members = {"hasMember": [{"reference": f"Observation/{one['id']}"} for one in made[-5:]]}
        made += [frame | {"id": "lab", "code": loinc(code)} | lab] if rng.random() < 0.1 else []
        made += [frame | {"id": "panel", "code": loinc("85353-1")} | panel_of_members] if rng.random() < 0.1 else []
    return disordered(rng, made)


def write_fhir(rng: random.Random, out: Path) -> Iterator[Path]:
    """Write Bulk Data with lines that are not JSON, and a pretty-printed Bundle with patients in it."""
    people = [{"resourceType": "Patient", "id": patient, "name": [{"family": "John"}]} for patient in PATIENTS]
    lines = [json.dumps(one, sort_keys=rng.random() < 0.2, allow_nan=False) for one in (*people, *observations(rng))]
    no_json = '{"resourceType": "Observation", "valueQuantity": {"value": NaN}}'
    for line in ("no JSON at all", "", lines[9][: len(lines[9]) // 2], no_json):
        lines.insert(rng.randrange(len(PATIENTS), len(lines)), line)
    yield written(out / "observations.ndjson", ("\n".join(lines) + "\n").encode())
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in (*people, *observations(rng))]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    yield written(out / "bundle.json", json.dumps(bundle, indent=2, ensure_ascii=False, allow_nan=False).encode())


def written(path: Path, content: bytes) -> Path:
    """Write one file, creating its directory; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_all(out: Path, seed: int) -> list[Path]:
    """Write every file of the three formats under `out`; return their paths."""
    writers = {"omop": write_omop, "fhir": write_fhir, "synthea": write_synthea}
    return [path for name, write in writers.items() for path in write(random.Random(f"{seed} {name}"), out / name)]
