"""Machines, volumes, addresses and flow logs, for Ministack's CloudFormation.

Used by `stacks.py`. Creates them through EC2's API, then adds to Ministack's record
what its API accepts and drops. Must never start anything: Ministack does not boot its
own images.
"""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

from ministack.services import ec2
from ministack.services.cloudformation.provisioners import _ec2_sg_permissions

from stacks_kinds import Kind, Props, api, nothing, picked

# The first addresses of a subnet are reserved.
ADDRESSES_RESERVED = 4


def tags(kind: str, props: Props) -> Props:
    """Return tags as an argument of a create call."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": props["Tags"]}]} if props.get("Tags") else {}


def retag(resource: str, old: Props, new: Props) -> None:
    """Update the stack's tags; tags added elsewhere stay."""
    kept = {tag["Key"] for tag in new.get("Tags", [])}
    gone = [{"Key": tag["Key"]} for tag in old.get("Tags", []) if tag["Key"] not in kept]
    if gone:
        api("ec2").delete_tags(Resources=[resource], Tags=gone)
    if kept:
        api("ec2").create_tags(Resources=[resource], Tags=new["Tags"])


# ----- addresses, identified by the address itself -----------------------------


def address(public_ip: str) -> Props:
    """Return one address as EC2 describes it."""
    return next(of for of in api("ec2").describe_addresses()["Addresses"] if of["PublicIp"] == public_ip)


def associate(public_ip: str, instance: str) -> None:
    """Associate the address with a machine."""
    api("ec2").associate_address(AllocationId=address(public_ip)["AllocationId"], InstanceId=instance)
    ec2._instances[instance]["PublicIpAddress"] = public_ip


def create_address(props: Props) -> str:
    """Allocate an address and return it as the Ref."""
    public_ip = api("ec2").allocate_address(Domain=props["Domain"], **tags("elastic-ip", props))["PublicIp"]
    if "InstanceId" in props:
        associate(public_ip, props["InstanceId"])
    return public_ip


def update_address(public_ip: str, old: Props, new: Props) -> None:
    """Associate the address with another machine in place."""
    if "InstanceId" in new and new["InstanceId"] != old.get("InstanceId"):
        associate(public_ip, new["InstanceId"])
    retag(address(public_ip)["AllocationId"], old, new)


def delete_address(public_ip: str, _props: Props) -> None:
    """Disassociate the address, then release it."""
    for of in api("ec2").describe_addresses()["Addresses"]:
        if of["PublicIp"] != public_ip:
            continue
        if "AssociationId" in of:
            api("ec2").disassociate_address(AssociationId=of["AssociationId"])
        if machine := ec2._instances.get(of.get("InstanceId")):
            machine["PublicIpAddress"] = ""
        api("ec2").release_address(AllocationId=of["AllocationId"])


def address_attributes(public_ip: str) -> Props:
    """Return the attributes for Fn::GetAtt."""
    return {"PublicIp": public_ip, "AllocationId": address(public_ip)["AllocationId"]}


# ----- NAT gateways and flow logs ---------------------------------------------


def create_gateway(props: Props) -> str:
    """Create a NAT gateway."""
    wanted = picked(props, "SubnetId", "AllocationId", "ConnectivityType")
    return api("ec2").create_nat_gateway(**wanted, **tags("natgateway", props))["NatGateway"]["NatGatewayId"]


def delete_gateway(gateway: str, _props: Props) -> None:
    """Delete a NAT gateway; EC2 reports it as deleted for a while."""
    api("ec2").delete_nat_gateway(NatGatewayId=gateway)


def create_flow_log(props: Props) -> str:
    """Create a flow log of one network."""
    how = picked(props, "LogDestination", "LogGroupName", "DeliverLogsPermissionArn", "MaxAggregationInterval")
    what = picked(props, "ResourceType", "TrafficType", "LogDestinationType")
    made = api("ec2").create_flow_logs(ResourceIds=[props["ResourceId"]], **what, **how, **tags("vpc-flow-log", props))
    [flow_log] = made["FlowLogIds"]
    ec2._flow_logs[flow_log] |= how
    # Ministack expects tags under another type name than EC2.
    retag(flow_log, {}, props)
    return flow_log


def delete_flow_log(flow_log: str, _props: Props) -> None:
    """Delete a flow log; its records stay."""
    api("ec2").delete_flow_logs(FlowLogIds=[flow_log])


# ----- rules ------------------------------------------------------------------


def create_rule(props: Props) -> str:
    """Add an outbound rule to an existing group."""
    [permission] = _ec2_sg_permissions([props])
    made = api("ec2").authorize_security_group_egress(GroupId=props["GroupId"], IpPermissions=[permission])
    return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def delete_rule(_rule: str, props: Props) -> None:
    """Remove the rule, if its group still exists."""
    if props["GroupId"] in ec2._security_groups:
        api("ec2").revoke_security_group_egress(GroupId=props["GroupId"], IpPermissions=_ec2_sg_permissions([props]))


# ----- machines ---------------------------------------------------------------


def free_address(subnet: Props) -> str:
    """Return the first address of the subnet that no machine has."""
    taken = {of["PrivateIpAddress"] for of in ec2._instances.values()}
    hosts = itertools.islice(ipaddress.ip_network(subnet["CidrBlock"]), ADDRESSES_RESERVED, None)
    return next(str(host) for host in hosts if str(host) not in taken)


def create_machine(props: Props) -> str:
    """Launch the machine and record its properties."""
    subnet = ec2._subnets[props["SubnetId"]]
    same = picked(props, "ImageId", "InstanceType", "KeyName", "SubnetId", "SecurityGroupIds", "EbsOptimized")
    more = picked(props, "MetadataOptions", "BlockDeviceMappings", "UserData")
    wanted = same | more | {"Placement": picked(props, "Tenancy"), "Monitoring": {"Enabled": bool(props["Monitoring"])}}
    profile = {"IamInstanceProfile": {"Name": props["IamInstanceProfile"]}} if "IamInstanceProfile" in props else {}
    where = {"MinCount": 1, "MaxCount": 1, "PrivateIpAddress": free_address(subnet)}
    launched = api("ec2").run_instances(**wanted, **profile, **where, **tags("instance", props))
    record = ec2._instances[launched["Instances"][0]["InstanceId"]]
    remember(record, props, subnet)
    return record["InstanceId"]


def remember(record: Props, props: Props, subnet: Props) -> None:
    """Record the properties that Ministack's RunInstances accepts and drops."""
    record["Placement"] = {"AvailabilityZone": subnet["AvailabilityZone"], "Tenancy": props.get("Tenancy", "default")}
    record["Monitoring"] = {"State": "enabled" if props["Monitoring"] else "disabled"}
    record |= picked(props, "MetadataOptions", "EbsOptimized")
    if not subnet["MapPublicIpOnLaunch"]:
        record["PublicIpAddress"] = record["PublicDnsName"] = ""
    root = record["BlockDeviceMappings"][0]
    for mapping in props.get("BlockDeviceMappings", []):
        if mapping["DeviceName"] == root["DeviceName"]:
            volume = ec2._volumes[root["Ebs"]["VolumeId"]]
            volume |= volume_record(mapping["Ebs"]) | {"AvailabilityZone": subnet["AvailabilityZone"]}
            if props.get("PropagateTagsToVolumeOnCreation"):
                retag(volume["VolumeId"], {}, props)


def volume_record(props: Props) -> Props:
    """Return a template's volume, of an instance or separate, in the form of Ministack's record."""
    size = int(props.get("VolumeSize") or props["Size"])
    return {"Size": size, **picked(props, "VolumeType", "Encrypted", "KmsKeyId")}


def update_machine(instance: str, old: Props, new: Props) -> None:
    """Change the properties that can be changed in place."""
    record = ec2._instances[instance]
    record |= picked(new, "MetadataOptions", "EbsOptimized", "InstanceType")
    record["Monitoring"] = {"State": "enabled" if new["Monitoring"] else "disabled"}
    groups = [ec2._security_groups[group] for group in new["SecurityGroupIds"]]
    record["SecurityGroups"] = [picked(group, "GroupId", "GroupName") for group in groups]
    retag(instance, old, new)


def delete_machine(instance: str, _props: Props) -> None:
    """Terminate the machine and delete the volumes that it was launched with."""
    record = ec2._instances.get(instance, {})
    api("ec2").terminate_instances(InstanceIds=[instance])
    for volume in [of["Ebs"]["VolumeId"] for of in record.get("BlockDeviceMappings", [])]:
        ec2._volumes.pop(volume, None)
        ec2._tags.pop(volume, None)


def machine_attributes(instance: str) -> Props:
    """Return the attributes for Fn::GetAtt."""
    [[of]] = [of["Instances"] for of in api("ec2").describe_instances(InstanceIds=[instance])["Reservations"]]
    attributes = {"PrivateIp": of["PrivateIpAddress"], "PublicIp": of.get("PublicIpAddress", "")}
    return attributes | {"AvailabilityZone": of["Placement"]["AvailabilityZone"], "InstanceId": instance, **names(of)}


def names(of: Props) -> Props:
    """Return a machine's DNS names and its network."""
    return {"PrivateDnsName": of["PrivateDnsName"], "PublicDnsName": of.get("PublicDnsName", ""), "VpcId": of["VpcId"]}


# ----- volumes ----------------------------------------------------------------


def create_volume(props: Props) -> str:
    """Create a volume that is not attached."""
    wanted = picked(props, "AvailabilityZone", "VolumeType", "Encrypted", "KmsKeyId") | {"Size": int(props["Size"])}
    volume = api("ec2").create_volume(**wanted, **tags("volume", props))["VolumeId"]
    ec2._volumes[volume] |= volume_record(props)
    return volume


def update_volume(volume: str, old: Props, new: Props) -> None:
    """Grow the volume in place."""
    api("ec2").modify_volume(VolumeId=volume, Size=int(new["Size"]), VolumeType=new["VolumeType"])
    retag(volume, old, new)


def delete_volume(volume: str, _props: Props) -> None:
    """Delete the volume; its snapshots stay."""
    api("ec2").delete_volume(VolumeId=volume)


def snapshot(volume: str, _props: Props) -> None:
    """Create the snapshot for DeletionPolicy Snapshot; called on the emulator's own loop, so not through its API."""
    before = set(ec2._snapshots)
    ec2._create_snapshot({"VolumeId": [volume]})
    for made in set(ec2._snapshots) - before:
        ec2._snapshots[made] |= picked(ec2._volumes[volume], "KmsKeyId")


def create_attachment(props: Props) -> str:
    """Attach a volume; EC2 rejects a second attachment, Ministack does not."""
    [of] = api("ec2").describe_volumes(VolumeIds=[props["VolumeId"]])["Volumes"]
    if of["Attachments"]:
        raise ValueError(f"{props['VolumeId']} is already attached to an instance (VolumeInUse)")
    api("ec2").attach_volume(**picked(props, "VolumeId", "InstanceId", "Device"))
    return f"{props['VolumeId']}|{props['InstanceId']}"


def delete_attachment(_attachment: str, props: Props) -> None:
    """Detach the volume."""
    api("ec2").detach_volume(**picked(props, "VolumeId", "InstanceId"))


def attribute(name: str) -> Any:
    """Return the only attribute of types, whose value is the id."""
    return lambda physical_id: {name: physical_id}


def retagged(physical_id: str, old: Props, new: Props) -> None:
    """Update a resource of which only tags can change."""
    retag(physical_id, old, new)


ATTACHMENT = ("Device", "InstanceId", "VolumeId")
FLOW_LOG = (
    "DeliverLogsPermissionArn",
    "LogDestination",
    "LogDestinationType",
    "LogGroupName",
    "MaxAggregationInterval",
    "ResourceId",
    "ResourceType",
    "TrafficType",
)
GATEWAY = ("AllocationId", "ConnectivityType", "SubnetId")
MACHINE = ("BlockDeviceMappings", "ImageId", "KeyName", "SubnetId", "Tenancy")
TARGET = ("CidrIp", "DestinationPrefixListId", "DestinationSecurityGroupId")
RULE = ("FromPort", "GroupId", "IpProtocol", "ToPort", *TARGET)
VOLUME = ("AvailabilityZone", "Encrypted", "KmsKeyId")

KINDS = {
    "AWS::EC2::EIP": Kind(create_address, update_address, delete_address, address_attributes, ("Domain",)),
    "AWS::EC2::FlowLog": Kind(create_flow_log, retagged, delete_flow_log, attribute("Id"), FLOW_LOG),
    "AWS::EC2::Instance": Kind(create_machine, update_machine, delete_machine, machine_attributes, MACHINE),
    "AWS::EC2::NatGateway": Kind(create_gateway, retagged, delete_gateway, attribute("NatGatewayId"), GATEWAY),
    "AWS::EC2::SecurityGroupEgress": Kind(create_rule, nothing, delete_rule, attribute("Id"), RULE, tagged=False),
    "AWS::EC2::Volume": Kind(
        create_volume, update_volume, delete_volume, attribute("VolumeId"), VOLUME, snapshot=snapshot
    ),
    "AWS::EC2::VolumeAttachment": Kind(
        create_attachment, nothing, delete_attachment, attribute("VolumeId"), ATTACHMENT, tagged=False
    ),
}
