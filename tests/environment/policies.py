"""Checks every policy of a rendered template with parliament.

    policies.py --template FILE.json

Used by `make test-environment`. Checks identity policies (managed policies) with
parliament's full rules, which know every action, resource and condition key;
exits 1 if a finding is not in ACCEPTED. Must never change the template.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import parliament

# Values that a checker without an account cannot know; any will do.
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
# Accepted findings, each with its reason; by (policy, issue, text in the detail).
ACCEPTED = [
    # A launch uses several kinds of resource, each under its own conditions, so no single statement
    # covers all of them.
    ("BastionFleetPolicy", "RESOURCE_MISMATCH", "ec2:RunInstances"),
    # A session key, which AWS sets for calls from an instance; parliament knows only the keys of
    # actions and resources.
    ("WorkerPolicy", "UNKNOWN_CONDITION_FOR_ACTION", "ec2:SourceInstanceARN"),
]


def resolve(value: Any, resources: dict[str, Any]) -> Any:
    """Replace every function by a text of the right form."""
    match value:
        case {"Ref": str(name)} if len(value) == 1:
            return PSEUDO.get(name, f"{name.lower()}-1")
        case {"Fn::GetAtt": [str(name), str()]} if len(value) == 1:
            return arn(name, resources[name])
        case {"Fn::Sub": str(text)} if len(value) == 1:
            return re.sub(r"\$\{([^!}]+)\}", lambda found: variable(found[1], resources), text).replace("${!", "${")
        case dict():
            return {key: resolve(item, resources) for key, item in value.items()}
        case list():
            return [resolve(item, resources) for item in value]
    return value


def variable(name: str, resources: dict[str, Any]) -> str:
    """Return the value of `${name}`."""
    if name in PSEUDO:
        return PSEUDO[name]
    logical, _, attribute = name.partition(".")
    return arn(logical, resources[logical]) if attribute else f"{logical.lower()}-1"


def arn(name: str, resource: dict[str, Any]) -> str:
    """Return an ARN of the resource's service."""
    place = "us-east-1:123456789012"
    return {
        "AWS::S3::Bucket": f"arn:aws:s3:::{name.lower()}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{place}:{name}",
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{place}:table/{name}",
        "AWS::KMS::Key": f"arn:aws:kms:{place}:key/00000000-0000-0000-0000-000000000000",
        "AWS::IAM::Role": f"arn:aws:iam::123456789012:role/{name}",
        "AWS::IAM::InstanceProfile": f"arn:aws:iam::123456789012:instance-profile/{name}",
    }[resource["Type"]]


def topics(value: Any) -> Any:
    """Replace references to the topic, whose reference is its ARN."""
    text = json.dumps(value)
    return json.loads(text.replace('{"Ref": "Notices"}', '"arn:aws:sns:us-east-1:123456789012:notices"'))


def findings(template: dict[str, Any]) -> list[str]:
    """Return one line for each finding that is not accepted."""
    resources, lines = template["Resources"], []
    managed = {n: r for n, r in resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"}
    if not managed:
        return ["the template has no policies to check"]
    for name, resource in managed.items():
        document = resolve(topics(resource["Properties"]["PolicyDocument"]), resources)
        policy = parliament.analyze_policy_string(json.dumps(document))
        for finding in policy.findings:
            detail = json.dumps(finding.detail, default=str)
            known = any((name, finding.issue) == (of, issue) and text in detail for of, issue, text in ACCEPTED)
            if not known:
                lines.append(f"{name}: {finding.issue}: {finding.detail} {finding.location}")
    return lines


def main() -> None:
    """Parse the command line, print findings, exit 1 if there are any."""
    parser = argparse.ArgumentParser(description="check a template's policies")
    parser.add_argument("--template", type=Path, required=True, help="rendered template, as JSON")
    template = json.loads(parser.parse_args().template.read_text())
    lines = findings(template)
    print("\n".join(lines) or "no finding in any policy")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
