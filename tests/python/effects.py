"""The independent calculation of the outcome columns: correlations, models and rules.

    effects.py check [--plain DIR] [--files FILE...] --results DIR
    effects.py recovered --variant repaired|as-printed --results DIR
    effects.py write [--plain DIR] [--files FILE...] --out DIR

`check` reads wide CSV files and compares effects.csv and rules.csv under --results with
scipy's correlation and with statsmodels' least squares, with errors clustered by
patient. `recovered` reads only the results and requires what is known of the
pseudo-data: the formula and the rules that generated them. `write` writes both files
from this calculation. Exits 0 with one line, 1 with the differences (row and column; no
value, no patient), 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import pearsonr
from statsmodels.regression.linear_model import OLS

import reference
from compare import Outcome
from vitals import ON_THE_LINE, VITALS

HEADERS = {
    "effects.csv": ("effect", "measure", "term", "n", "patients", "value", "standard_error", "p", "note"),
    "rules.csv": ("effect", "rule", "n", "both", "rule_only", "effect_only", "neither", "odds_ratio", "note"),
}
KEYS = {"effects.csv": ("effect", "measure", "term"), "rules.csv": ("effect", "rule")}
EFFECTS = ("BaseE", "TPain", "DK")
MAGNITUDE_MAX = 1000
TERMS = (
    "systolic_bp", "diastolic_bp", "heart_rate", "respiratory_rate", "spo2", "temperature", "weight", "bmi",
    "pulse_pressure", "height_derived",
)  # fmt: skip
MODELS = {
    "ols": ("intercept", "respiratory_rate", "spo2", "height_derived", "r_squared"),
    "ols_within": ("respiratory_rate", "spo2", "r_squared"),
}
MODEL_TERMS = ["respiratory_rate", "spo2", "height_derived"]
RULES = {
    "BaseE": ("heart_rate 59-61", "pulse_pressure > 30", "bmi < 22", "all three"),
    "DK": ("temperature < 97.4 degF", "weight < 150 lb", "both"),
}
POUND, INCH = 0.45359237, 2.54
# The analysis uses decimal fixed-point numbers; with this rounding, 120.3 - 80.1 equals 120.2 -
# 80.0 here, too.
DECIMALS = 11
# Residuals below this share of the total count as zero; so do singular values below its root.
EXACT = 1e-12
# Correlations and shares of variance are at most 1: absolute tolerance. All others are relative; a
# number much smaller than its classical error is compared with that error.
VALUE_ABSOLUTE = ODDS_RELATIVE = BESIDE_ERROR = 1e-9
COEFFICIENT_RELATIVE = ERROR_RELATIVE = P_RELATIVE = NEAR = 1e-6
P_ABSOLUTE = 1e-12

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def terms_of(text: pd.DataFrame) -> pd.DataFrame:
    """Return patient, outcomes and terms of one chunk of text cells; NaN if not usable."""
    table = reference.classify(text)
    table["pulse_pressure"] = table["systolic_bp"] - table["diastolic_bp"]
    inches = np.sqrt(703 * (table["weight"] / POUND) / table["bmi"])
    table["height_derived"] = np.floor(inches + 0.5 + ON_THE_LINE) * INCH
    for effect in EFFECTS:
        number = pd.to_numeric(text[effect], errors="coerce") if effect in text else pd.Series(np.nan, text.index)
        usable = number.abs() <= MAGNITUDE_MAX if effect == "TPain" else number.isin((0, 1))
        table[effect] = number.astype(float).where(usable)
    return table[["patient", *EFFECTS, *TERMS]].round(DECIMALS)


def read_visits(files: Iterable[Path]) -> pd.DataFrame | None:
    """Return all visits of the files with an outcome column; `None` if there is no such file."""
    parts: list[pd.DataFrame] = []
    for path in files:
        header = set(pd.read_csv(path, dtype=str, nrows=0, encoding="utf-8-sig").columns)
        if header.isdisjoint(EFFECTS) or not header >= {"date", "ID", *(vital.column for vital in VITALS)}:
            continue
        text = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", chunksize=reference.CHUNK_ROWS
        )  # fmt: skip
        parts += [terms_of(chunk) for chunk in text]
    return pd.concat(parts, ignore_index=True) if parts else None


def fit(effect: pd.Series, design: np.ndarray, patients: pd.Series) -> Row:
    """Least squares with errors clustered by patient: one result for each column of the design.

    `naive` is the error by the classical formula.
    """
    groups = pd.factorize(patients)[0]
    one = groups.max() == 0
    clustered = {} if one else {"cov_type": "cluster", "cov_kwds": {"groups": groups}, "use_t": True}
    y = effect.to_numpy()
    fitted = OLS(y, design).fit(**clustered)
    share = float(fitted.resid @ fitted.resid) / float(((y - y.mean()) ** 2).sum())
    note = "p not computed: one patient" if one else "exact" if share < EXACT else ""
    naive = np.sqrt(np.diag(fitted.normalized_cov_params) * fitted.scale)
    nothing = [None] * len(fitted.params)
    return {
        "value": fitted.params.tolist(), "r_squared": 1 - share, "note": note, "naive": naive.tolist(),
        "standard_error": nothing if note else fitted.bse.tolist(), "p": nothing if note else fitted.pvalues.tolist(),
    }  # fmt: skip


def effect_row(visits: pd.DataFrame, *key: str, **cells: Any) -> Row:
    """Return one row of effects.csv; cells that are not given are empty."""
    counts = {"n": len(visits), "patients": int(visits["patient"].nunique())}
    empty = {"value": None, "standard_error": None, "p": None, "note": "", "naive": 0.0}
    return dict(zip(KEYS["effects.csv"], key, strict=True)) | counts | empty | cells


def pair_reason(pair: pd.DataFrame) -> str:
    """Return why an outcome and a term are not computed, or an empty text."""
    if pair.empty:
        return "not computed: no visits"
    if len(pair) < 3:
        return "not computed: fewer than three visits"
    return "not computed: does not vary" if pair.iloc[:, 1:].nunique().min() < 2 else ""


def correlation(visits: pd.DataFrame, effect: str, term: str) -> Row:
    """Return Pearson's r, and the slope's error and p."""
    pair = visits[["patient", effect, term]].dropna()
    if reason := pair_reason(pair):
        return effect_row(pair, effect, "correlation", term, note=reason)
    x = pair[term] - pair[term].mean()
    line = fit(pair[effect], np.column_stack([np.ones(len(x)), x]), pair["patient"])
    cells = {name: line[name][1] for name in ("standard_error", "p", "naive")}
    value = float(pearsonr(pair[effect], pair[term]).statistic)
    return effect_row(pair, effect, "correlation", term, value=value, note=line["note"], **cells)


def separation(visits: pd.DataFrame, effect: str, term: str) -> Row:
    """Return whether a bound of the term separates visits with the outcome from those without."""
    pair = visits[["patient", effect, term]].dropna()
    note = pair_reason(pair)
    if not note:
        without, with_it = (pair.loc[pair[effect] == side, term] for side in (0, 1))
        gap = max(with_it.min() - without.max(), without.min() - with_it.max())
        note = "complete" if gap > 0 else "quasi-complete" if gap == 0 else "none"
    return effect_row(pair, effect, "separation", term, note=note)


def model_reason(numbers: pd.DataFrame, centred: pd.DataFrame, varies: pd.Series, unknowns: int) -> str:
    """Return why a model is not computed, or an empty text; the outcome is the first column."""
    if numbers.empty:
        return "not computed: no visits"
    if len(numbers) <= unknowns:
        return "not computed: fewer visits than terms"
    terms = centred.iloc[:, 1:].to_numpy()
    if not varies.iloc[1:].all() or np.linalg.svdvals(terms / np.linalg.norm(terms, axis=0)).min() < math.sqrt(EXACT):
        return "not computed: terms are collinear"
    return "" if varies.iloc[0] else "not computed: does not vary"


def model(visits: pd.DataFrame, measure: str) -> list[Row]:
    """Return the rows of one model of TPain."""
    visits = visits[["patient", "TPain", *MODEL_TERMS]].dropna()
    terms = [name for name in MODELS[measure] if name in MODEL_TERMS]
    numbers, within = visits[["TPain", *terms]], measure == "ols_within"
    groups = numbers.groupby(visits["patient"] if within else np.zeros(len(visits)))
    centred = numbers - groups.transform("mean")
    unknowns = len(MODELS[measure]) - 1 + (visits["patient"].nunique() if within else 0)
    if reason := model_reason(numbers, centred, (groups.nunique() > 1).any(), unknowns):
        return [effect_row(visits, "TPain", measure, term, note=reason) for term in MODELS[measure]]
    used = centred if within else numbers
    design = used[terms].to_numpy()
    found = fit(used["TPain"], design if within else np.insert(design, 0, 1, axis=1), visits["patient"])
    columns = ("value", "standard_error", "p", "naive")
    cells = [dict(zip(columns, of_term, strict=True)) for of_term in zip(*(found[c] for c in columns), strict=True)]
    cells.append({"value": found["r_squared"]})
    return [
        effect_row(visits, "TPain", measure, term, note=found["note"], **of_term)
        for term, of_term in zip(MODELS[measure], cells, strict=True)
    ]


def holds(visits: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each rule whether it holds (1 or 0) at each visit; NaN if a required vital is not usable."""
    fahrenheit, pounds = visits["temperature"] * 1.8 + 32, visits["weight"] / POUND
    said = {
        "heart_rate 59-61": visits["heart_rate"].between(59 - ON_THE_LINE, 61 + ON_THE_LINE),
        "pulse_pressure > 30": visits["pulse_pressure"] > 30 + ON_THE_LINE,
        "bmi < 22": visits["bmi"] < 22 - ON_THE_LINE,
        "temperature < 97.4 degF": fahrenheit < 97.4 - ON_THE_LINE,
        "weight < 150 lb": pounds < 150 - ON_THE_LINE,
    }
    rules = {name: each.astype(float).where(visits[name.split()[0]].notna()) for name, each in said.items()}
    rules["all three"] = math.prod(rules[name] for name in RULES["BaseE"][:3])
    rules["both"] = math.prod(rules[name] for name in RULES["DK"][:2])
    return rules


def rule_row(effect: str, rule: str, pair: pd.DataFrame) -> Row:
    """Return one row of rules.csv, of the visits with a known rule (first column) and outcome."""
    counts = (pair["rule"] * 2 + pair["effect"]).value_counts()
    row = {name: int(counts.get(code, 0)) for name, code in zip(HEADERS["rules.csv"][3:7], (3, 2, 1, 0), strict=True)}
    note, odds = "", None
    if pair.empty:
        note = "not computed: no visits"
    elif pair.nunique().min() < 2:
        note = "not computed: does not vary"
    elif min(row.values()) == 0:
        note = "not computed: separation"
    else:
        odds = row["both"] * row["neither"] / (row["rule_only"] * row["effect_only"])
    return {"effect": effect, "rule": rule, "n": len(pair), **row, "odds_ratio": odds, "note": note}


def calculate(visits: pd.DataFrame | None) -> Tables:
    """Return the rows of both files."""
    tables: Tables = {name: [] for name in HEADERS}
    if visits is None:
        return tables
    for effect in EFFECTS:
        rows = [correlation(visits, effect, term) for term in TERMS]
        if effect in RULES:
            rows += [separation(visits, effect, term) for term in TERMS]
        else:
            rows += [row for measure in MODELS for row in model(visits, measure)]
        tables["effects.csv"] += rows
    said = holds(visits)
    for effect, rules in RULES.items():
        pairs = {rule: pd.DataFrame({"rule": said[rule], "effect": visits[effect]}).dropna() for rule in rules}
        tables["rules.csv"] += [rule_row(effect, rule, pair) for rule, pair in pairs.items()]
    return tables


def write(tables: Tables, out: Path) -> None:
    """Write both files."""
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (out / name).open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, HEADERS[name], extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def tolerance(row: Row, column: str) -> float:
    """Return the permitted difference of one number."""
    want = abs(row[column])
    if column == "odds_ratio":
        return ODDS_RELATIVE * want
    if column == "p":
        return P_RELATIVE * want + P_ABSOLUTE
    if column == "standard_error":
        return ERROR_RELATIVE * want + BESIDE_ERROR * row["naive"]
    if row["measure"] == "correlation" or row["term"] == "r_squared":
        return VALUE_ABSOLUTE
    return COEFFICIENT_RELATIVE * want + BESIDE_ERROR * row["naive"]


def agrees(row: Row, column: str, cell: str | None) -> bool:
    """Return whether one cell agrees with the expected row."""
    want = row[column]
    if want is None or not isinstance(want, float):
        return cell == ("" if want is None else str(want))
    return abs(number(cell) - want) <= tolerance(row, column)


def number(cell: str | None) -> float:
    """Return the number in a cell; NaN, which agrees with nothing, if there is none."""
    try:
        return float(cell or "nan")
    except ValueError:
        return math.nan


def read_rows(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Return header and rows, as text."""
    with path.open(newline="", encoding="utf-8") as source:
        reader = csv.DictReader(source)
        return tuple(reader.fieldnames or ()), list(reader)


def compare(tables: Tables, results: Path) -> dict[str, Outcome]:
    """Compare both files with the expected rows."""
    outcomes = {name: Outcome() for name in HEADERS}
    for name, outcome in outcomes.items():
        header, rows = read_rows(results / name)
        outcome.check(f"{name}: header", header == HEADERS[name])
        keys = [tuple(row.get(column) or "" for column in KEYS[name]) for row in rows]
        want = [tuple(row[column] for column in KEYS[name]) for row in tables[name]]
        same = sorted(keys) == sorted(want)
        outcome.check(f"{name}: order of rows", not same or keys == want)
        for key in sorted({*keys, *want}):
            outcome.check(f"{name} {' '.join(key)}: exactly once", keys.count(key) == want.count(key))
        for expected, key in zip(tables[name], want, strict=True):
            row = rows[keys.index(key)] if key in keys else None
            for column in HEADERS[name][len(key) :] if row else ():
                outcome.check(f"{name} {' '.join(key)} {column}", agrees(expected, column, row.get(column)))
            outcome.check(f"{name} {' '.join(key)}: cells", row is None or None not in row)
    return outcomes


def formula(outcome: Outcome, rows: Row, measure: str, note: str, truth: dict[str, tuple[float, float]]) -> None:
    """Require a model's note and its values: for each term, the true value and the permitted difference."""
    for term in MODELS[measure]:
        row = rows.get(("TPain", measure, term), {})
        outcome.check(f"effects.csv TPain {measure} {term} note", row.get("note") == note)
        if term in truth:
            true, slack = truth[term]
            outcome.check(f"effects.csv TPain {measure} {term} value", abs(number(row.get("value")) - true) <= slack)


def recovered(variant: str, results: Path) -> dict[str, Outcome]:
    """Check that the results match how the pseudo-data were generated."""
    rows = [row for name in HEADERS for row in read_rows(results / name)[1]]
    found = {tuple(row[name] for name in ("effect", "measure", "term", "rule") if name in row): row for row in rows}
    outcome = Outcome()
    within = {"respiratory_rate": (1, NEAR), "spo2": (2, NEAR), "r_squared": (1, VALUE_ABSOLUTE)}
    formula(outcome, found, "ols_within", "exact", within)
    if variant == "repaired":
        whole = {"intercept": (-221.4, 221.4 * NEAR), "height_derived": (0.2, NEAR)}
        formula(outcome, found, "ols", "exact", within | whole)
        matched, needed = [("BaseE", "all three"), ("DK", "both")], [("DK", rule) for rule in RULES["DK"][:2]]
    else:
        formula(outcome, found, "ols", "", {"respiratory_rate": (1, 0.1), "spo2": (2, 0.1), "r_squared": (1, 0.01)})
        note = found.get(("DK", "separation", "temperature"), {}).get("note")
        outcome.check("effects.csv DK separation temperature note", note == "complete")
        matched, needed = [("DK", RULES["DK"][0])], []
    for key in (*matched, *needed):
        row = found.get(key, {})
        for cell in ("effect_only", "rule_only") if key in matched else ("effect_only",):
            outcome.check(f"rules.csv {' '.join(key)} {cell}", row.get(cell) == "0")
        # This fails if the outcome never occurs: such a study proves nothing.
        outcome.check(f"rules.csv {' '.join(key)} note", row.get("note") == "not computed: separation")
    return {"recovered": outcome}


def print_outcomes(outcomes: dict[str, Outcome]) -> int:
    """Print every difference, or one line; return the exit code."""
    differences = [text for outcome in outcomes.values() for text in outcome.differences]
    cells = ", ".join(f"{name} {outcome.cells} checks" for name, outcome in outcomes.items())
    last = f"{len(differences)} differences" if differences else "equal within tolerance"
    print("\n".join([*differences, f"{last}: {cells}"]))
    return 1 if differences else 0


def parse_args(words: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="compare the outcome columns' results with an independent calculation")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "write", "recovered"):
        command = commands.add_parser(name)
        if name == "recovered":
            command.add_argument("--variant", choices=("repaired", "as-printed"), required=True)
        else:
            command.add_argument("--plain", type=Path, help="directory of plain wide CSV, read recursively")
            command.add_argument("--files", type=Path, nargs="+", default=[], help="plain wide CSV files")
        command.add_argument("--out" if name == "write" else "--results", type=Path, required=True)
    args = parser.parse_args(words)
    if args.command != "recovered" and not (args.plain or args.files):
        parser.error("give --plain or --files")
    absent = [n for n in HEADERS if args.command != "write" and not (args.results / n).is_file()]
    if absent:
        parser.error(f"--results: no {', '.join(absent)} there")
    return args


def main(words: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    args = parse_args(words)
    if args.command == "recovered":
        return print_outcomes(recovered(args.variant, args.results))
    files = [*args.files, *(reference.study_files(args.plain, [])[0].values() if args.plain else ())]
    tables = calculate(read_visits(files))
    if args.command == "check":
        return print_outcomes(compare(tables, args.results))
    write(tables, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
