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
        "AWS's administrator policy",
        add("BastionRole/Properties/ManagedPolicyArns", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    (
        "roles_have_no_policies_inside",
        "a separate policy",
        new("Extra", "AWS::IAM::Policy", PolicyName="x", Roles=[{"Ref": "BastionRole"}]),
    ),
    ("roles_have_no_policies_inside", "a user with a key", new("Person", "AWS::IAM::User")),
    ("policies_allow_nothing_whole", "everything", allow("WorkerPolicy", "*", "*")),
    ("policies_allow_nothing_whole", "all of S3", allow("WorkerPolicy", "s3:*", DATA)),
    ("policies_allow_nothing_whole", "any resource", change_statement("BastionPolicy", "ReadRecords", Resource="*")),
    (
        "policies_allow_nothing_whole",
        "all actions but one",
        change_statement("WorkbenchPolicy", "ReadLedger", Action=None, NotAction="iam:*"),
    ),
    ("who_becomes_what", "everyone", change_statement("BastionRole", None, Principal="*")),
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
    ("who_becomes_what", "a service for other accounts", change_statement("TrailRole", None, Condition=None)),
    (
        "only_the_bastion_becomes_intake",
        "workers become intake",
        change_statement(
            "IntakeRole",
            None,
            Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/hipaa-worker"}},
        ),
    ),
    ("only_the_tagged_become_uploaders", "everyone uploads", change_statement("UploaderRole", None, Condition=None)),
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
        "another statement",
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
    ("nobody_deletes_objects", "the bastion deletes the key", allow("BastionPolicy", "kms:ScheduleKeyDeletion", KEY)),
    ("bastion_never_opens_data", "no deny", drop_statement("BastionPolicy", "NeverOpen")),
    (
        "bastion_never_opens_data",
        "results are not denied",
        change_statement("BastionPolicy", "NeverOpen", Resource=[DATA]),
    ),
    (
        "keys_are_used_for_something",
        "workers open anything",
        change_statement("WorkerPolicy", "OpenAndSeal", Condition=None),
    ),
    (
        "keys_are_used_for_something",
        "the bastion opens data keys",
        change_statement(
            "BastionPolicy", "ThroughServices", Condition={"StringEquals": {"kms:EncryptionContext:pit": "hipaa"}}
        ),
    ),
    (
        "keys_are_used_for_something",
        "grants for anyone",
        change_statement("BastionFleetPolicy", "GiveVolumesTheKey", Condition=None),
    ),
    (
        "launches_are_bound",
        "shared hardware",
        change_statement("BastionFleetPolicy", "LaunchDedicated", Condition=None),
    ),
    ("launches_are_bound", "unencrypted volumes", drop_statement("BastionFleetPolicy", "LaunchEncrypted")),
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
        "any machine terminated",
        change_statement(
            "BastionFleetPolicy", "RemoveWorkers", Condition={"StringEquals": {"aws:ResourceTag/PIT": "hipaa"}}
        ),
    ),
    ("workbench_writes_nothing", "the workbench writes data", allow("WorkbenchPolicy", ["s3:PutObject"], DATA)),
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
        "the bastion with a worker's role",
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
