"""Writes small plain wide CSV files, one per bad-input case of the specification.

    make_broken.py OUT_DIR

Prints `name<TAB>expected` per file, so that a test can take its list (for example of
`--leave-out` names) from here. Deterministic: the same bytes every time.

| file                   | feature                                             | expected    |
|------------------------|-----------------------------------------------------|-------------|
| good                   | none                                                | fine        |
| quoted                 | quoted header names and cells, a comma inside one   | fine        |
| crlf                   | lines end in CR LF                                  | fine        |
| bom                    | starts with a UTF-8 byte-order mark                 | fine        |
| no-final-newline       | the last line is not terminated                     | fine        |
| extra-column           | an unknown column before the others                 | fine        |
| nan-heavy              | most cells empty, `NA` or `NaN`                     | counted     |
| implausible            | readings outside the plausible ranges               | counted     |
| unparsable-cell        | a reading that is not a number                      | counted     |
| missing-column         | no `heart rate` column                              | quarantined |
| ragged-short           | a row with too few cells                            | quarantined |
| ragged-long            | a row with too many cells                           | quarantined |
| bad-date               | a date that does not exist                          | quarantined |
| not-utf8               | bytes that are not UTF-8                            | quarantined |
| empty                  | no bytes                                            | quarantined |
| header-only            | a header and no rows                                | quarantined |
| unclosed-quote         | a quote that never ends                             | quarantined |

fine: analyzed like any other object. counted: analyzed without the cells, which are
counted as missing, implausible or in the data quality. quarantined: the object is
isolated, with its reason; other objects are still analyzed.
"""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path

from vitals import TIME_FORMAT, WIDE_COLUMNS

ROWS = 12
START = datetime(1938, 10, 30)
HEADER = ",".join(WIDE_COLUMNS)
READINGS_FROM, READINGS_TO = 2, 10  # the eight vitals among the columns


def good_rows() -> list[list[str]]:
    """Return two patients with six visits each, all readings ordinary and different in each row."""
    rows = []
    for n in range(ROWS):
        day = (START + timedelta(days=n // 2)).strftime(TIME_FORMAT)
        readings = [120 + n, 75 + n % 4, 14 + n % 3, 66 + n, 97.5, 98.2 + n / 10, 160.5 + n, 24.25]
        rows.append([day, f"P{n % 2 + 1:04d}", *map(str, readings), "0", "20.5", "0", "0", "20.5", "0"])
    return rows


def joined(rows: list[list[str]], header: str = HEADER, end: str = "\n") -> str:
    """Return rows as CSV text, with every line terminated."""
    return "".join(line + end for line in (header, *(",".join(row) for row in rows)))


def with_cells(row: int, cells: dict[int, str]) -> list[list[str]]:
    """Return the good rows with some cells of one row replaced."""
    rows = good_rows()
    for column, text in cells.items():
        rows[row][column] = text
    return rows


def nan_heavy() -> str:
    """Return all but every fifth row without readings, in each spelling of missing."""
    rows = good_rows()
    for n, row in enumerate(rows):
        if n % 5:
            row[READINGS_FROM:READINGS_TO] = [("", "NA", "NaN")[(n + i) % 3] for i in range(8)]
    return joined(rows)


def quoted() -> str:
    """Return every name and cell in quotes; an unused column contains a comma and a doubled quote."""
    rows = [[f'"{cell}"' for cell in row] for row in good_rows()]
    rows[3][-1] = '"0, or ""none"""'
    return joined(rows, ",".join(f'"{name}"' for name in WIDE_COLUMNS))


def cases() -> dict[str, tuple[bytes, str]]:
    """Return the bytes and the expected result of each case, by name."""
    good = joined(good_rows())
    lines = good.splitlines(keepends=True)
    heart_rate = WIDE_COLUMNS.index("heart rate")
    without = [row[:heart_rate] + row[heart_rate + 1 :] for row in good_rows()]
    outside = ("24", "201", "71", "301", "101", "150", "2000", "101")  # in °F and lb if the file uses them
    implausible = with_cells(4, dict(enumerate(outside, start=READINGS_FROM)))
    latin = joined(with_cells(5, {1: "Jörg"})).encode("latin-1")
    texts = {
        "good": (good, "fine"),
        "quoted": (quoted(), "fine"),
        "crlf": (joined(good_rows(), end="\r\n"), "fine"),
        "bom": ("\ufeff" + good, "fine"),
        "no-final-newline": (good.removesuffix("\n"), "fine"),
        "extra-column": (joined([["x", *row] for row in good_rows()], "ward," + HEADER), "fine"),
        "nan-heavy": (nan_heavy(), "counted"),
        "implausible": (joined(implausible), "counted"),
        "unparsable-cell": (joined(with_cells(6, {3: "nought", 7: "1.2.3"})), "counted"),
        "missing-column": (
            joined(without, ",".join(name for name in WIDE_COLUMNS if name != "heart rate")),
            "quarantined",
        ),
        "ragged-short": ("".join([*lines[:7], "1938-11-02 00:00:00,P0001,120\n", *lines[7:]]), "quarantined"),
        "ragged-long": ("".join([*lines[:7], lines[7].rstrip("\n") + ",1,2\n", *lines[8:]]), "quarantined"),
        "bad-date": (joined(with_cells(7, {0: "1938-13-45 00:00:00"})), "quarantined"),
        "empty": ("", "quarantined"),
        "header-only": (HEADER + "\n", "quarantined"),
        "unclosed-quote": ("".join([*lines[:7], '"' + lines[7], *lines[8:]]), "quarantined"),
    }
    return {name: (text.encode(), expected) for name, (text, expected) in texts.items()} | {
        "not-utf8": (latin, "quarantined")
    }


def main() -> None:
    """Write every case to the given directory."""
    parser = argparse.ArgumentParser(description="write one small CSV per bad-input case")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="output directory (created if missing)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, (content, expected) in cases().items():
        file = f"{name}-000001.csv"
        (out / file).write_bytes(content)
        print(f"{file}\t{expected}")


if __name__ == "__main__":
    main()
