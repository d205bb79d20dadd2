"""Broken roles. Used by `mutants.py`: rule, what is broken, how."""

from __future__ import annotations

from edits import add, allow, change_statement, drop, drop_statement, new, put

KEY = {"Fn::GetAtt": ["Key", "Arn"]}
DATA = {"Fn::Sub": "${S3D.Arn}/*"}

ACCESS = [
    *[
        ("roles_are_all_there", f"no {name}", drop(name))
        for name in ("WorkerRole", "BastionFleetPolicy", "UploaderPolicy", "ConfigRole", "TrailRole", "FlowLogPolicy")
    ],
    (
        "roles_have_no_policies_inside",
        "a hidden policy",
        put("WorkerRole/Properties/Policies", [{"PolicyName": "x", "PolicyDocument": {}}]),
    ),
    (
        "roles_have_no_policies_inside",
        "AWS's administrator",
        add("BastionRole/Properties/ManagedPolicyArns", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    (
        "roles_have_no_policies_inside",
        "a policy of its own",
        new("Extra", "AWS::IAM::Policy", PolicyName="x", Roles=[{"Ref": "BastionRole"}]),
    ),
    ("roles_have_no_policies_inside", "a user with a key", new("Person", "AWS::IAM::User")),
    ("policies_allow_nothing_whole", "everything", allow("WorkerPolicy", "*", "*")),
    ("policies_allow_nothing_whole", "all of S3", allow("WorkerPolicy", "s3:*", DATA)),
    ("policies_allow_nothing_whole", "any resource", change_statement("BastionPolicy", "ReadRecords", Resource="*")),
    (
        "policies_allow_nothing_whole",
        "all but one",
        change_statement("WorkbenchPolicy", "ReadLedger", Action=None, NotAction="iam:*"),
    ),
    ("who_becomes_what", "everybody", change_statement("BastionRole", None, Principal="*")),
    (
        "who_becomes_what",
        "another account",
        change_statement("UploaderRole", None, Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    ),
    (
        "who_becomes_what",
        "another service",
        change_statement("WorkerRole", None, Principal={"Service": "lambda.amazonaws.com"}),
    ),
    ("who_becomes_what", "a service for strangers", change_statement("TrailRole", None, Condition=None)),
    (
        "only_the_bastion_becomes_intake",
        "workers become intake",
        change_statement(
            "IntakeRole",
            None,
            Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/hipaa-worker"}},
        ),
    ),
    ("only_the_tagged_become_uploaders", "everybody uploads", change_statement("UploaderRole", None, Condition=None)),
    (
        "flow_log_role_serves_our_flow_logs",
        "any flow log",
        change_statement(
            "FlowLogRole", None, Condition={"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        ),
    ),
    ("worker_ends_itself_only", "any machine", change_statement("WorkerPolicy", "EndItself", Condition=None)),
    (
        "worker_ends_itself_only",
        "another way",
        allow("WorkerPolicy", ["ec2:TerminateInstances"], {"Fn::Sub": "arn:${AWS::Partition}:ec2:*:*:instance/*"}),
    ),
    (
        "worker_reads_and_writes_its_own_places",
        "changes data",
        change_statement("WorkerPolicy", "ReadData", Action=["s3:GetObject", "s3:PutObject"]),
    ),
    (
        "worker_reads_and_writes_its_own_places",
        "writes anywhere",
        change_statement("WorkerPolicy", "WriteResults", Resource={"Fn::Sub": "${S3O.Arn}/*"}),
    ),
    ("nobody_deletes_objects", "workers delete", allow("WorkerPolicy", ["s3:DeleteObject"], DATA)),
    ("nobody_deletes_objects", "B deletes the key", allow("BastionPolicy", "kms:ScheduleKeyDeletion", KEY)),
    ("bastion_never_opens_data", "the deny left out", drop_statement("BastionPolicy", "NeverOpen")),
    (
        "bastion_never_opens_data",
        "results are not denied",
        change_statement("BastionPolicy", "NeverOpen", Resource=[DATA]),
    ),
    (
        "keys_are_used_for_something",
        "W opens anything",
        change_statement("WorkerPolicy", "OpenAndSeal", Condition=None),
    ),
    (
        "keys_are_used_for_something",
        "B opens data keys",
        change_statement(
            "BastionPolicy", "ThroughServices", Condition={"StringEquals": {"kms:EncryptionContext:pit": "hipaa"}}
        ),
    ),
    (
        "keys_are_used_for_something",
        "grants for anybody",
        change_statement("BastionFleetPolicy", "GiveVolumesTheKey", Condition=None),
    ),
    (
        "launches_are_bound",
        "shared hardware",
        change_statement("BastionFleetPolicy", "LaunchDedicated", Condition=None),
    ),
    ("launches_are_bound", "volumes in the clear", drop_statement("BastionFleetPolicy", "LaunchEncrypted")),
    (
        "launches_are_bound",
        "any role",
        change_statement(
            "BastionFleetPolicy",
            "GiveWorkersTheirRole",
            Resource={"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"},
        ),
    ),
    (
        "launches_are_bound",
        "any machine ended",
        change_statement(
            "BastionFleetPolicy", "RemoveWorkers", Condition={"StringEquals": {"aws:ResourceTag/PIT": "hipaa"}}
        ),
    ),
    ("workbench_writes_nothing", "E writes data", allow("WorkbenchPolicy", ["s3:PutObject"], DATA)),
    ("uploader_reads_nothing", "the uploader reads", allow("UploaderPolicy", ["s3:GetObject"], DATA)),
    (
        "names_only_are_registered",
        "intake changes runs",
        change_statement("IntakePolicy", "RegisterNames", Condition=None),
    ),
    (
        "names_only_are_registered",
        "the uploader changes runs",
        change_statement(
            "UploaderPolicy",
            "RegisterNames",
            Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["NAMES", "RUNS"]}},
        ),
    ),
    (
        "profiles_hold_their_roles",
        "B with a worker's role",
        put("BastionProfile/Properties/Roles", [{"Ref": "WorkerRole"}]),
    ),
    ("profiles_hold_their_roles", "no profile", drop("WorkbenchProfile")),
    (
        "launches_are_by_our_template",
        "any template",
        put(
            "BastionFleetPolicy/Properties/PolicyDocument/Statement/3/Resource/3",
            {"Fn::Sub": "arn:${AWS::Partition}:ec2:*:*:launch-template/*"},
        ),
    ),
]
