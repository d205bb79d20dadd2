"""Writes `provision/rules/statements.guard`: what each policy's statements do, as reviewed.

    statements.py --template FILE.json [--check]

Used by `run.sh` with --check (exits 1 if the file is not what the template
says) and by whoever changes a policy, without: the file's difference is what a
reviewer reads. It states effect, actions, whom a statement is for and what it
is conditional on, of every statement, so that none is widened, loosened,
dropped or added unseen. Must never state what depends on the PIT or account.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

RULES = Path("provision/rules/statements.guard")
HEAD = """# What every statement of every policy does, as reviewed: nothing more, nothing
# less. Written by tests/environment/statements.py; a change here is a change of
# rights.
"""
DOCUMENTS = {
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::EC2::VPCEndpoint": "PolicyDocument",
}


def rule_name(resource: str) -> str:
    """As rules are named: `statements_of_worker_policy`."""
    return "statements_of_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", resource).lower()


def is_plain(value: Any) -> bool:
    """Whether the value is the same for every PIT and account, and in YAML as in JSON."""
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return isinstance(value, bool | int) or (isinstance(value, str) and "hipaa" not in value)


def clauses(statement: dict[str, Any]) -> list[str]:
    """What holds of one statement."""
    lines = [f"Sid == '{statement['Sid']}'"] if "Sid" in statement else []
    lines.append(f"Effect == '{statement['Effect']}'")
    lines.append(f"Action == {json.dumps(statement['Action'])}")
    principal = statement.get("Principal")
    if principal == "*":
        lines.append("Principal == '*'")
    elif principal:
        ((kind, whom),) = principal.items()
        lines.append(f"Principal.{kind} == {json.dumps(whom)}" if is_plain(whom) else f"Principal.{kind} exists")
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            place = f"Condition.'{operator}'.'{key}'"
            lines.append(f"{place} == {json.dumps(value)}" if is_plain(value) else f"{place} exists")
    return lines


def rule(resource: str, place: str, statements: list[dict[str, Any]]) -> str:
    """One resource's rule."""
    where = f"Resources.{resource}.Properties.{place}.Statement"
    lines = [f"rule {rule_name(resource)} when Resources.{resource} exists {{"]
    lines.append(f"    {where}[{len(statements)}] not exists <<there is another statement>>")
    for statement in statements:
        lines += [f"    some {where}[*] {{"]
        lines += [f"        {line}" for line in clauses(statement)]
        lines += ["    }"]
    return "\n".join([*lines, "}"])


def written(template: dict[str, Any]) -> str:
    """The whole file."""
    rules = []
    for resource, of in template["Resources"].items():
        place = DOCUMENTS.get(of["Type"])
        if place:
            rules.append(rule(resource, place, of["Properties"][place]["Statement"]))
    return HEAD + "\n" + "\n\n".join(rules) + "\n"


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="write the rules of what every statement does")
    parser.add_argument("--template", type=Path, required=True, help="rendered template, as JSON, of PIT hipaa")
    parser.add_argument("--check", action="store_true", help="only tell whether the file is as it must be")
    given = parser.parse_args()
    text = written(json.loads(given.template.read_text()))
    if not given.check:
        RULES.write_text(text)
    elif RULES.read_text() != text:
        sys.exit(f"{RULES} is not what the template says: run {Path(__file__).name} and read the difference")


if __name__ == "__main__":
    main()
