"""Broken buckets, queues, keys and logs. Used by `mutants.py`: rule, what is broken, how."""

from __future__ import annotations

from edits import add, allow, change_statement, drop, put

ROOT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}

STORAGE = [
    ("buckets_are_all_there", "no S3L", drop("S3L")),
    (
        "buckets_are_encrypted_under_our_key",
        "S3's own key",
        put(
            "S3D/Properties/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault",
            {"SSEAlgorithm": "AES256"},
        ),
    ),
    (
        "buckets_are_encrypted_under_our_key",
        "AWS's KMS key",
        put(
            "S3O/Properties/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/KMSMasterKeyID",
            "alias/aws/s3",
        ),
    ),
    ("buckets_are_encrypted_under_our_key", "access logs unencrypted", drop("AccessLogs/Properties/BucketEncryption")),
    ("buckets_are_versioned", "versioning off", put("S3D/Properties/VersioningConfiguration/Status", "Suspended")),
    ("buckets_are_versioned", "no versioning", drop("S3A/Properties/VersioningConfiguration")),
    (
        "buckets_are_never_public",
        "public policies",
        put("S3O/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", False),
    ),
    ("buckets_are_never_public", "no public block", drop("AccessLogs/Properties/PublicAccessBlockConfiguration")),
    ("buckets_are_never_public", "an ACL", put("S3D/Properties/AccessControl", "PublicRead")),
    (
        "buckets_are_never_public",
        "other accounts own objects",
        put("S3D/Properties/OwnershipControls/Rules/0/ObjectOwnership", "ObjectWriter"),
    ),
    ("access_to_buckets_is_logged", "access to S3O not logged", drop("S3O/Properties/LoggingConfiguration")),
    (
        "buckets_are_encrypted_under_our_key",
        "access logs with an empty list",
        put("AccessLogs/Properties/BucketEncryption/ServerSideEncryptionConfiguration", []),
    ),
    (
        "records_are_locked",
        "no mode",
        drop("S3L/Properties/ObjectLockConfiguration/Rule/DefaultRetention/Mode"),
    ),
    ("records_are_locked", "no lock", drop("S3L/Properties/ObjectLockConfiguration")),
    (
        "records_are_locked",
        "locked a year",
        put("S3L/Properties/ObjectLockConfiguration/Rule/DefaultRetention/Years", 1),
    ),
    ("uploads_are_told", "no events", drop("S3D/Properties/NotificationConfiguration")),
    ("ledger_is_safe", "no ledger", drop("Ledger")),
    ("ledger_is_safe", "AWS's own key", drop("Ledger/Properties/SSESpecification/KMSMasterKeyId")),
    (
        "ledger_is_safe",
        "no restore",
        put("Ledger/Properties/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", False),
    ),
    ("ledger_is_safe", "no protection", drop("Ledger/Properties/DeletionProtectionEnabled")),
    ("queues_are_encrypted_under_our_key", "units unencrypted", drop("Units/Properties/KmsMasterKeyId")),
    ("queues_are_encrypted_under_our_key", "AWS's own key", put("Uploads/Properties/KmsMasterKeyId", "alias/aws/sqs")),
    ("messages_are_not_lost", "no dead letters", drop("Units/Properties/RedrivePolicy")),
    ("messages_are_not_lost", "three receives", put("Units/Properties/RedrivePolicy/maxReceiveCount", 3)),
    ("messages_are_not_lost", "retained for an hour", put("Units/Properties/MessageRetentionPeriod", 3600)),
    ("topic_is_encrypted_under_our_key", "notices unencrypted", drop("Notices/Properties/KmsMasterKeyId")),
    ("somebody_is_told", "no subscription", drop("NoticesByMail")),
    ("somebody_is_told", "notices by HTTP", put("NoticesByMail/Properties/Protocol", "http")),
    ("what_must_outlive_the_environment_is_kept", "data are deleted", drop("S3D/DeletionPolicy")),
    ("what_must_outlive_the_environment_is_kept", "S3D loses its policy", drop("S3DPolicy/DeletionPolicy")),
    ("what_must_outlive_the_environment_is_kept", "the key is deleted", put("Key/DeletionPolicy", "Delete")),
    ("what_must_outlive_the_environment_is_kept", "logs are replaced", drop("S3L/UpdateReplacePolicy")),
    ("what_must_outlive_the_environment_is_kept", "the ledger is deleted", put("Ledger/DeletionPolicy", "Snapshot")),
    ("the_researchers_volume_is_kept", "the workbench's volume is deleted", put("EVolume/DeletionPolicy", "Delete")),
    ("everything_carries_the_tag", "no tag on the key", drop("Key/Properties/Tags/0")),
    ("everything_carries_the_tag", "no tags on S3D", drop("S3D/Properties/Tags")),
]

KEYS = [
    ("key_turns", "no rotation", put("Key/Properties/EnableKeyRotation", False)),
    ("key_turns", "no key", drop("Key")),
    ("key_turns", "deleted in a week", put("Key/Properties/PendingWindowInDays", 7)),
    ("key_has_its_name", "no alias", drop("KeyAlias")),
    ("key_serves_nobody_else", "everyone", change_statement("Key", "ThroughServices", Principal="*")),
    (
        "key_serves_nobody_else",
        "another account",
        change_statement("Key", "RolesThatHandleData", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    ),
    ("key_serves_nobody_else", "administrators use it", change_statement("Key", "Administer", Action="kms:*")),
    (
        "who_manages_the_key_cannot_use_it",
        "administrators decrypt",
        add("Key/Properties/KeyPolicy/Statement/0/Action", "kms:Decrypt"),
    ),
    ("who_manages_the_key_cannot_use_it", "every role", change_statement("Key", "RolesThatHandleData", Condition=None)),
    (
        "named_roles_use_the_key",
        "the bastion uses it",
        add(
            "Key/Properties/KeyPolicy/Statement/1/Condition/ArnEquals/aws:PrincipalArn",
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/hipaa-bastion"},
        ),
    ),
    (
        "services_use_the_key_for_us",
        "through S3",
        add(
            "Key/Properties/KeyPolicy/Statement/2/Condition/StringEquals/kms:ViaService",
            {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"},
        ),
    ),
    (
        "services_use_the_key_for_us",
        "data through S3",
        add(
            "Key/Properties/KeyPolicy/Statement/5/Condition/ArnLike/kms:EncryptionContext:aws:s3:arn",
            {"Fn::Sub": "arn:${AWS::Partition}:s3:::hipaa-${AWS::AccountId}-data"},
        ),
    ),
    (
        "services_use_the_key_for_us",
        "an unreviewed statement",
        allow("Key", "kms:Decrypt", "*", Principal=ROOT, Condition={"Bool": {"aws:SecureTransport": True}}),
    ),
]

WATCHING = [
    ("trail_sees_everything", "no trail", drop("Trail")),
    ("trail_sees_everything", "the trail is off", put("Trail/Properties/IsLogging", False)),
    ("trail_sees_everything", "one region", put("Trail/Properties/IsMultiRegionTrail", False)),
    ("trail_sees_everything", "no validation", drop("Trail/Properties/EnableLogFileValidation")),
    ("trail_sees_everything", "not encrypted", drop("Trail/Properties/KMSKeyId")),
    ("trail_sees_everything", "no global services", put("Trail/Properties/IncludeGlobalServiceEvents", False)),
    ("trail_sees_everything", "no log group", drop("Trail/Properties/CloudWatchLogsLogGroupArn")),
    ("trail_sees_objects", "no data events", drop("Trail/Properties/EventSelectors")),
    ("trail_sees_objects", "writes only", put("Trail/Properties/EventSelectors/0/ReadWriteType", "WriteOnly")),
    ("log_groups_are_kept", "retained for a month", put("FlowLogGroup/Properties/RetentionInDays", 30)),
    ("log_groups_are_kept", "not encrypted", drop("TrailGroup/Properties/KmsKeyId")),
    ("config_records_everything", "no recorder", drop("ConfigRecorder")),
    (
        "config_records_everything",
        "some types only",
        put("ConfigRecorder/Properties/RecordingGroup", {"AllSupported": False, "ResourceTypes": ["AWS::EC2::VPC"]}),
    ),
    ("dead_letters_alarm", "no alarm", drop("DeadLetterAlarm")),
    ("dead_letters_alarm", "no notice", put("DeadLetterAlarm/Properties/AlarmActions", [])),
    ("costs_are_told", "no budget", drop("Budget")),
]
