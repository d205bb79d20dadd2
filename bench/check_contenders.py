"""Checks that the contenders are correct before their speed is compared.

Writes a few MB of a clean and a dirty study (missing, implausible, unparsable cells,
rows with the same time), runs each contender on both and compares the results with the
independent calculation. Exits 1 if any differs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import contender  # noqa: F401  first: it makes tests/python importable

# isort: split
import compare
import reference
from small_study import UNPARSABLE, write_study

CONTENDERS = ("with_pandas.py", "with_duckdb.py", "with_polars.py")


def clean(source: Path, target: Path) -> None:
    """Write the same study without unparsable cells: the contenders then use their fast, typed path."""
    odd = "|".join(re.escape(f'"{text}"' if "," in text else text) for text in UNPARSABLE)
    target.write_text(re.sub(rf"(?<=,)({odd})(?=,)", "NA", source.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> int:
    """Compare every contender with the reference on both studies."""
    code = 0
    with tempfile.TemporaryDirectory(prefix="sce-bench-") as folder:
        work = Path(folder)
        dirty, tidy = write_study(work, patients=20, visits=2500, files=1, seed=7)[0], work / "tidy.csv"
        clean(dirty, tidy)
        for file in (dirty, tidy):
            study, _ = reference.read_study([file])
            want, bands = reference.patient_table(study), reference.news2_bands(study)
            for script in CONTENDERS:
                out = work / f"{file.stem}-{script}"
                subprocess.run([sys.executable, Path(__file__).with_name(script), file, out], check=True)
                table = compare.read_patients_csv(out / "patients.csv")
                got = json.loads((out / "summary.json").read_text(encoding="utf-8"))["news2"]
                print(f"{script} on {file.name} ({file.stat().st_size / 1e6:.1f} MB): ", end="", flush=True)
                code |= compare.report(
                    {
                        "patients.csv": compare.compare_patients("patients.csv", want, table),
                        "news2": compare.compare_news2(bands, got),
                    }
                )
    return code


if __name__ == "__main__":
    sys.exit(main())
