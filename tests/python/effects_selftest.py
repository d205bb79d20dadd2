"""Proves that the checker of the outcome columns can fail: correct results pass, each wrong cell is detected.

    effects_selftest.py [--seed N]

The correct results are those that `effects.py write` computes for small studies, so a
pass proves nothing about the calculation itself. Therefore some of it is repeated in
another way: the rules' counts from the text of the files, the clustered error from its
formula, the within-patient models with one unknown per patient. The studies must
together contain every note of the specification, or they are too weak.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import io
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

import effects
from effects import HEADERS, KEYS, RULES, Row, Tables
from vitals import MISSING, WIDE_COLUMNS

UNKNOWN = "not computed: "
ONE = "p not computed: one patient"
NOTES = {
    "correlation": {
        "",
        ONE,
        "exact",
        *(UNKNOWN + w for w in ("no visits", "fewer than three visits", "does not vary")),
    },
    "separation": {"complete", "quasi-complete", "none"}
    | {UNKNOWN + words for words in ("no visits", "fewer than three visits", "does not vary")},
    "ols": {"", ONE, "exact"}
    | {UNKNOWN + w for w in ("no visits", "fewer visits than terms", "terms are collinear", "does not vary")},
    "rules.csv": {"", *(UNKNOWN + words for words in ("no visits", "does not vary", "separation"))},
}
NOTES["ols_within"] = NOTES["ols"]
EFFECTS_ODD = {"BaseE": ("2", "0.5", "x"), "TPain": ("1000.5", "inf", "x"), "DK": ("-1", "nan", "")}
VITALS_ODD = (*MISSING, "-1", "5000", "abc")
Visit = dict[str, Any]


def visit(rng: random.Random, patient: int, inches: int) -> Visit:
    """Return one clean visit; outcomes by the formula and the rules of the repaired pseudo-data."""
    made: Visit = dict.fromkeys(WIDE_COLUMNS, 0)
    made |= {"date": f"1938-10-{rng.randint(1, 31)} 0{rng.randint(0, 9)}:00:00", "ID": f"P{patient:04d}"}
    made |= {"systol": round(rng.uniform(95, 150), 1), "diastol": round(rng.uniform(60, 100), 1)}
    made |= {"resp.rate": rng.randint(12, 20), "heart rate": rng.randint(57, 63), "OSat": rng.randint(940, 990) / 10}
    made |= {"temp": rng.randint(965, 985) / 10, "weight": rng.randint(120, 190)}
    made["BMI"] = 703 * made["weight"] / inches**2
    pressed = round(made["systol"] - made["diastol"], 1) > 30
    made["BaseE"] = int(59 <= made["heart rate"] <= 61 and pressed and made["BMI"] < 22)
    made["DK"] = int(made["temp"] < 97.4 and made["weight"] < 150)
    made["TPain"] = made["resp.rate"] + 2 * made["OSat"] + 0.2 * (inches * 2.54) - 221.4
    return made


def ordinary(rng: random.Random, made: Visit) -> None:
    """Add noise, random outcomes and invalid cells."""
    made["BMI"] = round(rng.uniform(18, 30), 2)
    made["TPain"] += rng.gauss(0, 1)
    made["BaseE"] = rng.choice((made["BaseE"], "0", "1.0"))
    made["DK"] = rng.choice((made["DK"], "0", "1"))
    for column in WIDE_COLUMNS[2:13]:
        if rng.random() < 0.04:
            made[column] = rng.choice(EFFECTS_ODD.get(column, VITALS_ODD))


def as_printed(rng: random.Random, made: Visit) -> None:
    """Apply the pseudo-data's other variant: heights truncated to centimeters, outcome DK by temperature alone."""
    inches = round((703 * made["weight"] / made["BMI"]) ** 0.5)
    made["TPain"] -= 0.2 * (inches * 2.54 % 1)
    made["DK"] = int(made["temp"] < 97.4)


def touching(rng: random.Random, made: Visit) -> None:
    """Set a weight that separates the visits, except those exactly at the bound."""
    beyond = rng.randint(-2, 2)
    made |= {"weight": 150 + beyond, "DK": int(beyond + rng.choice((0, 1)) > 0)}


def set_to(**columns: Any) -> Callable[[random.Random, Visit], None]:
    """Return a change that sets columns to a value, or to a function's result for the visit."""

    def change(_: random.Random, made: Visit) -> None:
        made.update({name: value(made) if callable(value) else value for name, value in columns.items()})

    return change


# For each study, the number of visits and patients, and the change of its visits.
STUDIES: dict[str, tuple[int, int, Callable[[random.Random, Visit], None]]] = {
    "ordinary": (150, 6, ordinary),
    "one patient": (40, 1, ordinary),
    "repaired": (300, 8, lambda rng, made: None),
    "as-printed": (300, 8, as_printed),
    "two visits": (2, 2, set_to()),
    "four visits": (4, 2, set_to()),
    "never": (30, 3, set_to(DK=0, weight="NA")),
    "flat": (30, 3, set_to(TPain=7, DK=lambda v: int(v["temp"] < 97.4), BaseE=lambda v: int(v["systol"] > 120))),
    "in line": (30, 3, lambda rng, made: made.update({"OSat": 80 + made["resp.rate"], "temp": 97 + made["DK"] % 2})),
    "touching": (60, 3, touching),
    "no effects": (5, 2, set_to()),
}


def write_study(out: Path, name: str, seed: int) -> None:
    """Write one study as two files."""
    rng = random.Random(f"{seed} {name}")
    count, patients, change = STUDIES[name]
    rows = [visit(rng, number % patients, 58 + 3 * (number % patients)) for number in range(count)]
    for made in rows:
        change(rng, made)
    columns = [c for c in WIDE_COLUMNS if name != "no effects" or c not in effects.EFFECTS]
    out.mkdir()
    for half in (0, 1):
        # The second file of one study has only one outcome column.
        kept = [c for c in columns if name != "touching" or not half or c not in ("BaseE", "TPain")]
        with (out / f"part-{half}.csv").open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, kept, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows[half::2])


def run(*words: Any) -> tuple[int, str]:
    """Return exit code and output of a command of the checker."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return effects.main([str(word) for word in words]), said.getvalue()


def by_hand(plain: Path, tables: Tables) -> Iterator[str]:
    """Yield the differences between a second calculation of the ordinary study and the first."""
    visits = effects.read_visits(sorted(plain.glob("*.csv")))
    assert visits is not None
    texts = [row for path in plain.glob("*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))]
    cells = [(r["weight"], r["DK"]) for r in texts if r["DK"] in ("0", "1") and r["weight"].isdigit()]
    light = [(int(weight) < 150, effect == "1") for weight, effect in cells if int(weight) <= 1500]
    rule = next(row for row in tables["rules.csv"] if row["rule"] == "weight < 150 lb")
    pairs = {"both": (True, True), "rule_only": (True, False), "effect_only": (False, True), "neither": (False, False)}
    yield from (f"by hand: rules.csv {name}" for name, pair in pairs.items() if light.count(pair) != rule[name])
    for row in (row for row in tables["effects.csv"] if row["measure"] == "correlation"):
        pair = visits[["patient", row["effect"], row["term"]]].dropna()
        x, y = (pair[name] - pair[name].mean() for name in (row["term"], row["effect"]))
        slope = (x @ y) / (x @ x)
        scores = (x * (y - slope * x)).groupby(pair["patient"]).sum()
        count, many = len(pair), len(scores)
        error = ((scores @ scores) * many / (many - 1) * (count - 1) / (count - 2)) ** 0.5 / (x @ x)
        found = (slope * (x.std() / y.std()), error, 2 * student.sf(abs(slope) / error, many - 1))
        if not np.allclose(found, (row["value"], row["standard_error"], row["p"]), rtol=1e-8):
            yield f"by hand: effects.csv {row['effect']} {row['term']}"
    used = visits.dropna(subset=["TPain", *effects.MODEL_TERMS])
    design = np.column_stack([used[["respiratory_rate", "spo2"]], pd.get_dummies(used["patient"]).astype(float)])
    within = np.linalg.lstsq(design, used["TPain"].to_numpy())[0][:2]
    rows = [row["value"] for row in tables["effects.csv"] if row["measure"] == "ols_within"]
    yield from [] if np.allclose(within, rows[:2], rtol=1e-8) else ["by hand: effects.csv ols_within"]


def spoil(row: Row, column: str) -> Any:
    """Return a wrong cell, just outside the tolerance."""
    right = row[column]
    if right is None:
        return 0.0
    if isinstance(right, str):
        return "" if right else "exact"
    if isinstance(right, int):
        return right + 1
    if column == "odds_ratio":
        return right * (1 + 1e-8)
    if column == "value" and (row["measure"] == "correlation" or row["term"] == "r_squared"):
        return right + 1e-8
    return right * (1 + 1e-5) + (1e-11 if column == "p" else 0)


def mutations(good: Tables, seen: set[tuple[str, ...]]) -> Iterator[tuple[str, Tables]]:
    """Yield broken results, with the words that a difference must contain; each kind of cell once over all studies."""
    for name, rows in good.items():
        for at, row in enumerate(rows):
            measure, model_end = row.get("measure", name), str(row.get("term") == "r_squared")
            for column in HEADERS[name][len(KEYS[name]) :]:
                kind = (measure, model_end, row["note"], column, str(row[column] is None))
                if kind in seen:
                    continue
                seen.add(kind)
                words = f"{name} {' '.join(row[key] for key in KEYS[name])} {column}"
                wrongs = [spoil(row, column)] + ([None, "x"] if row[column] not in (None, "") else [])
                for wrong in wrongs:
                    other = copy.deepcopy(good)
                    other[name][at][column] = wrong
                    yield words, other
        if rows:
            key = f"{name} {' '.join(rows[1][key] for key in KEYS[name])}: exactly once"
            yield key, good | {name: [rows[0], *rows[2:]]}
            yield key, good | {name: [*rows, rows[1]]}
            yield f"{name}: order of rows", good | {name: [rows[1], rows[0], *rows[2:]]}
            yield "none", good | {name: [*rows, rows[0] | {KEYS[name][1]: "none"}]}


def uncaught(good: Tables, out: Path, seen: set[tuple[str, ...]], caught: list[str]) -> Iterator[str]:
    """Yield the broken results that pass, or are reported as something else."""
    for words, tables in mutations(good, seen):
        effects.write(tables, out)
        differences = [text for outcome in effects.compare(good, out).values() for text in outcome.differences]
        if any(words in text for text in differences):
            caught.append(words)
        else:
            yield f"not detected, or reported differently: {words}: {differences[:3]}"
    effects.write(good, out)
    for name in HEADERS:
        text = (out / name).read_text()
        for old, new in (("note\n", "notes\n"), ("\n", ",\n")):
            (out / name).write_text(text.replace(old, new))
            if not any(outcome.differences for outcome in effects.compare(good, out).values()):
                yield f"{name}: a changed header or an additional cell is not detected"
        (out / name).write_text(text)


def forgotten(variant: str, good: Tables, out: Path) -> Iterator[str]:
    """Yield the known properties of the pseudo-data whose violation is not detected."""
    rules = {"repaired": ("all three", *RULES["DK"]), "as-printed": RULES["DK"][:1]}[variant]
    free = {"repaired": (), "as-printed": ("intercept", "height_derived")}[variant]
    for name, rows in good.items():
        for at, row in enumerate(rows):
            columns = ["effect_only", "note"] if row.get("rule") in rules else []
            if row.get("measure") in effects.MODELS:
                columns = ["note"] if row["term"] in free else ["value", "note"]
            for column in columns:
                other = copy.deepcopy(good)
                other[name][at][column] = "none" if column == "note" else row[column] + 1
                effects.write(other, out)
                if run("recovered", "--variant", variant, "--results", out)[0] != 1:
                    yield f"recovered {variant}: a changed {name} row {at + 1} {column} is not detected"


def weaknesses(studies: dict[str, Tables]) -> Iterator[str]:
    """Yield the notes that no study contains, and those that the specification does not have."""
    rows = [
        (row.get("measure", name), row["note"]) for t in studies.values() for name, kept in t.items() for row in kept
    ]
    for measure, notes in NOTES.items():
        differ = notes ^ {note for of, note in rows if of == measure}
        yield from (f"{measure}: missing from the studies, or unknown: {note or 'empty'}" for note in sorted(differ))


def main() -> int:
    """Accept correct results of all studies; detect each wrong one."""
    parser = argparse.ArgumentParser(description="prove that the checker of outcome columns can fail")
    parser.add_argument("--seed", type=int, default=1938)
    seed = parser.parse_args().seed
    studies: dict[str, Tables] = {}
    problems: list[str] = []
    caught: list[str] = []
    seen: set[tuple[str, ...]] = set()
    with tempfile.TemporaryDirectory(prefix="sce-selftest-") as folder:
        for name in STUDIES:
            plain, out = Path(folder, name), Path(folder, f"{name} results")
            write_study(plain, name, seed)
            run("write", "--plain", plain, "--out", out)
            code, said = run("check", "--plain", plain, "--results", out)
            problems += [f"{name}: correct results rejected: {said}"] if code else []
            studies[name] = effects.calculate(effects.read_visits(sorted(plain.glob("*.csv"))))
            problems += uncaught(studies[name], out, seen, caught)
            if name in ("repaired", "as-printed"):
                code, said = run("recovered", "--variant", name, "--results", out)
                problems += [f"{name}: not recovered: {said}"] if code else forgotten(name, studies[name], out)
            if name == "ordinary":
                problems += by_hand(plain, studies[name])
                code, said = run("check", "--files", plain / "part-0.csv", "--results", out)
                problems += [] if code == 1 and "P00" not in said else ["half a study passes, or a patient is named"]
    problems += weaknesses(studies)
    print("\n".join([*problems, f"self-test: {len(caught)} wrong results detected, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
