"""Tests the project's own Guard rules by breaking the template.

    mutants.py --template FILE.json [--also FILE]… [--guard PROGRAM] [--rules DIR]

Used by `make test-environment`. The given templates must pass every rule; each
broken copy must fail the rule that its list names; and each rule must fail at
least one broken copy, or it could never fail. Exits 1 otherwise. Must never
depend on a rule's message, only on its result.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from broken_access import ACCESS
from broken_network import MACHINES, NETWORK
from broken_policies import POLICIES
from broken_statements import STATEMENTS
from broken_storage import KEYS, STORAGE, WATCHING

MUTANTS = [*NETWORK, *MACHINES, *STORAGE, *KEYS, *WATCHING, *POLICIES, *ACCESS, *STATEMENTS]


def refused_by(guard: str, rules: Path, files: list[Path]) -> dict[str, set[str]]:
    """Return the rules that each file fails, by the file's name."""
    command = [
        guard,
        "validate",
        "--rules",
        str(rules),
        "--structured",
        "--output-format",
        "json",
        "--show-summary",
        "none",
    ]
    command += [part for file in files for part in ("--data", str(file))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # cfn-guard exits 19 if a file fails a rule, which is expected here.
    if done.returncode not in (0, 19):
        sys.exit(f"cfn-guard: exit {done.returncode}: {done.stderr}{done.stdout[:2000]}")
    found: dict[str, set[str]] = {file.name: set() for file in files}
    for report in json.loads(done.stdout):
        names = (rule["Rule"]["name"] for rule in report["not_compliant"] if "Rule" in rule)
        found[Path(report["name"]).name] |= set(names)
    return found


def refused_in_parts(guard: str, rules: Path, files: list[Path]) -> dict[str, set[str]]:
    """Do the same with as many processes as there are processors."""
    count = os.cpu_count() or 1
    parts = [part for part in (files[start::count] for start in range(count)) if part]
    with ThreadPoolExecutor(count) as pool:
        found = pool.map(lambda part: refused_by(guard, rules, part), parts)
    return {name: names for part in found for name, names in part.items()}


def rule_names(rules: Path) -> set[str]:
    """Return the names of all rules in the directory."""
    lines = [line for file in sorted(rules.glob("*.guard")) for line in file.read_text().splitlines()]
    return {line.split()[1] for line in lines if line.startswith("rule ")}


def write_mutants(template: dict[str, Any], folder: Path) -> list[Path]:
    """Write a broken copy for each mutant, named by its number."""
    files = []
    for number, (rule, what, edit) in enumerate(MUTANTS):
        broken = copy.deepcopy(template)
        edit(broken)
        if broken == template:
            sys.exit(f"{rule}: {what}: the edit changes nothing")
        files.append(folder / f"{number:03}.json")
        files[-1].write_text(json.dumps(broken))
    return files


def judge(refused: dict[str, set[str]], whole: list[str], rules: set[str]) -> list[str]:
    """Return one line for each failed expectation."""
    lines = [f"{name}: fails {', '.join(sorted(refused[name]))}" for name in whole if refused[name]]
    for number, (rule, what, _) in enumerate(MUTANTS):
        if rule not in refused[f"{number:03}.json"]:
            lines.append(f"{rule}: {what}: survives (fails {sorted(refused[f'{number:03}.json']) or 'no rule'})")
    idle = rules - {rule for rule, _, _ in MUTANTS}
    return lines + [f"{rule}: fails none of the broken templates" for rule in sorted(idle)]


def main() -> None:
    """Parse the command line, break, judge."""
    parser = argparse.ArgumentParser(description="test the template's rules by breaking the template")
    parser.add_argument("--template", type=Path, required=True, help="rendered template, as JSON")
    parser.add_argument("--also", type=Path, action="append", default=[], help="another template that must pass")
    parser.add_argument("--guard", default="cfn-guard", help="the program (cfn-guard)")
    parser.add_argument("--rules", type=Path, default=Path("provision/rules"), help="rules directory (provision/rules)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = [given.template, *given.also]
        files = write_mutants(json.loads(given.template.read_text()), Path(folder))
        refused = refused_in_parts(given.guard, given.rules, [*whole, *files])
    rules = rule_names(given.rules)
    lines = judge(refused, [file.name for file in whole], rules)
    print("\n".join([*lines, f"{len(MUTANTS)} broken templates, {len(rules)} rules, {len(lines)} faults"]))
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
