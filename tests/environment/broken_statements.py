"""Unreviewed changes of statements. Used by `mutants.py`: rule, what is broken, how."""

from __future__ import annotations

from edits import Edit, Tree, change_statement, statements
from statements import rule_name

# Every resource that has statements.
WITH_STATEMENTS = (
    *(f"{of}Policy" for of in ("S3D", "S3O", "S3L", "S3A", "AccessLogs", "Units", "UnitsDead", "Uploads", "Notices")),
    *(f"{of}Policy" for of in ("Worker", "Bastion", "BastionFleet", "Workbench", "Intake", "Uploader")),
    *(f"{of}Policy" for of in ("FlowLog", "Trail", "Config")),
    *(f"{of}Role" for of in ("Worker", "Bastion", "Workbench", "Intake", "Uploader", "FlowLog", "Trail", "Config")),
    *(f"{of}EP" for of in ("S3", "DynamoDb", "Sqs", "Sns", "Kms", "Ec2", "Logs", "Sts")),
    "Key",
)


def unconditional(resource: str) -> Edit:
    """Remove the conditions of every statement."""

    def edit(template: Tree) -> None:
        for statement in statements(template, resource):
            statement.pop("Condition", None)

    return edit


def twice(resource: str) -> Edit:
    """Repeat the first statement, allowing everything."""

    def edit(template: Tree) -> None:
        found = statements(template, resource)
        found.append({**found[0], "Effect": "Allow", "Action": "*"})

    return edit


STATEMENTS = [
    entry
    for resource in WITH_STATEMENTS
    for entry in (
        (rule_name(resource), "any action", change_statement(resource, None, Action="*")),
        (rule_name(resource), "an additional statement", twice(resource)),
    )
] + [
    (rule_name(resource), "no condition", unconditional(resource))
    for resource in ("S3LPolicy", "BastionFleetPolicy", "WorkerPolicy", "UploaderPolicy", "Key", "NoticesPolicy")
]
