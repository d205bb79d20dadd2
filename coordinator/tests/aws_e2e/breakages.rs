//! An environment broken by hand in many ways: `sce env verify` reports each
//! breakage with its own control and no other.

use std::collections::BTreeSet;

use crate::environment::{assert_all_hold, built, controls, verify};

/// The control that a breakage breaks, how to break it, and how to repair it.
const BREAKAGES: &[(&str, &str, &str)] = &[
    (
        "routes",
        "ec2.delete_route(RouteTableId=id('RT'), DestinationCidrBlock='0.0.0.0/0')",
        "ec2.create_route(RouteTableId=id('RT'), DestinationCidrBlock='0.0.0.0/0', NatGatewayId=id('NG'))",
    ),
    (
        "routes",
        "ec2.create_route(RouteTableId=id('RT'), DestinationCidrBlock='198.51.100.0/24', GatewayId=id('IG'))",
        "ec2.delete_route(RouteTableId=id('RT'), DestinationCidrBlock='198.51.100.0/24')",
    ),
    (
        "groups",
        "ec2.authorize_security_group_ingress(GroupId=id('BastionGroup'), IpPermissions=[world])",
        "ec2.revoke_security_group_ingress(GroupId=id('BastionGroup'), IpPermissions=[world])",
    ),
    (
        "default-group",
        "ec2.authorize_security_group_ingress(GroupId=default(), IpPermissions=[world])",
        "ec2.revoke_security_group_ingress(GroupId=default(), IpPermissions=[world])",
    ),
    (
        "bucket-policies",
        "keep('policy', s3.get_bucket_policy(Bucket=id('S3D'))['Policy']); s3.delete_bucket_policy(Bucket=id('S3D'))",
        "s3.put_bucket_policy(Bucket=id('S3D'), Policy=kept('policy'))",
    ),
    (
        "bucket-access",
        "s3.delete_public_access_block(Bucket=id('S3O')); s3.delete_bucket_ownership_controls(Bucket=id('S3O')); \
         s3.put_bucket_acl(Bucket=id('S3O'), ACL='public-read')",
        "s3.put_bucket_acl(Bucket=id('S3O'), ACL='private'); s3.put_bucket_ownership_controls(Bucket=id('S3O'), \
         OwnershipControls={'Rules': [{'ObjectOwnership': 'BucketOwnerEnforced'}]}); \
         s3.put_public_access_block(Bucket=id('S3O'), PublicAccessBlockConfiguration=closed)",
    ),
    (
        "bucket-access",
        "s3.delete_public_access_block(Bucket=id('S3D'))",
        "s3.put_public_access_block(Bucket=id('S3D'), PublicAccessBlockConfiguration=closed)",
    ),
    (
        "bucket-versions",
        "s3.put_bucket_versioning(Bucket=id('S3D'), VersioningConfiguration={'Status': 'Suspended'})",
        "s3.put_bucket_versioning(Bucket=id('S3D'), VersioningConfiguration={'Status': 'Enabled'})",
    ),
    (
        "trail",
        "client('cloudtrail').stop_logging(Name=id('Trail'))",
        "client('cloudtrail').start_logging(Name=id('Trail'))",
    ),
    (
        "roles",
        "iam.put_role_policy(RoleName=id('BastionRole'), PolicyName='more', PolicyDocument=json.dumps(\
         {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))",
        "iam.delete_role_policy(RoleName=id('BastionRole'), PolicyName='more')",
    ),
    (
        "endpoint-policies",
        "keep('endpoint', endpoint('S3EP')['PolicyDocument']); ec2.modify_vpc_endpoint(VpcEndpointId=id('S3EP'), \
         ResetPolicy=False, PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', \
         'Principal': '*', 'Action': '*', 'Resource': '*'}]}))",
        "ec2.modify_vpc_endpoint(VpcEndpointId=id('S3EP'), PolicyDocument=kept('endpoint'))",
    ),
    (
        "endpoints",
        "ec2.modify_vpc_endpoint(VpcEndpointId=id('DynamoDbEP'), RemoveRouteTableIds=[id('RT')])",
        "ec2.modify_vpc_endpoint(VpcEndpointId=id('DynamoDbEP'), AddRouteTableIds=[id('RT')])",
    ),
    (
        "key",
        "client('kms').disable_key_rotation(KeyId=id('Key'))",
        "client('kms').enable_key_rotation(KeyId=id('Key'))",
    ),
    (
        "ledger",
        "client('dynamodb').update_continuous_backups(TableName=id('Ledger'), \
         PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': False})",
        "client('dynamodb').update_continuous_backups(TableName=id('Ledger'), \
         PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': True})",
    ),
    (
        "queues",
        "keep('queue', sqs.get_queue_attributes(QueueUrl=id('Units'), AttributeNames=['Policy'])['Attributes']['Policy']); \
         sqs.set_queue_attributes(QueueUrl=id('Units'), Attributes={'Policy': ''})",
        "sqs.set_queue_attributes(QueueUrl=id('Units'), Attributes={'Policy': kept('queue')})",
    ),
    (
        "log-groups",
        "client('logs').put_retention_policy(logGroupName=id('FlowLogGroup'), retentionInDays=30)",
        "client('logs').put_retention_policy(logGroupName=id('FlowLogGroup'), retentionInDays=3653)",
    ),
    (
        "volumes",
        "keep('volume', ec2.create_volume(AvailabilityZone='us-east-1a', Size=1, TagSpecifications=[{'ResourceType': \
         'volume', 'Tags': [{'Key': 'PIT', 'Value': 'hipaa'}]}])['VolumeId'])",
        "ec2.delete_volume(VolumeId=kept('volume'))",
    ),
    (
        "bucket-encryption",
        "encrypt({'SSEAlgorithm': 'aws:kms'})",
        "encrypt({'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key()})",
    ),
    (
        "bucket-versions",
        "s3.put_object_lock_configuration(Bucket=id('S3L'), ObjectLockConfiguration={'ObjectLockEnabled': 'Enabled'})",
        "s3.put_object_lock_configuration(Bucket=id('S3L'), ObjectLockConfiguration={'ObjectLockEnabled': 'Enabled', \
         'Rule': {'DefaultRetention': {'Mode': 'GOVERNANCE', 'Years': 6}}})",
    ),
    (
        "bucket-versions",
        "s3.put_bucket_lifecycle_configuration(Bucket=id('S3D'), LifecycleConfiguration={'Rules': [\
         {'ID': 'soon', 'Status': 'Enabled', 'Filter': {'Prefix': ''}, 'Expiration': {'Days': 1}}]})",
        "s3.delete_bucket_lifecycle(Bucket=id('S3D'))",
    ),
    (
        "key-policy",
        "keep('key', kms.get_key_policy(KeyId=id('Key'), PolicyName='default')['Policy']); kms.put_key_policy(\
         KeyId=id('Key'), PolicyName='default', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [\
         {'Effect': 'Allow', 'Principal': '*', 'Action': 'kms:*', 'Resource': '*'}]}))",
        "kms.put_key_policy(KeyId=id('Key'), PolicyName='default', Policy=kept('key'))",
    ),
    ("notices", "topic('')", "topic(key())"),
    // Breakages that cannot be repaired by hand come last.
    ("flow-log", "ec2.delete_flow_logs(FlowLogIds=[id('FlowLog')])", ""),
    // This emulator loses the tenancy in a version created from another.
    ("tenancy workers", "version('optional')", ""),
    ("nat", "ec2.delete_nat_gateway(NatGatewayId=id('NG'))", ""),
];

/// Definitions for the snippets above; `keep` writes a file.
const SNIPPETS: &str = "\
import pathlib\n\
ec2, s3, iam, sqs = client('ec2'), client('s3'), client('iam'), client('sqs')\n\
world = {'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 22, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}\n\
closed = dict.fromkeys(('BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'), True)\n\
stack = client('cloudformation').describe_stack_resources(StackName='hipaa')['StackResources']\n\
def id(name): return next(r['PhysicalResourceId'] for r in stack if r['LogicalResourceId'] == name)\n\
def endpoint(name): return ec2.describe_vpc_endpoints(VpcEndpointIds=[id(name)])['VpcEndpoints'][0]\n\
def default(): return ec2.describe_security_groups(Filters=[{'Name': 'vpc-id', 'Values': [id('V')]}, \
{'Name': 'group-name', 'Values': ['default']}])['SecurityGroups'][0]['GroupId']\n\
def version(tokens): ec2.create_launch_template_version(LaunchTemplateId=id('WorkerTemplate'), SourceVersion='$Latest', \
LaunchTemplateData={'MetadataOptions': {'HttpTokens': tokens, 'HttpEndpoint': 'enabled', 'HttpPutResponseHopLimit': 1}})\n\
kms = client('kms')\n\
def key(): return kms.describe_key(KeyId=id('Key'))['KeyMetadata']['Arn']\n\
def encrypt(by): s3.put_bucket_encryption(Bucket=id('S3O'), ServerSideEncryptionConfiguration={'Rules': [\
{'ApplyServerSideEncryptionByDefault': by, 'BucketKeyEnabled': True}]})\n\
def topic(key): client('sns').set_topic_attributes(TopicArn=id('Notices'), AttributeName='KmsMasterKeyId', AttributeValue=key)\n\
def keep(name, value): pathlib.Path(folder, name).write_text(value)\n\
def kept(name): return pathlib.Path(folder, name).read_text()\n";

#[test]
fn every_breakage_is_reported_by_its_own_control() {
    let cloud = built();
    assert_all_hold(&cloud);
    let folder = cloud.project.path("kept");
    std::fs::create_dir(&folder).unwrap();
    let snippets = format!("folder = {folder:?}\n{SNIPPETS}");
    let mut broken = BTreeSet::new();
    for (control, breaks, repairs) in BREAKAGES {
        cloud.emulator.python(&format!("{snippets}{breaks}"));
        broken.extend(control.split(' ').map(str::to_owned));
        let lines = verify(&cloud, 1);
        assert_eq!(controls(&lines, "broken"), broken, "{breaks}: {lines:#?}");
        if !repairs.is_empty() {
            cloud.emulator.python(&format!("{snippets}{repairs}"));
            broken.remove(*control);
            if broken.is_empty() {
                assert_all_hold(&cloud);
            }
        }
    }
}
