"""Creates on an emulator what the environment's template creates on AWS.

    environment.py --endpoint URL --pit PIT --account 123456789012 --region us-east-1 [--launch-template FILE]

Used by the tests that run on an emulator; may be run repeatedly. Prints one JSON
object with what was created. It contains only what the programs call: policies, bucket
keys and alarms are covered by the template and its own tests. Must never be used on
AWS, so it does not take credentials from its environment.

Moto encodes the keys in its S3 events twice.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from template import launch_template_data

BUCKETS = ("data", "output", "logs", "ancillary")
RECEIVES_MAX = 1000


class Environment:
    """One environment on one emulator; each method creates its part if it does not exist."""

    def __init__(self, endpoint: str, pit: str, account: str, region: str) -> None:
        """Create nothing yet."""
        self.pit, self.account, self.region = pit, account, region
        self.session = boto3.Session("test", "test", region_name=region)
        self.config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        """Return a client of one service."""
        return self.session.client(service, endpoint_url=self.endpoint, config=self.config)

    def buckets(self) -> dict[str, str]:
        """Create the four buckets, with versioning."""
        s3 = self.client("s3")
        names = {use: f"{self.pit}-{self.account}-{use}" for use in BUCKETS}
        # The only region that must not be named as a location.
        elsewhere = {"LocationConstraint": self.region} if self.region != "us-east-1" else None
        for name in names.values():
            try:
                s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": elsewhere} if elsewhere else {}))
            except ClientError as error:
                pass_if(error, "BucketAlreadyOwnedByYou")
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return names

    def notify_uploads(self, bucket: str, queue_arn: str) -> None:
        """Send an event to the uploads queue for every object created in the data bucket."""
        queue = {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
        )

    def ledger(self) -> str:
        """Create the ledger table."""
        dynamodb, name = self.client("dynamodb"), f"{self.pit}-ledger"
        keys = {"pk": "HASH", "sk": "RANGE"}
        try:
            dynamodb.create_table(
                TableName=name,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
                BillingMode="PAY_PER_REQUEST",
            )
        except ClientError as error:
            pass_if(error, "ResourceInUseException")
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        return name

    def queue(self, use: str, sender: str | None = None, dead_arn: str | None = None) -> tuple[str, str]:
        """Create a queue and return its URL and ARN; `sender` is the AWS service that may send messages to it."""
        sqs = self.client("sqs")
        attributes: dict[str, str] = {}
        if dead_arn:
            redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": RECEIVES_MAX}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        url = sqs.create_queue(QueueName=f"{self.pit}-{use}", Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if sender:
            allow = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": arn}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def notices(self, mailbox_arn: str) -> str:
        """Create the topic, with a queue instead of a user's mailbox."""
        sns = self.client("sns")
        topic = sns.create_topic(Name=f"{self.pit}-notices")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mailbox_arn)
        return topic

    def key(self) -> str:
        """Return the ARN of the key that the alias names."""
        kms, alias = self.client("kms"), f"alias/{self.pit}"
        try:
            return kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
        except ClientError as error:
            pass_if(error, "NotFoundException")
        key = kms.create_key(Description=f"{self.pit} data")["KeyMetadata"]
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        return key["Arn"]

    def network(self) -> dict[str, str]:
        """Create a dedicated network with one private subnet and the workers' security group."""
        ec2 = self.client("ec2")
        vpc = self.found("Vpcs", "VpcId", ec2.describe_vpcs)
        if not vpc:
            made = ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="dedicated", **self.tag("vpc"))
            vpc = made["Vpc"]["VpcId"]
        subnet = self.found("Subnets", "SubnetId", ec2.describe_subnets)
        if not subnet:
            made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", **self.tag("subnet"))
            subnet = made["Subnet"]["SubnetId"]
        group = self.found("SecurityGroups", "GroupId", ec2.describe_security_groups)
        if not group:
            name = f"{self.pit}-worker"
            made = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc, **self.tag("security-group"))
            group = made["GroupId"]
        return {"vpc": vpc, "subnet": subnet, "security_group": group}

    def found(self, items: str, item_id: str, describe: Any) -> str | None:
        """Return the id of what an earlier run of this program created, by its tag."""
        listed = describe(Filters=[{"Name": "tag:PIT", "Values": [self.pit]}])[items]
        return listed[0][item_id] if listed else None

    def tag(self, kind: str) -> dict[str, Any]:
        """Return the tags of every resource, as an argument of a create call."""
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": "PIT", "Value": self.pit}]}]}

    def image(self) -> str:
        """Return an image for the workers, which is never run.

        Uses one of the emulator's own images: Ministack tries to boot registered ones as containers.
        """
        ec2 = self.client("ec2")
        stock = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]
        if stock:
            return min(image["ImageId"] for image in stock)
        root = {"Architecture": "x86_64", "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm"}
        return ec2.register_image(Name=f"{self.pit}-worker", **root)["ImageId"]

    def instance_profile(self) -> str:
        """Return the ARN of the workers' instance profile, without a role: nothing assumes it here."""
        iam, name = self.client("iam"), f"{self.pit}-worker"
        try:
            iam.create_instance_profile(InstanceProfileName=name)
        except ClientError as error:
            pass_if(error, "EntityAlreadyExists")
        return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]

    def launch_template(self, file: Path, parameters: dict[str, str]) -> str:
        """Create the workers' launch template from the environment's template."""
        ec2, name = self.client("ec2"), f"{self.pit}-worker"
        data = launch_template_data(file, parameters)
        try:
            made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
            return made["LaunchTemplate"]["LaunchTemplateId"]
        except ClientError as error:
            pass_if(error, "InvalidLaunchTemplateName.AlreadyExistsException")
        return ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"][0]["LaunchTemplateId"]

    def make(self, template: Path | None) -> dict[str, Any]:
        """Create everything; return what was created, by name."""
        dead, dead_arn = self.queue("units-dead")
        units, _ = self.queue("units", dead_arn=dead_arn)
        uploads, uploads_arn = self.queue("uploads", sender="s3.amazonaws.com")
        mailbox, mailbox_arn = self.queue("mailbox", sender="sns.amazonaws.com")
        made: dict[str, Any] = {
            "buckets": self.buckets(),
            "queues": {"units": units, "units-dead": dead, "uploads": uploads, "mailbox": mailbox},
            "table": self.ledger(),
            "topic": self.notices(mailbox_arn),
            "key": self.key(),
            "image": self.image(),
            "instance_profile": self.instance_profile(),
        } | self.network()
        self.notify_uploads(made["buckets"]["data"], uploads_arn)
        if template:
            made["launch_template"] = self.launch_template(template, self.parameters(made))
        return made

    def parameters(self, made: dict[str, Any]) -> dict[str, str]:
        """Return the values for the launch template's references, by their names in the environment's template."""
        return {
            "Pit": self.pit,
            "Sprivate": made["subnet"],
            "WorkerGroup": made["security_group"],
            "Key.Arn": made["key"],
            "WorkerImage": made["image"],
            "WorkerProfile.Arn": made["instance_profile"],
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
        }


def pass_if(error: ClientError, code: str) -> None:
    """Continue if the error has the expected code."""
    if error.response["Error"]["Code"] != code:
        raise error


def main() -> None:
    """Parse the command line, create the environment, print what was created."""
    parser = argparse.ArgumentParser(description="create the environment on an AWS emulator")
    parser.add_argument("--endpoint", required=True, help="the emulator or the proxy, http://127.0.0.1:PORT")
    parser.add_argument("--pit", default="hipaa", help="project identifier tag (hipaa)")
    parser.add_argument("--account", default="123456789012", help="account id in bucket names (123456789012)")
    parser.add_argument("--region", default="us-east-1", help="region (us-east-1)")
    template = "the environment's template, which contains the workers' launch template"
    parser.add_argument("--launch-template", type=Path, help=template)
    given = parser.parse_args()
    made = Environment(given.endpoint, given.pit, given.account, given.region).make(given.launch_template)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
