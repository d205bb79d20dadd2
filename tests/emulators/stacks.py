"""Adds to Ministack's CloudFormation what provision/environment.yaml needs.

Used by `start.py`, before Ministack serves. Types without a handler are implemented
here and in `stacks_machines.py`; for the others, the properties that the handlers drop
are set through the service's own API afterward. Budgets and Config stay unsupported:
`sce` must handle types that an emulator lacks. Must never create what the service's API
does not show, nor change imported resources.

These handlers call the emulator that they run in: they run on a separate thread, as
Ministack's own blocking handlers do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import ec2, iam, s3
from ministack.services.cloudformation import changesets, provisioners, stacks

import stacks_machines
import stacks_shown
import stacks_trail
from stacks_kinds import Made, Props, api

HANDLERS: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
KINDS = stacks_machines.KINDS | stacks_trail.KINDS
# Retained resources by name: Ministack would overwrite an existing one, CloudFormation rejects it.
NOT_TWICE = ("AWS::DynamoDB::Table", "AWS::KMS::Alias", "AWS::Logs::LogGroup", "AWS::S3::BucketPolicy")


def register() -> None:
    """Register everything, once, before the emulator serves."""
    for name, kind in KINDS.items():
        HANDLERS[name] = kind.handlers()
        provisioners._REPLACING_PROPERTIES[name] = kind.replacing
        if kind.tagged:
            provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    afterwards = {"AWS::S3::Bucket": bucket, "AWS::DynamoDB::Table": table, "AWS::SNS::Topic": topic}
    for name, apply in afterwards.items():
        complete(name, apply)
    name_bucket_policies()
    name_instance_profiles()
    for name in NOT_TWICE:
        refuse_twice(name)
    refuse_while_used("AWS::EC2::SecurityGroup", group_is_used)
    refuse_while_used("AWS::EC2::Subnet", subnet_is_used)
    leave_out_what_is_off()
    run_on_threads({*KINDS, *afterwards})
    stacks_shown.register()


def run_on_threads(names: set[str]) -> None:
    """Run their handlers on a worker thread: the event loop must answer their requests."""
    own = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in names or own(name)


def leave_out_what_is_off() -> None:
    """Apply conditions before comparing templates for a change set; Ministack compares all resources in the text."""
    own = changesets._resolve_props_for_diff

    def resolve(template: Props, parameters: Props, *where: str) -> Props:
        resources = own(template, parameters, *where).get("Resources", {})
        on = changesets._evaluate_conditions(template, parameters) if resources else {}
        return {"Resources": {name: of for name, of in resources.items() if on.get(of.get("Condition"), True)}}

    changesets._resolve_props_for_diff = resolve


def complete(name: str, apply: Callable[[str, Props], None]) -> None:
    """After the emulator's own create and update, set the properties that they drop."""
    own = HANDLERS[name]

    def create(logical_id: str, props: Props, stack: str) -> Made:
        made = own["create"](logical_id, props, stack)
        try:
            apply(made[0], props)
        except Exception:
            own["delete"](made[0], props)
            raise
        return made

    def update(physical_id: str, old: Props, new: Props, *context: Any) -> Made:
        made = own["update"](physical_id, old, new, *context)
        apply(made[0], new)
        return made

    HANDLERS[name] = own | {"create": create, "update": update}


def bucket(name: str, props: Props) -> None:
    """Set encryption, lock, owner, lifecycle, logging and tags."""
    client = api("s3")
    if encryption := props.get("BucketEncryption"):
        rules = [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            | ({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {})
            for rule in encryption["ServerSideEncryptionConfiguration"]
        ]
        client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if lock := props.get("ObjectLockConfiguration"):
        client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    if owner := props.get("OwnershipControls"):
        client.put_bucket_ownership_controls(Bucket=name, OwnershipControls=owner)
    if lifecycle := props.get("LifecycleConfiguration"):
        rules = [lifecycle_rule(rule) for rule in lifecycle["Rules"]]
        client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    logging = props.get("LoggingConfiguration")
    target = logging and {"TargetBucket": logging["DestinationBucketName"], "TargetPrefix": logging["LogFilePrefix"]}
    client.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target} if target else {})
    client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": props.get("Tags", [])})


def lifecycle_rule(rule: Props) -> Props:
    """Return a template's rule in the API's form."""
    rest = {name: value for name, value in rule.items() if name not in ("Id", "Prefix")}
    return rest | {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}


def table(name: str, props: Props) -> None:
    """Set encryption and backups; Ministack keeps the rest."""
    client = api("dynamodb")
    if encryption := props.get("SSESpecification"):
        enabled = {"Enabled": encryption["SSEEnabled"]}
        rest = {name: value for name, value in encryption.items() if name != "SSEEnabled"}
        client.update_table(TableName=name, SSESpecification=enabled | rest)
    if backups := props.get("PointInTimeRecoverySpecification"):
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=backups)


def topic(arn: str, props: Props) -> None:
    """Set its key."""
    key = props.get("KmsMasterKeyId", "")
    api("sns").set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=key)


def name_bucket_policies() -> None:
    """Identify a bucket policy by the bucket's name, also for imports."""
    kind = "AWS::S3::BucketPolicy"
    own = HANDLERS[kind]

    def create(logical_id: str, props: Props, stack: str) -> Made:
        return props["Bucket"], own["create"](logical_id, props, stack)[1]

    def update(physical_id: str, old: Props, new: Props, stack: str) -> Made:
        return new["Bucket"], own["update"](physical_id, old, new, stack)[1]

    def problem(name: str) -> str | None:
        return None if name in s3._bucket_policies else f"Bucket policy of '{name}' was not found."

    HANDLERS[kind] = own | {"create": create, "update": update, "import": lambda by: (by["Bucket"], {})}
    changesets._IMPORT_LOOKUPS[kind] = (("Bucket",), problem)


def name_instance_profiles() -> None:
    """Identify an instance profile by its name; Ministack's handlers use its ARN."""
    kind = "AWS::IAM::InstanceProfile"
    own = HANDLERS[kind]

    def arn(name: str) -> str:
        return iam._instance_profiles[name]["Arn"]

    def named(made: Made) -> Made:
        return made[0].rsplit("/", 1)[1], made[1]

    def create(logical_id: str, props: Props, stack: str) -> Made:
        return named(own["create"](logical_id, props, stack))

    def update(name: str, old: Props, new: Props, *context: Any) -> Made:
        return named(own["update"](arn(name), old, new, *context))

    def delete(name: str, props: Props) -> None:
        if name in iam._instance_profiles:
            own["delete"](arn(name), props)

    HANDLERS[kind] = own | {"create": create, "update": update, "delete": delete}


def refuse_twice(kind: str) -> None:
    """Reject the creation of an existing resource."""
    own = HANDLERS[kind]
    (key,), problem = changesets._IMPORT_LOOKUPS[kind]

    def create(logical_id: str, props: Props, stack: str) -> Made:
        if key in props and problem(props[key]) is None:
            raise ValueError(f"Resource of type '{kind}' with identifier '{props[key]}' already exists.")
        return own["create"](logical_id, props, stack)

    HANDLERS[kind] = own | {"create": create}


def refuse_while_used(kind: str, used: Callable[[str], bool]) -> None:
    """Reject the deletion of a resource that others refer to."""
    own = HANDLERS[kind]

    def delete(physical_id: str, props: Props) -> None:
        if used(physical_id):
            raise ValueError(f"{physical_id} has a dependent object (DependencyViolation)")
        own["delete"](physical_id, props)

    HANDLERS[kind] = own | {"delete": delete}


def machines() -> list[Props]:
    """Return the machines that are not terminated."""
    return [of for of in ec2._instances.values() if of["State"]["Name"] != "terminated"]


def group_is_used(group: str) -> bool:
    """Return whether a machine, an endpoint or another group's rule uses the group."""
    others = [of for of in ec2._security_groups.values() if of["GroupId"] != group]
    rules = [rule for of in others for rule in [*of["IpPermissions"], *of["IpPermissionsEgress"]]]
    named = [pair.get("GroupId") for rule in rules for pair in rule["UserIdGroupPairs"]]
    worn = [of["GroupId"] for machine in machines() for of in machine["SecurityGroups"]]
    return group in [*named, *worn] or any(
        group in of.get("SecurityGroupIds", []) for of in ec2._vpc_endpoints.values()
    )


def subnet_is_used(subnet: str) -> bool:
    """Return whether a machine, an endpoint or a NAT gateway uses the subnet."""
    gateways = [of["SubnetId"] for of in ec2._nat_gateways.values() if of["State"] != "deleted"]
    inside = [of["SubnetId"] for of in machines()]
    return subnet in [*gateways, *inside] or any(
        subnet in of.get("SubnetIds", []) for of in ec2._vpc_endpoints.values()
    )
