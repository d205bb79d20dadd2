"""Checks summary.json of a results directory against docs/summary.schema.json.

    schema.py RESULTS

Also proves that the schema can reject: each omitted field and each wrong type must be detected.
"""

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema

SCHEMA = Path(__file__).parents[2] / "docs" / "summary.schema.json"


def spoiled(summary: dict) -> Iterator[tuple[str, dict]]:
    """Yield the summary with one error at a time."""
    for field in summary:
        yield f"without {field}", {name: value for name, value in summary.items() if name != field}
        yield f"{field} of another type", summary | {field: 1.5}
    for part in ("news2", "quality"):
        for field in summary[part]:
            yield f"{part} {field} negative", summary | {part: summary[part] | {field: -1}}
    for name, vital in summary["vitals"].items():
        for field in vital:
            other = copy.deepcopy(summary)
            del other["vitals"][name][field]
            yield f"{name} without {field}", other
    for field in summary["inputs"][0] if summary["inputs"] else ():
        other = copy.deepcopy(summary)
        other["inputs"][0][field] = [1]
        yield f"input {field} of another type", other


def main(results: Path) -> int:
    """Return the number of errors."""
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    summary = json.loads((results / "summary.json").read_text())
    faults = [f"summary.json {error.json_path}: {error.validator}" for error in validator.iter_errors(summary)]
    others = list(spoiled(summary))
    faults += [f"not rejected: {what}" for what, other in others if validator.is_valid(other)]
    print("\n".join(faults) or f"summary.json matches its schema; {len(others)} modified ones do not")
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
