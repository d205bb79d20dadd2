"""Broken policies of buckets, queues and topics. Used by `mutants.py`: rule, what is broken, how."""

from __future__ import annotations

from edits import allow, change_statement, drop, drop_statement, put

BUCKETS = (("S3D", "data"), ("S3O", "output"), ("S3L", "logs"), ("S3A", "ancillary"))

POLICIES = [
    *[
        (f"{name}_bucket_speaks_tls_only", "no TLS rule", drop_statement(f"{bucket}Policy", "TlsOnly"))
        for bucket, name in BUCKETS
    ],
    *[
        (f"{name}_bucket_takes_our_key_only", "other keys", drop_statement(f"{bucket}Policy", "OurKeyOnly"))
        for bucket, name in BUCKETS
    ],
    *[
        (f"{name}_bucket_takes_encrypted_only", "unencrypted", drop_statement(f"{bucket}Policy", "EncryptedOnly"))
        for bucket, name in BUCKETS
    ],
    ("data_bucket_speaks_tls_only", "no policy at all", drop("S3DPolicy")),
    (
        "data_bucket_speaks_tls_only",
        "allowed instead of denied",
        change_statement("S3DPolicy", "TlsOnly", Effect="Allow"),
    ),
    (
        "data_bucket_takes_our_key_only",
        "one role only",
        change_statement("S3DPolicy", "OurKeyOnly", Principal={"AWS": "arn:aws:iam::1:role/x"}),
    ),
    ("data_are_read_inside_only", "read from anywhere", drop_statement("S3DPolicy", "ReadInsideOnly")),
    (
        "data_are_read_inside_only",
        "one more condition",
        change_statement(
            "S3DPolicy",
            "ReadInsideOnly",
            Condition={"StringNotEquals": {"aws:SourceVpce": {"Ref": "S3EP"}, "aws:PrincipalAccount": "1"}},
        ),
    ),
    (
        "data_are_written_inside_or_by_the_uploader",
        "written from anywhere",
        drop_statement("S3DPolicy", "WriteInsideOnly"),
    ),
    (
        "data_are_written_inside_or_by_the_uploader",
        "the bastion writes from outside",
        change_statement(
            "S3DPolicy",
            "WriteInsideOnly",
            Condition={
                "StringNotEquals": {"aws:SourceVpce": {"Ref": "S3EP"}},
                "ArnNotEquals": {
                    "aws:PrincipalArn": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/hipaa-bastion"}
                },
            },
        ),
    ),
    ("results_move_inside_only", "results from anywhere", drop_statement("S3OPolicy", "InsideOnly")),
    ("records_move_inside_only", "records from anywhere", drop_statement("S3LPolicy", "InsideOnly")),
    ("keys_are_read_inside_only", "keys from anywhere", drop_statement("S3APolicy", "InsideOnly")),
    ("access_logs_bucket_speaks_tls_only", "no TLS rule", drop_statement("AccessLogsPolicy", "TlsOnly")),
    ("units_queue_speaks_tls_only", "no policy", drop("UnitsPolicy")),
    ("dead_letters_queue_speaks_tls_only", "no TLS rule", drop_statement("UnitsDeadPolicy", "TlsOnly")),
    ("uploads_queue_speaks_tls_only", "no TLS rule", drop_statement("UploadsPolicy", "TlsOnly")),
    ("topic_speaks_tls_only", "no TLS rule", drop_statement("NoticesPolicy", "TlsOnly")),
    ("resource_policies_let_no_stranger_in", "everyone reads", allow("S3DPolicy", "s3:GetObject", "*", Principal="*")),
    (
        "resource_policies_let_no_stranger_in",
        "another account reads",
        allow("S3OPolicy", "s3:GetObject", "*", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    ),
    (
        "resource_policies_let_no_stranger_in",
        "a service for other accounts",
        change_statement("AccessLogsPolicy", "BucketsLog", Condition=None),
    ),
    (
        "uploads_come_from_our_bucket",
        "any bucket notifies",
        change_statement(
            "UploadsPolicy", "S3dTells", Condition={"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        ),
    ),
    (
        "trail_writes_for_itself_only",
        "any trail writes",
        change_statement(
            "S3LPolicy", "TrailWrites", Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
        ),
    ),
    ("records_lock_has_no_way_round", "the lock is bypassed", drop_statement("S3LPolicy", "LockHolds")),
    (
        "topic_speaks_tls_only",
        "subscriptions without TLS",
        change_statement("NoticesPolicy", "TlsOnly", Action="sns:Publish"),
    ),
    ("policies_are_where_they_belong", "S3D's policy on S3A", put("S3DPolicy/Properties/Bucket", {"Ref": "S3A"})),
    ("policies_are_where_they_belong", "no queue", put("UnitsPolicy/Properties/Queues", [{"Ref": "UnitsDead"}])),
]
