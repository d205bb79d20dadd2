// Cases: who may take on a role, and what AWS's services may write.
//
// Used by simulate.mjs.
import {
  ACCOUNT, accessLogs, admin, anonymous, bastion, data, from, inside, intake, logs, notices, output, ownerControls, outside,
  person, promoted, service, stranger, STRANGER, tagged, trailArn, uploader, uploads, workbench, worker,
} from "./requests.mjs"

const theRole = (name) => `arn:aws:iam::${ACCOUNT}:role/hipaa-${name}`
const flow = `arn:aws:ec2:us-east-1:${ACCOUNT}:vpc-flow-log/fl-0aaa`
const flowElsewhere = `arn:aws:ec2:eu-west-1:${ACCOUNT}:vpc-flow-log/fl-0aaa`

const takeOn = [
  ["trust: flow logs of ours take on their role", service("vpc-flow-logs"), "flowlog", from(flow), "Allowed"],
  ["trust: no flow log of another account", service("vpc-flow-logs"), "flowlog", from(flow, STRANGER), "Denied"],
  ["trust: no flow log of another region", service("vpc-flow-logs"), "flowlog", from(flowElsewhere), "Denied"],
  ["trust: no flow log that names no account", service("vpc-flow-logs"), "flowlog", outside, "Denied"],
  ["trust: EC2 takes on no flow log's role", service("ec2"), "flowlog", from(flow), "Denied"],
  ["trust: the administrator takes on no flow log's role", admin, "flowlog", outside, "Denied"],
  ["trust: our trail takes on its role", service("cloudtrail"), "trail", from(trailArn), "Allowed"],
  ["trust: no other trail does", service("cloudtrail"), "trail", from(`${trailArn}-2`), "Denied"],
  ["trust: no trail of another account does", service("cloudtrail"), "trail", from(trailArn, STRANGER), "Denied"],
  ["trust: our Config takes on its role", service("config"), "config", from(undefined), "Allowed"],
  ["trust: no other account's Config does", service("config"), "config", from(undefined, STRANGER), "Denied"],

  ...["worker", "bastion", "workbench"].flatMap((name) => [
    [`trust: EC2 gives the ${name} its role`, service("ec2"), name, outside, "Allowed"],
    [`trust: Lambda does not take on the ${name}'s role`, service("lambda"), name, outside, "Denied"],
    [`trust: the administrator does not take on the ${name}'s role`, admin, name, outside, "Denied"],
    [`trust: no other account takes on the ${name}'s role`, stranger, name, outside, "Denied"],
  ]),
  ["trust: the bastion's machine does not become a worker", promoted(bastion), "worker", inside, "Denied"],
  ["trust: the bastion's machine does not become the workbench", promoted(bastion), "workbench", inside, "Denied"],

  ["trust: the bastion takes on intake", bastion, "intake", inside, "Allowed"],
  ["trust: the workbench does not take on intake", promoted(workbench), "intake", inside, "Denied"],
  ["trust: a worker does not take on intake", promoted(worker), "intake", inside, "Denied"],
  ["trust: the administrator does not take on intake", admin, "intake", outside, "Denied"],
  ["trust: no other account takes on intake", stranger, "intake", outside, "Denied"],
  ["trust: EC2 does not take on intake", service("ec2"), "intake", outside, "Denied"],

  ["trust: a person of this project takes on the uploader", person, "uploader", tagged("hipaa"), "Allowed"],
  ["trust: no person of another project does", person, "uploader", tagged("other"), "Denied"],
  ["trust: no person without a tag does", person, "uploader", outside, "Denied"],
  ["trust: not even the administrator without a tag", admin, "uploader", outside, "Denied"],
  ["trust: no other account does, whatever its tag", stranger, "uploader", tagged("hipaa"), "Denied"],
  ["trust: a worker does not take on the uploader", worker, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: the bastion does not take on the uploader", bastion, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: intake does not take on the uploader", intake, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: nobody unknown takes on the uploader", anonymous, "uploader", outside, "Denied"],
  ["trust: the uploader does not take on intake", uploader, "intake", tagged("hipaa"), "Denied"],
].map(([name, who, role, how, expected]) => [name, who, "sts:AssumeRole", theRole(role), how, expected])

// Tags of a session would pass for tags of the person: nobody trusted may set any.
const tagging = [
  [service("vpc-flow-logs"), "flowlog", from(flow)],
  [service("cloudtrail"), "trail", from(trailArn)],
  [service("config"), "config", from(undefined)],
  [service("ec2"), "worker", outside],
  [service("ec2"), "bastion", outside],
  [service("ec2"), "workbench", outside],
  [promoted(bastion), "intake", outside],
  [admin, "uploader", tagged("hipaa")],
].map(([who, role, how]) => [`trust: no tags on a session of ${role}`, who, "sts:TagSession", theRole(role), how, "Denied"])

const s3 = service("s3")
const cloudtrail = service("cloudtrail")
const logging = service("logging.s3")
const theConfig = service("config")
const record = logs(`AWSLogs/${ACCOUNT}/CloudTrail/x`)
const changed = accessLogs(`AWSLogs/${ACCOUNT}/Config/x`)
const write = "s3:PutObject"
const put = (where) => ({ ...ownerControls, ...where })

export default [
  ...takeOn,
  ...tagging,
  ["trust: no service in CloudTrail's place", service("lambda"), "sts:AssumeRole", theRole("trail"), from(trailArn), "Denied"],
  ["trust: no service in Config's place", service("lambda"), "sts:AssumeRole", theRole("config"), from(undefined), "Denied"],
  ["S3 tells the queue of S3D's uploads", s3, "sqs:SendMessage", uploads, from(data()), "Allowed"],
  ["S3 tells it of no other bucket's", s3, "sqs:SendMessage", uploads, from(output()), "Denied"],
  ["S3 tells it of no other account's", s3, "sqs:SendMessage", uploads, from(data(), STRANGER), "Denied"],
  ["S3 tells it of nothing unnamed", s3, "sqs:SendMessage", uploads, outside, "Denied"],
  ["S3 takes no message", s3, "sqs:ReceiveMessage", uploads, from(data()), "Denied"],
  ["SNS tells it nothing", service("sns"), "sqs:SendMessage", uploads, from(notices), "Denied"],

  ["trail: looks at S3L", cloudtrail, "s3:GetBucketAcl", logs(), from(trailArn), "Allowed"],
  ["trail: no other looks at S3L", cloudtrail, "s3:GetBucketAcl", logs(), from(`${trailArn}-2`), "Denied"],
  ["trail: writes S3L", cloudtrail, write, record, put(from(trailArn)), "Allowed"],
  ["trail: no other writes S3L", cloudtrail, write, record, put(from(`${trailArn}-2`)), "Denied"],
  ["trail: writes nowhere else in S3L", cloudtrail, write, logs("access/x"), put(from(trailArn)), "Denied"],
  ["trail: leaves what it writes to us", cloudtrail, write, record, from(trailArn), "Denied"],
  ["trail: reads nothing of S3L", cloudtrail, "s3:GetObject", record, from(trailArn), "Denied"],
  ["trail: writes nothing into S3D", cloudtrail, write, data("x"), put(from(trailArn)), "Denied"],

  ["access logs: our buckets' are written", logging, write, accessLogs("data/x"), from(data()), "Allowed"],
  ["access logs: no other bucket's", logging, write, accessLogs("data/x"), from("arn:aws:s3:::other"), "Denied"],
  ["access logs: no other account's", logging, write, accessLogs("data/x"), from(data(), STRANGER), "Denied"],
  ["access logs: not into S3L", logging, write, logs("access/x"), from(data()), "Denied"],
  ["Config: writes what changed", theConfig, write, changed, put(from(undefined)), "Allowed"],
  ["Config: not for another account", theConfig, write, changed, put(from(undefined, STRANGER)), "Denied"],
  ["Config: leaves what it writes to us", theConfig, write, changed, from(undefined), "Denied"],
  ["Config: writes nowhere else", theConfig, write, accessLogs("data/x"), put(from(undefined)), "Denied"],
  ["Config: finds its bucket", theConfig, "s3:ListBucket", accessLogs(), from(undefined), "Allowed"],
  ["Config: not for another account's", theConfig, "s3:ListBucket", accessLogs(), from(undefined, STRANGER), "Denied"],

  ["S3L: no service looks in CloudTrail's place", service("lambda"), "s3:GetBucketAcl", logs(), from(trailArn), "Denied"],
  ["S3L: no service writes in CloudTrail's place", service("lambda"), write, record, put(from(trailArn)), "Denied"],
  ["S3L: CloudTrail changes no policy", cloudtrail, "s3:PutBucketPolicy", logs(), from(trailArn), "Denied"],
  ["S3L: CloudTrail removes nothing", cloudtrail, "s3:DeleteObject", record, from(trailArn), "Denied"],
  ["access logs: no service writes in S3's place", service("lambda"), write, accessLogs("data/x"), from(data()), "Denied"],
  ["access logs: S3's logging reads nothing", logging, "s3:GetObject", accessLogs("data/x"), from(data()), "Denied"],
  ["access logs: no service looks in Config's place", service("lambda"), "s3:ListBucket", accessLogs(), from(undefined), "Denied"],
  ["access logs: no service writes in Config's place", service("lambda"), write, changed, put(from(undefined)), "Denied"],
  ["Config: reads nothing", theConfig, "s3:GetObject", changed, from(undefined), "Denied"],
  ["Config: looks at its bucket", theConfig, "s3:GetBucketAcl", accessLogs(), from(undefined), "Allowed"],
  ["Config: changes no policy", theConfig, "s3:PutBucketPolicy", accessLogs(), from(undefined), "Denied"],
  ["queue uploads: no service in S3's place", service("lambda"), "sqs:SendMessage", uploads, from(data()), "Denied"],
  ["notices: alarms subscribe nobody", service("cloudwatch"), "sns:Subscribe", notices, from(undefined), "Denied"],

  ["notices: alarms of ours", service("cloudwatch"), "sns:Publish", notices, from(undefined), "Allowed"],
  ["notices: budgets of ours", service("budgets"), "sns:Publish", notices, from(undefined), "Allowed"],
  ["notices: no alarm of another account", service("cloudwatch"), "sns:Publish", notices, from(undefined, STRANGER), "Denied"],
  ["notices: no service that is not named", service("events"), "sns:Publish", notices, from(undefined), "Denied"],
]
