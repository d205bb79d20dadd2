"""The trail, for Ministack's CloudFormation.

Used by `stacks.py`. Creates it through CloudTrail's API; nothing is ever delivered.
"""

from __future__ import annotations

from typing import Any

from stacks_kinds import Kind, Props, api, picked

SAME = (
    "S3BucketName",
    "S3KeyPrefix",
    "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail",
    "EnableLogFileValidation",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
)


def create(props: Props) -> str:
    """Create the trail, then update it: Ministack's CreateTrail drops the log group, its UpdateTrail does not."""
    client, name = api("cloudtrail"), props["TrailName"]
    client.create_trail(Name=name, TagsList=[], **picked(props, *SAME))
    change(client, name, props)
    return name


def update(name: str, old: Props, new: Props) -> None:
    """Set all properties again."""
    client = api("cloudtrail")
    if gone := [tag for tag in old.get("Tags", []) if tag not in new.get("Tags", [])]:
        client.remove_tags(ResourceId=arn(name), TagsList=gone)
    change(client, name, new)


def change(client: Any, name: str, props: Props) -> None:
    """Set all properties; CloudTrail reports the key by its ARN, however it was given."""
    key = props.get("KMSKeyId", "")
    key = api("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"] if key else ""
    client.update_trail(Name=name, KmsKeyId=key, **picked(props, *SAME))
    if selectors := props.get("EventSelectors"):
        client.put_event_selectors(TrailName=name, EventSelectors=selectors)
    if props["IsLogging"]:
        client.start_logging(Name=name)
    else:
        client.stop_logging(Name=name)
    client.add_tags(ResourceId=arn(name), TagsList=props.get("Tags", []))


def arn(name: str) -> str:
    """Return the ARN that CloudTrail reports."""
    return api("cloudtrail").get_trail(Name=name)["Trail"]["TrailARN"]


def delete(name: str, _props: Props) -> None:
    """Delete the trail; its records stay in the bucket."""
    api("cloudtrail").delete_trail(Name=name)


def attributes(name: str) -> Props:
    """Return the attributes for Fn::GetAtt; there is no topic."""
    return {"Arn": arn(name)}


KINDS = {"AWS::CloudTrail::Trail": Kind(create, update, delete, attributes, ("TrailName",))}
