//! The controls of the environment: their statement, the paragraph of law that
//! requires them, and the properties that prove them.
//!
//! Used by `judge`, which produces one line for each. Paragraphs are of 45 CFR
//! 164; docs/SAFEGUARDS.md describes each control.

/// One control.
#[derive(Debug)]
pub struct Control {
    /// Its name, such as `tenancy`.
    pub name: &'static str,
    /// What is true if the control holds.
    pub says: &'static str,
    /// The paragraph of 45 CFR 164.
    pub paragraph: &'static str,
    /// Properties that prove it: a resource type, and paths within its
    /// properties.
    pub(crate) covers: &'static [(&'static str, &'static [&'static str])],
}

/// Every control, starting with the network.
pub const CONTROLS: &[Control] = &[
    Control {
        name: "stack",
        says: "the stack is complete and is the one that this sce builds",
        paragraph: "164.308(a)(8)",
        covers: &[("sce::Stack", &["Status", "Template"])],
    },
    Control {
        name: "addendum",
        says: "the account was designated for health data; by whom and when",
        paragraph: "164.308(b)(1)",
        covers: &[("sce::Addendum", &["Accepted"])],
    },
    Control {
        name: "tenancy",
        says: "no other customer's machines run on the same hardware",
        paragraph: "164.312(a)(1)",
        covers: &[
            ("AWS::EC2::VPC", &["InstanceTenancy"]),
            ("AWS::EC2::LaunchTemplate", &["LaunchTemplateData.Placement.Tenancy"]),
            ("AWS::EC2::Instance", &["Tenancy"]),
        ],
    },
    Control {
        name: "subnets",
        says: "the private subnet assigns no public addresses",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::Subnet", &["CidrBlock", "MapPublicIpOnLaunch"])],
    },
    Control {
        name: "routes",
        says: "each subnet has its own routes and no others",
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
        says: "AWS services are reached within the network",
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
        says: "endpoints let only our own roles reach only our own resources",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::EC2::VPCEndpoint", &["PolicyDocument"])],
    },
    Control {
        name: "groups",
        says: "machines can reach only the peers that they need",
        paragraph: "164.312(e)(1)",
        covers: &[("AWS::EC2::SecurityGroup", &["SecurityGroupIngress", "SecurityGroupEgress"])],
    },
    Control {
        name: "default-group",
        says: "the VPC's default security group has no rules",
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
        says: "the key exists, is enabled and is rotated every year",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::KMS::Key", &["State", "EnableKeyRotation"]),
            ("AWS::KMS::Alias", &["TargetKeyId"]),
        ],
    },
    Control {
        name: "key-policy",
        says: "only the roles that need the key may use it, not administrators",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::KMS::Key", &["KeyPolicy"])],
    },
    Control {
        name: "bucket-policies",
        says: "objects are stored encrypted and move within the network only",
        paragraph: "164.312(a)(1)",
        covers: &[("AWS::S3::BucketPolicy", &["PolicyDocument"])],
    },
    Control {
        name: "bucket-access",
        says: "no bucket or object is public or replicated",
        paragraph: "164.312(a)(1)",
        covers: &[(
            "AWS::S3::Bucket",
            &["PublicAccessBlockConfiguration", "OwnershipControls", "PublicGrants", "Replication"],
        )],
    },
    Control {
        name: "bucket-encryption",
        says: "buckets encrypt, with our key where possible",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[("AWS::S3::Bucket", &["BucketEncryption"])],
    },
    Control {
        name: "bucket-versions",
        says: "stored objects are not lost by overwriting or expiry; records are locked",
        paragraph: "164.312(c)(1)",
        covers: &[(
            "AWS::S3::Bucket",
            &["VersioningConfiguration", "ObjectLockConfiguration", "Expires"],
        )],
    },
    Control {
        name: "bucket-logs",
        says: "requests to buckets are recorded; intake is notified of uploads",
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
        says: "messages are encrypted, sent by TLS, and never dropped silently",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::SQS::Queue", &["KmsMasterKeyId", "MessageRetentionPeriod", "RedrivePolicy"]),
            ("AWS::SQS::QueuePolicy", &["PolicyDocument"]),
        ],
    },
    Control {
        name: "notices",
        says: "notices are encrypted and only our own account may send them",
        paragraph: "164.312(a)(2)(iv)",
        covers: &[
            ("AWS::SNS::Topic", &["KmsMasterKeyId"]),
            ("AWS::SNS::TopicPolicy", &["PolicyDocument"]),
        ],
    },
    Control {
        name: "subscription",
        says: "notices have a recipient who confirmed the subscription",
        paragraph: "164.308(a)(6)(ii)",
        covers: &[("AWS::SNS::Subscription", &["Endpoint", "Protocol", "Confirmed"])],
    },
    Control {
        name: "roles",
        says: "each role has only the permissions that it needs",
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
        says: "workers are private, encrypted, terminated when they end, and use IMDSv2",
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
        says: "bastion and workbench are in their subnets and groups, and use IMDSv2",
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
        says: "configuration changes are recorded",
        paragraph: "164.312(b)",
        covers: &[
            ("AWS::Config::ConfigurationRecorder", &[]),
            ("sce::Recorder", &["Recording", "AllSupported", "Delivery"]),
        ],
    },
    Control {
        name: "warnings",
        says: "costs and dead letters raise warnings (reported by the stack alone)",
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
        says: "volumes are encrypted, buckets are private and IMDSv2 is required by default",
        paragraph: "164.312(a)(1)",
        covers: &[("sce::Account", &["EbsEncryptionByDefault", "HttpTokens", "PublicAccessBlock"])],
    },
];
