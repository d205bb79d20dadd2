"""Broken networks and machines. Used by `mutants.py`: rule, what is broken, how."""

from __future__ import annotations

from edits import add, change_statement, drop, new, put

WORLD = "0.0.0.0/0"
OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": WORLD}
DATA = "WorkerTemplate/Properties/LaunchTemplateData"

NETWORK = [
    ("vpc_is_dedicated", "shared hardware", put("V/Properties/InstanceTenancy", "default")),
    ("vpc_is_dedicated", "no tenancy", drop("V/Properties/InstanceTenancy")),
    ("vpc_has_names_for_endpoints", "no names", put("V/Properties/EnableDnsHostnames", False)),
    (
        "vpc_has_no_ipv6",
        "an IPv6 range",
        new("Six", "AWS::EC2::VPCCidrBlock", VpcId={"Ref": "V"}, AmazonProvidedIpv6CidrBlock=True),
    ),
    ("flow_log_is_whole", "no flow log", drop("FlowLog")),
    ("flow_log_is_whole", "accepted traffic only", put("FlowLog/Properties/TrafficType", "ACCEPT")),
    ("flow_log_is_whole", "one subnet only", put("FlowLog/Properties/ResourceType", "Subnet")),
    (
        "private_subnet_gives_no_public_address",
        "public addresses",
        put("Sprivate/Properties/MapPublicIpOnLaunch", True),
    ),
    (
        "subnets_are_only_two",
        "a third subnet",
        new("Third", "AWS::EC2::Subnet", VpcId={"Ref": "V"}, CidrBlock="10.0.2.0/24"),
    ),
    (
        "private_routes_are_private",
        "RT routes to IG",
        put(
            "RTOut/Properties",
            {"RouteTableId": {"Ref": "RT"}, "DestinationCidrBlock": WORLD, "GatewayId": {"Ref": "IG"}},
        ),
    ),
    (
        "private_routes_are_private",
        "Sprivate uses RTpublic",
        put("RTHere/Properties/RouteTableId", {"Ref": "RTpublic"}),
    ),
    (
        "private_routes_are_private",
        "a second route out",
        new(
            "Second",
            "AWS::EC2::Route",
            RouteTableId={"Ref": "RT"},
            DestinationCidrBlock="128.0.0.0/1",
            GatewayId={"Ref": "IG"},
        ),
    ),
    ("nat_gateway_has_its_route", "no NAT route", drop("RTOut")),
    ("nat_gateway_has_its_route", "NG in Sprivate", put("NG/Properties/SubnetId", {"Ref": "Sprivate"})),
    ("no_peering", "peered", new("Peer", "AWS::EC2::VPCPeeringConnection", VpcId={"Ref": "V"}, PeerVpcId="vpc-1")),
    ("gateway_endpoints_serve_both_tables", "no S3 endpoint", drop("S3EP")),
    (
        "gateway_endpoints_serve_both_tables",
        "the bastion bypasses the endpoint",
        put("S3EP/Properties/RouteTableIds", [{"Ref": "RT"}]),
    ),
    ("gateway_endpoints_serve_both_tables", "no DynamoDB endpoint", drop("DynamoDbEP")),
    ("interface_endpoints_are_there", "no KMS endpoint", drop("KmsEP")),
    ("interface_endpoints_are_there", "no private names", put("SqsEP/Properties/PrivateDnsEnabled", False)),
    (
        "interface_endpoints_are_there",
        "another group",
        put("SnsEP/Properties/SecurityGroupIds", [{"Ref": "BastionGroup"}]),
    ),
    ("endpoints_serve_our_account_only", "endpoint without policy", drop("KmsEP/Properties/PolicyDocument")),
    (
        "endpoints_serve_our_account_only",
        "policy without condition",
        change_statement("StsEP", "OwnRoles", Condition=None),
    ),
    ("s3_endpoint_reaches_our_buckets_only", "any bucket", change_statement("S3EP", "OwnBuckets", Resource="*")),
    (
        "s3_endpoint_reaches_our_buckets_only",
        "other accounts' buckets written",
        change_statement("S3EP", "Packages", Action="s3:*"),
    ),
    ("dynamodb_endpoint_reaches_our_table_only", "any table", change_statement("DynamoDbEP", "OwnTable", Resource="*")),
    (
        "nobody_comes_in_from_everywhere",
        "SSH from everywhere",
        put("BastionGroup/Properties/SecurityGroupIngress/0/CidrIp", WORLD),
    ),
    (
        "nobody_comes_in_from_everywhere",
        "SSH from half of all addresses",
        put("BastionGroup/Properties/SecurityGroupIngress/0/CidrIp", "128.0.0.0/1"),
    ),
    (
        "nobody_comes_in_from_everywhere",
        "SSH from IPv6",
        add(
            "BastionGroup/Properties/SecurityGroupIngress",
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv6": "::/0"},
        ),
    ),
    (
        "nobody_comes_in_from_everywhere",
        "a separate rule",
        new("Hole", "AWS::EC2::SecurityGroupIngress", GroupId={"Ref": "WorkerGroup"}, **OPEN),
    ),
    (
        "nobody_comes_in_from_everywhere",
        "every protocol",
        put("WorkbenchGroup/Properties/SecurityGroupIngress/0/IpProtocol", "-1"),
    ),
    (
        "bastion_is_reached_by_ssh_only",
        "HTTPS to the bastion",
        add(
            "BastionGroup/Properties/SecurityGroupIngress",
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "192.0.2.0/24"},
        ),
    ),
    (
        "workbench_is_reached_from_bastion_only",
        "the workbench from the whole VPC",
        put(
            "WorkbenchGroup/Properties/SecurityGroupIngress",
            [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/16"}],
        ),
    ),
    (
        "workers_let_nobody_in",
        "SSH to workers",
        put(
            "WorkerGroup/Properties/SecurityGroupIngress",
            [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/24"}],
        ),
    ),
    (
        "endpoints_are_reached_from_v_only",
        "endpoints from elsewhere",
        put("EndpointGroup/Properties/SecurityGroupIngress/0/CidrIp", "10.0.0.0/8"),
    ),
    (
        "ways_out_are_counted",
        "workers to the internet",
        add(
            "WorkerGroup/Properties/SecurityGroupEgress",
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": WORLD},
        ),
    ),
    (
        "ways_out_are_counted",
        "the bastion to everything",
        add("BastionGroup/Properties/SecurityGroupEgress", {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}),
    ),
    ("ways_out_are_counted", "SSH from B", put("BastionGroup/Properties/SecurityGroupEgress/1/CidrIp", "0.0.0.0/0")),
    ("ways_out_are_counted", "any protocol", put("WorkerGroup/Properties/SecurityGroupEgress/0/IpProtocol", "-1")),
    ("each_subnet_has_its_table", "no RT", drop("RT")),
    ("each_subnet_has_its_table", "RT is not used", drop("RTHere")),
    ("each_subnet_has_its_table", "RTpublic is not used", drop("RTpublicHere")),
    ("ways_out_are_counted", "workers without rules", drop("WorkerGroup/Properties/SecurityGroupEgress")),
    (
        "ways_out_are_counted",
        "a separate outbound rule",
        new(
            "Out",
            "AWS::EC2::SecurityGroupEgress",
            GroupId={"Ref": "WorkerGroup"},
            IpProtocol="tcp",
            FromPort=443,
            ToPort=443,
            CidrIp=WORLD,
        ),
    ),
    ("ways_out_are_counted", "SSH from E", put("WorkbenchGroup/Properties/SecurityGroupEgress/0/FromPort", 22)),
    (
        "s3_endpoint_reaches_our_buckets_only",
        "another account's bucket with our prefix",
        change_statement(
            "S3EP", "OwnBuckets", Condition={"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}
        ),
    ),
    ("sts_endpoint_reaches_our_roles_only", "any role", change_statement("StsEP", "OwnRoles", Resource="*")),
]

MACHINES = [
    ("workers_are_dedicated", "no launch template", drop("WorkerTemplate")),
    ("workers_are_dedicated", "shared hardware", put(f"{DATA}/Placement/Tenancy", "default")),
    ("workers_are_dedicated", "the t family", put(f"{DATA}/InstanceType", "t3.large")),
    ("workers_are_dedicated", "spot", put(f"{DATA}/InstanceMarketOptions", {"MarketType": "spot"})),
    ("workers_vanish", "stopped workers stay", put(f"{DATA}/InstanceInitiatedShutdownBehavior", "stop")),
    ("workers_vanish", "/hipaa stays", put(f"{DATA}/BlockDeviceMappings/1/Ebs/DeleteOnTermination", False)),
    ("workers_guard_their_identity", "IMDSv1", put(f"{DATA}/MetadataOptions/HttpTokens", "optional")),
    ("workers_guard_their_identity", "no metadata options", drop(f"{DATA}/MetadataOptions")),
    ("workers_guard_their_identity", "two hops", put(f"{DATA}/MetadataOptions/HttpPutResponseHopLimit", 2)),
    ("workers_guard_their_identity", "logins", put(f"{DATA}/KeyName", "key")),
    (
        "workers_guard_their_identity",
        "the bastion's role",
        put(f"{DATA}/IamInstanceProfile", {"Arn": {"Fn::GetAtt": ["BastionProfile", "Arn"]}}),
    ),
    ("workers_are_private", "public address", put(f"{DATA}/NetworkInterfaces/0/AssociatePublicIpAddress", True)),
    ("workers_are_private", "in Spublic", put(f"{DATA}/NetworkInterfaces/0/SubnetId", {"Ref": "Spublic"})),
    ("workers_volumes_are_encrypted", "/hipaa unencrypted", put(f"{DATA}/BlockDeviceMappings/1/Ebs/Encrypted", False)),
    ("workers_volumes_are_encrypted", "the system unencrypted", drop(f"{DATA}/BlockDeviceMappings/0/Ebs/Encrypted")),
    ("workers_volumes_are_encrypted", "AWS's own key", drop(f"{DATA}/BlockDeviceMappings/1/Ebs/KmsKeyId")),
    ("workers_volumes_are_encrypted", "no /hipaa", drop(f"{DATA}/BlockDeviceMappings/1")),
    ("people_have_dedicated_machines", "the bastion on shared hardware", put("B/Properties/Tenancy", "default")),
    ("people_have_dedicated_machines", "E with IMDSv1", put("E/Properties/MetadataOptions/HttpTokens", "optional")),
    ("people_have_dedicated_machines", "the bastion of the t family", put("B/Properties/InstanceType", "t3.micro")),
    (
        "machines_volumes_are_encrypted",
        "the bastion's volume stays",
        put("B/Properties/BlockDeviceMappings/0/Ebs/DeleteOnTermination", False),
    ),
    (
        "machines_volumes_are_encrypted",
        "the bastion unencrypted",
        put("B/Properties/BlockDeviceMappings/0/Ebs/Encrypted", False),
    ),
    (
        "bastion_stands_outside_alone",
        "the bastion with the workbench's role",
        put("B/Properties/IamInstanceProfile", {"Ref": "WorkbenchProfile"}),
    ),
    ("workbench_is_private", "the workbench in Spublic", put("E/Properties/SubnetId", {"Ref": "Spublic"})),
    ("volumes_are_encrypted", "the workbench's /hipaa unencrypted", put("EVolume/Properties/Encrypted", False)),
    (
        "profiles_hold_their_roles",
        "workers with the bastion's role",
        put("WorkerProfile/Properties/Roles", [{"Ref": "BastionRole"}]),
    ),
]
