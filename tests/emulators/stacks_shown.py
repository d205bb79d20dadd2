"""Extends Ministack's EC2 responses with properties that it stores, or that `stacks_machines.py` recorded.

Used by `stacks.py`. Adds elements to Ministack's responses, each from a record; must
never report what was not recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

Record = dict[str, Any]
Write = Callable[..., str]
# A machine without a public address is described without these elements.
EMPTY = re.compile(r"<(ipAddress|dnsName)></\1>")
NO_ADDRESSES = "<natGatewayAddressSet/>"


def register() -> None:
    """Register the extensions, once, before the emulator serves."""
    ec2._instance_xml = inside(ec2._instance_xml, machine)
    ec2._vpce_fields_xml = inside(ec2._vpce_fields_xml, endpoint)
    ec2._volume_inner_xml = behind(ec2._volume_inner_xml, lambda of: elements(of, "KmsKeyId"))
    ec2._snapshot_inner_xml = behind(ec2._snapshot_inner_xml, lambda of: elements(of, "KmsKeyId"))
    ec2._lt_data_xml = launch_template(ec2._lt_data_xml)
    extend("DescribeFlowLogs", "flowLogId", ec2._flow_logs, flow_log)
    extend("DescribeNatGateways", "natGatewayId", ec2._nat_gateways, gateway)


def behind(own: Write, more: Write) -> Write:
    """Append elements to the emulator's own."""
    return lambda of: own(of) + more(of)


def inside(own: Write, more: Write) -> Write:
    """Append elements inside the one element that the emulator writes."""

    def write(of: Record, *tag: str, **named: str) -> str:
        text, end = EMPTY.sub("", own(of, *tag, **named)).rsplit("</", 1)
        return f"{text}{more(of)}</{end}"

    return write


def extend(action: str, id_element: str, records: Any, more: Write) -> None:
    """Insert `more` of each record after its id in the responses to `action`."""
    own = ec2._ACTION_MAP[action]
    known = re.compile(f"<{id_element}>([^<]+)</{id_element}>")

    def answer(params: Any) -> tuple[int, Any, bytes]:
        status, headers, body = own(params)
        text = known.sub(lambda found: found[0] + more(records[found[1]]), body.decode().replace(NO_ADDRESSES, ""))
        return status, headers, text.encode()

    ec2._ACTION_MAP[action] = answer


def element(name: str, value: Any) -> str:
    """Format an element as EC2 does: names and flags begin with a lowercase letter."""
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    name = name[0].lower() + name[1:]
    return f"<{name}>{text}</{name}>"


def elements(of: Record, *names: str) -> str:
    """Return an element for each of these properties that the record has."""
    return "".join(element(name, of[name]) for name in names if name in of)


def machine(of: Record) -> str:
    """Return the added elements of a machine."""
    options = of.get("MetadataOptions")
    inner = elements(options, *options) + element("State", "applied") if options else ""
    return elements(of, "EbsOptimized") + (f"<metadataOptions>{inner}</metadataOptions>" if options else "")


def endpoint(of: Record) -> str:
    """Return the added elements of an endpoint."""
    groups = "".join(f"<item>{element('GroupId', group)}</item>" for group in of.get("SecurityGroupIds", []))
    policy = of.get("PolicyDocument")
    policy = element("PolicyDocument", policy if isinstance(policy, str) else json.dumps(policy)) if policy else ""
    return f"<groupSet>{groups}</groupSet>{policy}" + elements(of, "PrivateDnsEnabled")


def flow_log(of: Record) -> str:
    """Return the added elements of a flow log."""
    return elements(of, "LogGroupName", "DeliverLogsPermissionArn", "MaxAggregationInterval")


def gateway(of: Record) -> str:
    """Return the added elements of a NAT gateway."""
    address = ec2._addresses.get(of["AllocationId"])
    if not address:
        return NO_ADDRESSES
    inner = elements(of, "AllocationId") + elements(address, "PublicIp")
    return f"<natGatewayAddressSet><item>{inner}</item></natGatewayAddressSet>"


def launch_template(own: Write) -> Write:
    """Add tenancy, the keys of volumes, and the deletion setting of interfaces."""

    def write(of: Record) -> str:
        volumes = (mapping["Ebs"] for mapping in of.get("BlockDeviceMappings", []) if "Ebs" in mapping)
        text = re.sub("</ebs>", lambda end: elements(next(volumes), "KmsKeyId") + end[0], own(of))
        interfaces = (interface for interface in of.get("NetworkInterfaces", []) if "DeviceIndex" in interface)
        text = re.sub("<deviceIndex>", lambda at: elements(next(interfaces), "DeleteOnTermination") + at[0], text)
        # Each in an element of its own name, as EC2 sends it and the SDK for Rust expects it.
        text = re.sub(r"<item>(sg-[^<]+)</item>", r"<groupId>\1</groupId>", text)
        placement = elements(of.get("Placement", {}), "Tenancy")
        return text + (f"<placement>{placement}</placement>" if placement else "")

    return write
