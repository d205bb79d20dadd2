//! The controls of the environment: what each says, where the law asks for it,
//! and which properties of which resources show that it holds.
//!
//! Used by `judge`, which makes one line of each. Paragraphs are those of
//! 45 CFR 164; docs/SAFEGUARDS.md tells more of each.

/// One control.
#[derive(Debug)]
pub struct Control {
    /// Its name, as `tenancy`.
    pub name: &'static str,
    /// What holds where it holds.
    pub says: &'static str,
    /// The paragraph of 45 CFR 164.
    pub paragraph: &'static str,
    /// Properties that show it: a type, and paths within its properties.
    pub(crate) covers: &'static [(&'static str, &'static [&'static str])],
}

/// Every control, from the network outwards.
pub const CONTROLS: &[Control] = &[
    Control {
        name: "stack",
        says: "what was deployed is what this sce builds, whole",
        paragraph: "164.308(a)(8)",
        covers: &[("sce::Stack", &["Status", "Template"])],
    },
    Control {
        name: "addendum",
        says: "the account was designated for health data, by whom and when",
        paragraph: "164.308(b)(1)",
        covers: &[("sce::Addendum", &["Accepted"])],
    },
    Control {
        name: "tenancy",
        says: "nobody else's machines on the hardware",
        paragraph: "164.312(a)(1)",
        covers: &[
            ("AWS::EC2::VPC", &["InstanceTenancy"]),
            ("AWS::EC2::LaunchTemplate", &["LaunchTemplateData.Placement.Tenancy"]),
            ("AWS::EC2::Instance", &["Tenancy"]),
        ],
    },
    Control {
        name: "subnets",
        says: "the private subnet gives no public addresses",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::Subnet", &["CidrBlock", "MapPublicIpOnLaunch"])],
    },
    Control {
        name: "routes",
        says: "each subnet has its own ways out and no others",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::RouteTable", &["Routes", "Subnets"])],
    },
    Control {
        name: "nat",
        says: "the NAT gateway works",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::NatGateway", &["State", "SubnetId"])],
    },
    Control {
        name: "endpoints",
        says: "AWS is reached within the network",
        paragraph: "164.312(e)(1)",
        covers: &[
            ("AWS::EC2::VPC", &["EnableDnsSupport", "EnableDnsHostnames"]),
            (
                "AWS::EC2::VPCEndpoint",
                &[
                    "State",
                    "ServiceName",
                    "RouteTableIds",
                    "SubnetIds",
                    "SecurityGroupIds",
                    "PrivateDnsEnabled",
                ],
            ),
        ],
    },
    Control {
        name: "endpoint-policies",
        says: "endpoints let our own people reach our own resources only",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::EC2::VPCEndpoint", &["PolicyDocument"])],
    },
    Control {
        name: "groups",
        says: "machines talk to whom they must and to nobody else",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::SecurityGroup", &["SecurityGroupIngress", "SecurityGroupEgress"])],
    },
    Control {
        name: "default-group",
        says: "the network's default group lets nothing through",
        paragraph: "164.312(e)(1)",
        covers: &[("sce::DefaultGroup", &["SecurityGroupIngress", "SecurityGroupEgress"])],
    },
    Control {
        name: "flow-log",
        says: "all traffic is recorded",
        paragraph: "164.312(b)",
        covers: &[("AWS::EC2::FlowLog", &["State", "Delivery", "TrafficType", "LogGroupName"])],
    },
    Control {
        name: "key",
        says: "the key is there, in use and renewed every year",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::KMS::Key", &["State", "EnableKeyRotation"]),
            ("AWS::KMS::Alias", &["TargetKeyId"]),
        ],
    },
    Control {
        name: "key-policy",
        says: "the key is used by those who must, not by administrators",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::KMS::Key", &["KeyPolicy"])],
    },
    Control {
        name: "bucket-policies",
        says: "objects are put encrypted and move within the network only",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::S3::BucketPolicy", &["PolicyDocument"])],
    },
    Control {
        name: "bucket-access",
        says: "no bucket or object is public, or copied elsewhere",
        paragraph: "164.312(a)(1)",
        covers: &[(
            "AWS::S3::Bucket",
            &["PublicAccessBlockConfiguration", "OwnershipControls", "PublicGrants", "Replication"],
        )],
    },
    Control {
        name: "bucket-encryption",
        says: "buckets encrypt, under our key where they can",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[("AWS::S3::Bucket", &["BucketEncryption"])],
    },
    Control {
        name: "bucket-versions",
        says: "nothing stored is lost by overwriting or in time; records are locked",
        paragraph: "164.312(c)(1)",
        covers: &[(
            "AWS::S3::Bucket",
            &["VersioningConfiguration", "ObjectLockConfiguration", "Expires"],
        )],
    },
    Control {
        name: "bucket-logs",
        says: "requests to buckets are recorded; uploads are told to intake",
        paragraph: "164.312(b)",
        covers: &[("AWS::S3::Bucket", &["LoggingConfiguration", "NotificationConfiguration"])],
    },
    Control {
        name: "ledger",
        says: "the ledger is encrypted, backed up and protected from deletion",
        paragraph: "164.312(c)(1)",
        covers: &[(
            "AWS::DynamoDB::Table",
            &["SSESpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled"],
        )],
    },
    Control {
        name: "queues",
        says: "messages are encrypted, sent by TLS, and never given up silently",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::SQS::Queue", &["KmsMasterKeyId", "MessageRetentionPeriod", "RedrivePolicy"]),
            ("AWS::SQS::QueuePolicy", &["PolicyDocument"]),
        ],
    },
    Control {
        name: "notices",
        says: "notices are encrypted and may be sent by our own account only",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::SNS::Topic", &["KmsMasterKeyId"]),
            ("AWS::SNS::TopicPolicy", &["PolicyDocument"]),
        ],
    },
    Control {
        name: "subscription",
        says: "somebody is told: the mail was confirmed",
        paragraph: "164.308(a)(6)(ii)",
        covers: &[("AWS::SNS::Subscription", &["Endpoint", "Protocol", "Confirmed"])],
    },
    Control {
        name: "roles",
        says: "each role may do what it must and no more",
        paragraph: "164.312(a)(1)",
        covers: &[
            (
                "AWS::IAM::Role",
                &["AssumeRolePolicyDocument", "ManagedPolicyArns", "InlinePolicies"],
            ),
            ("AWS::IAM::ManagedPolicy", &["PolicyDocument"]),
            ("AWS::IAM::InstanceProfile", &["Roles"]),
        ],
    },
    Control {
        name: "workers",
        says: "workers are private, encrypted, gone when they end, and by IMDSv2",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[(
            "AWS::EC2::LaunchTemplate",
            &[
                "Extra",
                "LaunchTemplateData.BlockDeviceMappings",
                "LaunchTemplateData.ImageId",
                "LaunchTemplateData.IamInstanceProfile",
                "LaunchTemplateData.InstanceInitiatedShutdownBehavior",
                "LaunchTemplateData.MetadataOptions",
                "LaunchTemplateData.NetworkInterfaces",
            ],
        )],
    },
    Control {
        name: "machines",
        says: "bastion and workbench are where they belong, and by IMDSv2",
        paragraph: "164.312(a)(1)",
        covers: &[(
            "AWS::EC2::Instance",
            &["IamInstanceProfile", "MetadataOptions", "SecurityGroupIds", "SubnetId"],
        )],
    },
    Control {
        name: "volumes",
        says: "every volume of the project is encrypted",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::EC2::Volume", &["Encrypted", "KmsKeyId"]),
            ("sce::Volumes", &["Unencrypted"]),
        ],
    },
    Control {
        name: "trail",
        says: "every call to AWS and every access to an object is recorded",
        paragraph: "164.312(b)",
        covers: &[(
            "AWS::CloudTrail::Trail",
            &[
                "IsLogging",
                "IsMultiRegionTrail",
                "IncludeGlobalServiceEvents",
                "EnableLogFileValidation",
                "S3BucketName",
                "KMSKeyId",
                "EventSelectors",
                "Excluded",
                "CloudWatchLogsLogGroupArn",
                "Delivery",
            ],
        )],
    },
    Control {
        name: "config",
        says: "what changes is recorded",
        paragraph: "164.312(b)",
        covers: &[
            ("AWS::Config::ConfigurationRecorder", &[]),
            ("sce::Recorder", &["Recording", "AllSupported", "Delivery"]),
        ],
    },
    Control {
        name: "warnings",
        says: "costs and dead letters are warned of (by the stack's word)",
        paragraph: "164.308(a)(6)(ii)",
        covers: &[("AWS::Budgets::Budget", &[]), ("AWS::CloudWatch::Alarm", &[])],
    },
    Control {
        name: "log-groups",
        says: "logs are encrypted and kept for ten years",
        paragraph: "164.316(b)(2)(i)",
        covers: &[("AWS::Logs::LogGroup", &["KmsKeyId", "RetentionInDays"])],
    },
    Control {
        name: "account",
        says: "volumes are encrypted, buckets closed and IMDSv2 asked for by default",
        paragraph: "164.312(a)(1)",
        covers: &[("sce::Account", &["EbsEncryptionByDefault", "HttpTokens", "PublicAccessBlock"])],
    },
];
