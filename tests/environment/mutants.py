"""Proves the project's own Guard rules by breaking the template.

    mutants.py --template FILE.json [--also FILE]… [--guard PROGRAM] [--rules DIR]

Used by `make test-environment`. The templates given must pass every rule; each
broken copy must be refused by the rule that its list names; and each rule must
refuse one broken copy at least, or it could not fail. Exits 1 otherwise. Must
never look at what a rule says, only at what it does.
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
    """The rules that refuse each file, by the file's name."""
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
    if done.returncode not in (0, 19):
        sys.exit(f"cfn-guard: exit {done.returncode}: {done.stderr}{done.stdout[:2000]}")
    found: dict[str, set[str]] = {file.name: set() for file in files}
    for report in json.loads(done.stdout):
        names = (rule["Rule"]["name"] for rule in report["not_compliant"] if "Rule" in rule)
        found[Path(report["name"]).name] |= set(names)
    return found


def refused_in_parts(guard: str, rules: Path, files: list[Path]) -> dict[str, set[str]]:
    """The same, by as many processes as there are processors."""
    count = os.cpu_count() or 1
    parts = [part for part in (files[start::count] for start in range(count)) if part]
    with ThreadPoolExecutor(count) as pool:
        found = pool.map(lambda part: refused_by(guard, rules, part), parts)
    return {name: names for part in found for name, names in part.items()}


def rule_names(rules: Path) -> set[str]:
    """Every rule of the folder."""
    lines = [line for file in sorted(rules.glob("*.guard")) for line in file.read_text().splitlines()]
    return {line.split()[1] for line in lines if line.startswith("rule ")}


def write_mutants(template: dict[str, Any], folder: Path) -> list[Path]:
    """A broken copy for each mutant, named by its number."""
    files = []
    for number, (rule, what, edit) in enumerate(MUTANTS):
        broken = copy.deepcopy(template)
        edit(broken)
        if broken == template:
            sys.exit(f"{rule}: {what}: nothing is broken")
        files.append(folder / f"{number:03}.json")
        files[-1].write_text(json.dumps(broken))
    return files


def judge(refused: dict[str, set[str]], whole: list[str], rules: set[str]) -> list[str]:
    """What does not hold, a line each."""
    lines = [f"{name}: refused by {', '.join(sorted(refused[name]))}" for name in whole if refused[name]]
    for number, (rule, what, _) in enumerate(MUTANTS):
        if rule not in refused[f"{number:03}.json"]:
            lines.append(f"{rule}: {what}: survives (refused by {sorted(refused[f'{number:03}.json']) or 'no rule'})")
    idle = rules - {rule for rule, _, _ in MUTANTS}
    return lines + [f"{rule}: refuses none of the broken templates" for rule in sorted(idle)]


def main() -> None:
    """Parse the command line, break, judge."""
    parser = argparse.ArgumentParser(description="prove the template's rules by breaking the template")
    parser.add_argument("--template", type=Path, required=True, help="rendered template, as JSON")
    parser.add_argument("--also", type=Path, action="append", default=[], help="another that must pass")
    parser.add_argument("--guard", default="cfn-guard", help="the program (cfn-guard)")
    parser.add_argument("--rules", type=Path, default=Path("provision/rules"), help="the rules (provision/rules)")
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
