"""The independent calculation of the effect of tables of people: NEWS2, categories, readings outside a life.

    people.py write --out DIR --seed N
    people.py check --format wide|omop --files FILE... [--people FILE...] --results DIR
    people.py selftest --agent PATH [--seed N]

`write` writes a small dirty study: DIR/wide, DIR/omop, and under DIR/people the tables
of births and deaths in each form. `check` compares its results with quality.csv,
summary.json, the NEWS2 lines of cohort.csv and the last four columns of patients.csv
and patients.parquet. `selftest` requires that the program's results pass, and fail once
any number or text is changed. Exits 0 with one line, 1 with the first differences (file,
row, vital and measure; no value, no id), 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import calendar
import csv
import hashlib
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

import described
import formats
import reference
import small_study
from compare import Outcome, read_patients_csv, report
from vitals import NEWS2_STEPS, VITALS

WHOLE_PATIENT = ("bp_category", "bmi_class", "news2_max", "news2_last")
UNDER_16, UNDER_18 = "not computed: under 16", "not computed: under 18"
LIVES = ("before_birth", "after_death")
QUALITY = ("values", *LIVES, "has dbp", "has bmi")  # compared: three columns, and which rows have some other two
# Column names of patient, birth and death, except split dates and person numbers: the first
# non-empty one counts.
COLUMNS = (("patient", "id"), ("birth", "birth_date", "birthdate", "birth_datetime"),
           ("death", "deathdate", "death_date", "death_datetime"))  # fmt: skip
STATED = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ].*)?)?)?", re.ASCII)
Rows = dict[tuple[str, str], dict[str, Any]]  # what some columns must hold, by (object or patient, vital)


class Expected(NamedTuple):
    """The expected results; `needed` are the patient rows with content, others may be omitted."""

    people: list[str]
    news2: dict[str, int]
    quality: Rows
    patients: Rows
    needed: set[tuple[str, str]]


def days(text: str | None) -> tuple[date, date] | None:
    """Return the earliest and the latest day that a stated date may mean; `None` if it is unknown."""
    if not text:
        return None
    year, month, day = (int(part or 0) for part in STATED.fullmatch(text).groups())  # type: ignore[union-attr]
    last = month or 12
    return date(year, month or 1, day or 1), date(year, last, day or calendar.monthrange(year, last)[1])


def anniversary(born: date, years: int) -> date:
    """Return the day on which a person reaches an age; 29 February is 1 March in other years."""
    is_moved = (born.month, born.day) == (2, 29) and not calendar.isleap(born.year + years)
    return date(born.year + years, 3, 1) if is_moved else born.replace(year=born.year + years)


def stated_people(path: Path) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (patient, birth, death) of each row of a table of people, as written there."""
    if path.read_bytes().startswith(b"{"):
        found = formats.resources(path.read_text(encoding="utf-8"))
        patients = [one for one in found if one and one.get("resourceType") == "Patient"]
        yield from ((one["id"], one.get("birthDate"), one.get("deceasedDateTime")) for one in patients)
        return
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").rename(columns=str.lower)
    for row in table.to_dict("records"):
        patient, birth, death = (next((row[n] for n in names if row.get(n)), None) for names in COLUMNS)
        if "person_id" in row:
            patient = str(formats.whole(row["person_id"]))
            parts = [formats.whole(row.get(f"{part}_of_birth")) for part in ("year", "month", "day")]
            birth = birth or "-".join(f"{part:02}" for part in itertools.takewhile(lambda part: part, parts))
        yield str(patient), birth, death


def read(path: Path, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return readings (object, patient, vital, time, value or NaN) and complete NEWS2 sets of one file."""
    if kind == "wide":
        sets, _ = reference.read_study([path])
        base = sets[["patient", "time"]].assign(object=path.name, verdict="")
        readings = pd.concat([base.assign(vital=vital.name, value=sets[vital.name]) for vital in VITALS])
    else:
        rows = [(path.name, *reading) for reading in formats.read_object(path, "omop").readings]
        readings = pd.DataFrame(rows, columns=["object", "patient", "vital", "time", "verdict", "value"])
        sets = formats.news2_sets(readings).reset_index()
    return readings, sets[["patient", "time", *NEWS2_STEPS]].dropna()


def calculate(kind: str, files: Sequence[Path], people: Sequence[Path]) -> Expected:
    """Compute everything that `check` compares, from the files themselves."""
    stated = [row for path in people for row in stated_people(path)]  # below, the most precise of several is the last
    births = {p: span for p, text, _ in sorted(stated, key=lambda row: len(row[1] or "")) if (span := days(text))}
    deaths = {p: span for p, _, text in sorted(stated, key=lambda row: len(row[2] or "")) if (span := days(text))}

    def is_under(years: int, patient: str, time: datetime) -> bool:
        # Certainly or possibly: the latest possible day of birth gives the lowest age.
        return patient in births and time.date() < anniversary(births[patient][1], years)

    reads = zip(*(read(path, kind) for path in files), strict=True)
    readings, sets = (pd.concat(parts, ignore_index=True) for parts in reads)
    quality: Rows = {}
    for (name, vital), own in readings.groupby(["object", "vital"]):
        valid = [(row.patient, row.time.date()) for row in own[own["value"].notna()].itertuples()]
        before = sum(patient in births and day < births[patient][0] for patient, day in valid)
        after = sum(patient in deaths and day > deaths[patient][1] for patient, day in valid)
        lives = (str(before), str(after)) if people else ("", "")
        cells = (str(len(valid)), *lives, vital == "diastolic_bp", vital == "bmi")
        quality[str(name), str(vital)] = dict(zip(QUALITY, cells, strict=True))
    young = pd.Series([is_under(16, row.patient, row.time) for row in sets.itertuples()], dtype=bool)
    scored = sets[~young]
    news2 = reference.news2_bands(scored) | {"under_16": sum(young), "age_unknown": sum(~scored.patient.isin(births))}
    courses = described.courses(scored)
    patients: Rows = {}
    for patient, seen in readings.groupby("patient"):
        own = seen[seen["value"].notna()]
        words = {"bp_category": described.pressure(own), "bmi_class": described.mass(own)}
        for column, vitals in (("bp_category", ("systolic_bp", "diastolic_bp")), ("bmi_class", ("bmi",))):
            first = own.loc[own["vital"].isin(vitals), "time"].min()
            if words[column] is not None and is_under(18, str(patient), first):
                words[column] = UNDER_18
        none = UNDER_16 if (sets["patient"] == patient).any() else None
        scores = dict(zip(("news2_max", "news2_last"), courses.get(str(patient), (none, none)), strict=True))
        patients |= {(str(patient), vital): words | scores for vital in seen["vital"].unique()}
    counted = readings[~readings["verdict"].isin(["unparsable", "unknown_unit"])]
    needed = set(zip(counted["patient"], counted["vital"], strict=True))
    return Expected([hashlib.sha256(p.read_bytes()).hexdigest() for p in people], news2, quality, patients, needed)


def compare_rows(name: str, expected: Rows, needed: Iterable[tuple[str, str]], table: pd.DataFrame) -> Outcome:
    """Compare the given columns of each row; a column that is `None` must be missing."""
    outcome, seen, whose = Outcome(), set(), table.columns[0]
    for number, row in enumerate(table.to_dict("records"), start=1):
        key, label = (str(row[whose]), str(row["vital"])), f"{name} row {number} {row['vital']}"
        outcome.check(f"{label}: not expected or repeated", key in expected and key not in seen)
        seen.add(key)
        for column, want in expected.get(key, {}).items():
            outcome.check(f"{label} {column}", pd.isna(row[column]) if want is None else row[column] == want)
    for _, vital in set(needed) - seen:
        outcome.check(f"{name} {vital}: row missing", False)
    return outcome


def compare_summary(expected: Expected, summary: Mapping[str, Any]) -> Outcome:
    """Compare the tables' digests, the NEWS2 counts, and the totals of readings outside a life."""
    outcome = Outcome()
    outcome.check("summary.json people", summary.get("people") == expected.people)
    totals = {name: sum(int(row[name] or 0) for row in expected.quality.values()) for name in LIVES}
    for part, counts in (("news2", expected.news2), ("quality", totals if expected.people else dict.fromkeys(LIVES))):
        for name, count in counts.items():
            outcome.check(f"summary.json {part} {name}", summary.get(part, {}).get(name, "absent") == count)
    return outcome


def compare_cohort(news2: Mapping[str, int], table: pd.DataFrame) -> Outcome:
    """Compare the NEWS2 lines, in any order but each once; a percentage on a tie may be rounded either way."""
    outcome, complete = Outcome(), news2["complete"]
    lines = table[table["variable"].str.startswith("news2_partial")]
    found = dict(zip(lines["variable"], lines[["statistic", "n", "value"]].itertuples(index=False), strict=True))
    outcome.check("cohort.csv news2_partial: lines", len(lines) == len(found) == len(news2) - 1)
    for name, count in list(news2.items())[1:]:
        shares = [f"{100 * count / complete + nudge:.1f}" for nudge in (1e-9, -1e-9)] if complete else ["–"]
        bands = [("n (%)", str(complete), f"{count} ({share})") for share in shares]
        right = [("n", "", str(count))] if name in ("age_unknown", "under_16") else bands
        line = found.get("news2_partial " + name.replace("_", "-" if name == "low_medium" else " "))
        outcome.check(f"cohort.csv news2_partial {name}", line in right)
    return outcome


def load(results: Path) -> dict[str, Any]:
    """Return the result files by name: CSV as text, the summary, the typed table."""
    texts = {name: read_patients_csv(results / name) for name in ("quality.csv", "cohort.csv", "patients.csv")}
    summary = json.loads((results / "summary.json").read_bytes())
    return texts | {"summary.json": summary, "patients.parquet": pd.read_parquet(results / "patients.parquet")}


def compare(expected: Expected, results: Mapping[str, Any]) -> dict[str, Outcome]:
    """Compare the results, part by part."""
    headers = Outcome()
    quality, texts, typed = (results[name] for name in ("quality.csv", "patients.csv", "patients.parquet"))
    headers.check("quality.csv: header", tuple(quality.columns) == formats.QUALITY_COLUMNS)
    for name, table in (("patients.csv", texts), ("patients.parquet", typed)):
        headers.check(f"{name}: header", tuple(table.columns[-4:]) == WHOLE_PATIENT)
    if headers.differences:
        return {"headers": headers}
    places = {"has dbp": quality["dbp_not_below_sbp"] != "", "has bmi": quality["bmi_differs"] != ""}
    quality = quality.assign(object=[PurePosixPath(name).name for name in quality["object"]], **places)
    rows, none = expected.patients.items(), (UNDER_16, UNDER_18)
    as_text = {key: {name: "" if cell is None else str(cell) for name, cell in row.items()} for key, row in rows}
    as_typed = {key: {name: None if cell in none else cell for name, cell in row.items()} for key, row in rows}
    return {
        "quality.csv": compare_rows("quality.csv", expected.quality, expected.quality, quality),
        "summary.json": compare_summary(expected, results["summary.json"]),
        "cohort.csv": compare_cohort(expected.news2, results["cohort.csv"]),
        "patients.csv": compare_rows("patients.csv", as_text, expected.needed, texts),
        "patients.parquet": compare_rows("patients.parquet", as_typed, expected.needed, typed),
    }


BIRTHS = ("%Y-%m-%d", "%Y-%m-%d", "leap", "%Y-%m", "%Y", "%Y-%m-%d", "", "absent", "%Y-%m-%d", "%Y-02")
DEATHS = ("%Y-%m-%d", "", "%Y-%m-%dT23:30:00Z", "", "%Y-%m", "", "%Y", "")
# Visits of a patient: starting at about which birthday, shifted by how many days, for how many
# days.
COURSES = ((0, -40, 700), (3, 0, 3000), (15, 0, 800), (17, 0, 900), (18, -1, 500), (18, 0, 500), (18, 1, 500),
           (0, -40, 8000), (16, -1, 200), (16, 1, 200), (25, 0, 4000))  # fmt: skip
OMOP = {"systol": (3004249, 8876), "diastol": (3012888, 8876), "heart rate": (3027018, 8541), "temp": (3020891, 9289),
        "resp.rate": (3024171, 8541), "OSat": (40762499, 8554), "BMI": (3038553, 9531)}  # fmt: skip


def around(day: date, years: int) -> list[date]:
    """Return days around an anniversary: the day before, the day, and two later, or one earlier for 29 February."""
    about = date(day.year + years, day.month, min(day.day, 28) if day.month == 2 else day.day)
    return [about + timedelta(days=offset) for offset in (-1, 0, 1, 2)]


def life(rng: random.Random, number: int) -> tuple[str | None, str, list[datetime]]:
    """Return the stated birth (`None`: not in the table) and death, and the visits, many on boundaries."""
    form, (years, offset, length) = BIRTHS[number % len(BIRTHS)], COURSES[number % len(COURSES)]
    born = date(rng.randrange(1940, 1985, 4), 2, 29) + timedelta(days=0 if form == "leap" else rng.randrange(1460))
    birth = None if form == "absent" else born.strftime("%Y-%m-%d" if form == "leap" else form)
    ends = days(birth) or (born, born)
    first = around(ends[1], years)[1] + timedelta(days=offset)
    death = (first + timedelta(days=length * 3 // 4)).strftime(DEATHS[number % len(DEATHS)])
    near = {day for end in ends for age in (0, 16, 18) for day in around(end, age)}
    near |= {day for end in days(death) or () for day in around(end, 0)} | {first}
    midnights = [datetime(day.year, day.month, day.day) for day in sorted(near) if 0 <= (day - first).days <= length]
    visits = [day + timedelta(seconds=second) for day in midnights for second in (0, 86399)]
    visits += [midnights[0] + timedelta(minutes=rng.randrange(length * 1440)) for _ in range(36)]
    return birth, death, visits[: 1 if number % 13 == 5 else None]


def write_csv(path: Path, header: str, rows: Iterable[Iterable[Any]]) -> None:
    """Write one table, creating its directory; all cells quoted for Synthea."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quoting = csv.QUOTE_ALL if path.name == "synthea.csv" else csv.QUOTE_MINIMAL
    with path.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target, lineterminator="\n", quoting=quoting).writerows([header.split(","), *rows])


def write_wide(rng: random.Random, out: Path) -> None:
    """Write three files of 110 patients, and their lives in three forms; two people have no measurements."""
    rows, facts = [], [("Q1", "1950", ""), ("Q2", "", "1990-01")]
    for number in range(110):
        birth, death, visits = life(rng, number)
        patient = str(number) if number % 7 == 0 else f"P{number:04d}"
        facts += [] if birth is None else [(patient, birth, death)]
        no_vital = {3: "spo2", 4: "systolic_bp", 7: "diastolic_bp"}.get(number % 12)  # never; not on the first day
        for visit in visits:
            is_blank = no_vital == "spo2" or visit.date() == visits[0].date()
            cells = ["" if is_blank and v.name == no_vital else small_study.reading(rng, v.column) for v in VITALS]
            rows.append((visit, patient, *cells))
    rng.shuffle(rows)
    for part in range(3):
        write_csv(out / f"wide/visits-{part + 1}.csv", "date,ID," + ",".join(v.column for v in VITALS), rows[part::3])
    write_csv(out / "people/plain.csv", "patient,birth,death", facts)
    header = "Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PREFIX,FIRST,LAST,ADDRESS,ZIP,LAT,LON"
    others = ("999-10-1000", "S9", "", 'A "B" C', "D", "1 Way,\nEnd", "00123", "42.1", "-71.2")
    write_csv(out / "people/synthea.csv", header, [(*fact, *others) for fact in facts])
    parts = [dict(zip(("id", "birthDate", "deceasedDateTime"), fact, strict=True)) for fact in facts]
    lines = [json.dumps({"resourceType": "Patient"} | {k: v for k, v in part.items() if v}) + "\n" for part in parts]
    (out / "people/patients.ndjson").write_text("".join(lines), encoding="utf-8")


def write_omop(rng: random.Random, out: Path) -> None:
    """Write two files of 44 people, some times with a zone, some numbers as floats, deaths in either column."""
    moments: list[list[Sequence[Any]]] = []
    persons, deaths = [], []
    for number in range(44):
        person = {3: -2204, 4: 2**53 + 1, 5: 2**53}.get(number, number)  # the last two are one as a float
        birth, death, visits = life(rng, number)
        if birth is not None:
            parts = [part and str(int(part)) + rng.choice(("", ".0")) for part in (birth.split("-") + ["", ""])[:3]]
            full = f"{birth}T10:00:00" if len(birth) == 10 and number % 3 else ""
            persons.append((person, *(("", "", "") if full and number % 2 else parts), full, "8532.0"))
        if death:
            deaths.append((person if number < 6 else f"{person}.0", *(("", death) if "T" in death else (death, ""))))
        for visit in visits:
            zone = rng.choice(("", "", "Z", "-05:00", "+0100"))
            head = (person, visit.date(), f"{visit}{zone}" if rng.random() < 0.9 else "")
            moments.append([(*head, code, small_study.reading(rng, name), unit) for name, (code, unit) in OMOP.items()])
    header = "person_id,measurement_date,measurement_datetime,measurement_concept_id,value_as_number,unit_concept_id"
    for part in range(2):
        write_csv(out / f"omop/measurement-{part + 1}.csv", header, itertools.chain(*moments[part::2]))
    header = "person_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,gender_concept_id"
    write_csv(out / "people/omop/person.csv", header, persons)
    write_csv(out / "people/omop/death.csv", "PERSON_ID,DEATH_DATE,DEATH_DATETIME", deaths)


def write(out: Path, seed: int) -> list[tuple[str, list[Path], list[Path]]]:
    """Write all; return the cases: a format, its files and tables of people."""
    write_wide(random.Random(seed), out)
    write_omop(random.Random(seed), out)
    tries = [("wide", names) for names in (["plain.csv"], ["synthea.csv"], ["patients.ndjson"], [])]
    tries += [("omop", names) for names in (["omop/person.csv", "omop/death.csv"], [])]
    return [(kind, sorted((out / kind).glob("*.csv")), [out / "people" / n for n in names]) for kind, names in tries]


def others(cell: Any) -> list[Any]:
    """Return other contents of a cell: each of its numbers increased by one, another text, nothing."""
    if not isinstance(cell, str):
        return [1] if pd.isna(cell) else [cell + 1, None]
    if not cell[:1].isdigit():
        return [text for text in ("", "normal", UNDER_16, UNDER_18) if text != cell]
    spans = [match.span() for match in re.finditer(r"\d+", cell)]
    return ["", *(f"{cell[:start]}{int(cell[start:end]) + 1}{cell[end:]}" for start, end in spans)]


def spoiled(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the table with wrong rows or header, one cell of each kind per column (few rows: each) or two cells."""
    yield from (table[1:], pd.concat([table, table[-1:]]))
    yield table.rename(columns={columns[0]: columns[-1], columns[-1]: columns[0]})
    for column in columns:
        cells = [None if pd.isna(cell) else cell for cell in table[column]]
        kinds = {at if len(cells) < 10 else re.sub(r"^\d.*", "1", str(cell)): at for at, cell in enumerate(cells)}
        changes = [{at: new} for at in kinds.values() for new in others(cells[at])]
        differing = [at for at, cell in enumerate(cells) if cell != cells[-1]]
        changes += [{at: cells[-1], len(cells) - 1: cells[at]} for at in differing[:1]]
        for change in changes:
            yield table.assign(**{column: pd.Series(dict(enumerate(cells)) | change, dtype=object).to_numpy()})


def spoil(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the results with one change at a time."""
    summary, cohort, quality = (results[name] for name in ("summary.json", "cohort.csv", "quality.csv"))
    news2, lives, people = (summary[name] for name in ("news2", "quality", "people"))
    wrong = [{"news2": news2 | {name: count + step}} for name, count in news2.items() for step in (1, -1)]
    wrong += [{"quality": lives | {name: (lives[name] or 0) + 1}} for name in LIVES]
    wrong += [{"people": names} for names in ([*people[1:], "0" * 64], people[1:], people[::-1]) if names != people]
    yield from ({**results, "summary.json": summary | change} for change in wrong)
    tables = {**results, "cohort.csv": cohort[cohort["variable"].str.startswith("news2_partial")]}
    columns = {"cohort.csv": ("variable", "statistic", "n", "value"), "quality.csv": QUALITY[:3]}
    for name, own in (columns | dict.fromkeys(("patients.csv", "patients.parquet"), WHOLE_PATIENT)).items():
        yield from ({**results, name: changed} for changed in spoiled(tables[name], own))
    yield {**results, "quality.csv": quality.assign(dbp_not_below_sbp=quality["bmi_differs"])}


def selftest(agent: Path, seed: int) -> int:
    """Require that correct results pass and every modified copy fails."""
    caught: list[bool] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, (kind, files, people) in enumerate(write(Path(scratch), seed)):
            out, options = Path(scratch, f"results-{number}"), [text for path in people for text in ("--people", path)]
            subprocess.run([agent, "analyze", *files, *options, "--out", out], check=True, capture_output=True)
            expected, results = calculate(kind, files, people), load(out)
            if report(compare(expected, results)):
                return 1
            wrongs = (compare(expected, wrong) for wrong in spoil(results))
            caught += [any(outcome.differences for outcome in wrong.values()) for wrong in wrongs]
    print(f"{sum(caught)} modified results detected, {caught.count(False)} missed")
    return int(not all(caught))


def main() -> int:
    """Run the chosen command; return the exit code."""
    parser = argparse.ArgumentParser(description="compare the effect of births and deaths with a pandas calculation")
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write", help="write a dirty small study and its tables of people")
    writing.add_argument("--out", type=Path, required=True, help="output directory (created if missing)")
    checking = commands.add_parser("check", help="compute from the files, compare with results")
    checking.add_argument("--format", required=True, choices=("wide", "omop"), help="of all the files")
    checking.add_argument("--files", type=Path, required=True, nargs="+", help="the files analyzed, of different names")
    checking.add_argument("--people", type=Path, default=[], nargs="+", help="tables of people (default: none)")
    checking.add_argument("--results", type=Path, required=True, help="output directory of the analysis")
    testing = commands.add_parser("selftest", help="prove that the checker accepts correct and detects wrong results")
    testing.add_argument("--agent", type=Path, required=True, help="the program sce-agent")
    for command in (writing, testing):
        command.add_argument("--seed", type=int, default=1938, help="same seed, same bytes (default: 1938)")
    args = parser.parse_args()
    try:
        if args.command == "selftest":
            return selftest(args.agent, args.seed)
        if args.command == "write":
            return 0 if write(args.out, args.seed) else 1
        if len({path.name for path in args.files}) < len(args.files):
            parser.error("--files: two have the same name, so their results could not be distinguished")
        return report(compare(calculate(args.format, args.files, args.people), load(args.results)))
    except FileNotFoundError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
