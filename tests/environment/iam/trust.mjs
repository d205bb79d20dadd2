// Cases: who may assume a role, and what AWS services may write.
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
  ["trust: our flow logs assume their role", service("vpc-flow-logs"), "flowlog", from(flow), "Allowed"],
  ["trust: no flow log of another account", service("vpc-flow-logs"), "flowlog", from(flow, STRANGER), "Denied"],
  ["trust: no flow log of another region", service("vpc-flow-logs"), "flowlog", from(flowElsewhere), "Denied"],
  ["trust: no flow log that names no account", service("vpc-flow-logs"), "flowlog", outside, "Denied"],
  ["trust: EC2 does not assume the flow log's role", service("ec2"), "flowlog", from(flow), "Denied"],
  ["trust: the administrator does not assume the flow log's role", admin, "flowlog", outside, "Denied"],
  ["trust: our trail assumes its role", service("cloudtrail"), "trail", from(trailArn), "Allowed"],
  ["trust: no other trail does", service("cloudtrail"), "trail", from(`${trailArn}-2`), "Denied"],
  ["trust: no trail of another account does", service("cloudtrail"), "trail", from(trailArn, STRANGER), "Denied"],
  ["trust: our Config assumes its role", service("config"), "config", from(undefined), "Allowed"],
  ["trust: no other account's Config does", service("config"), "config", from(undefined, STRANGER), "Denied"],

  ...["worker", "bastion", "workbench"].flatMap((name) => [
    [`trust: EC2 gives the ${name} its role`, service("ec2"), name, outside, "Allowed"],
    [`trust: Lambda does not assume the ${name}'s role`, service("lambda"), name, outside, "Denied"],
    [`trust: the administrator does not assume the ${name}'s role`, admin, name, outside, "Denied"],
    [`trust: no other account assumes the ${name}'s role`, stranger, name, outside, "Denied"],
  ]),
  ["trust: the bastion does not assume the worker's role", promoted(bastion), "worker", inside, "Denied"],
  ["trust: the bastion does not assume the workbench's role", promoted(bastion), "workbench", inside, "Denied"],

  ["trust: the bastion assumes the intake role", bastion, "intake", inside, "Allowed"],
  ["trust: the workbench does not assume the intake role", promoted(workbench), "intake", inside, "Denied"],
  ["trust: a worker does not assume the intake role", promoted(worker), "intake", inside, "Denied"],
  ["trust: the administrator does not assume the intake role", admin, "intake", outside, "Denied"],
  ["trust: no other account assumes the intake role", stranger, "intake", outside, "Denied"],
  ["trust: EC2 does not assume the intake role", service("ec2"), "intake", outside, "Denied"],

  ["trust: a user of this project assumes the uploader role", person, "uploader", tagged("hipaa"), "Allowed"],
  ["trust: no user of another project does", person, "uploader", tagged("other"), "Denied"],
  ["trust: no user without a tag does", person, "uploader", outside, "Denied"],
  ["trust: not even the administrator without a tag", admin, "uploader", outside, "Denied"],
  ["trust: no other account does, whatever its tag", stranger, "uploader", tagged("hipaa"), "Denied"],
  ["trust: a worker does not assume the uploader role", worker, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: the bastion does not assume the uploader role", bastion, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: intake does not assume the uploader role", intake, "uploader", { ...inside, ...tagged("hipaa") }, "Denied"],
  ["trust: no anonymous caller assumes the uploader role", anonymous, "uploader", outside, "Denied"],
  ["trust: the uploader does not assume the intake role", uploader, "intake", tagged("hipaa"), "Denied"],
].map(([name, who, role, how, expected]) => [name, who, "sts:AssumeRole", theRole(role), how, expected])

// Session tags would count as the principal's tags: no trusted principal may
// set any.
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
  ["S3 notifies the queue of S3D's uploads", s3, "sqs:SendMessage", uploads, from(data()), "Allowed"],
  ["S3 sends no other bucket's uploads", s3, "sqs:SendMessage", uploads, from(output()), "Denied"],
  ["S3 sends no other account's uploads", s3, "sqs:SendMessage", uploads, from(data(), STRANGER), "Denied"],
  ["S3 sends nothing without a source", s3, "sqs:SendMessage", uploads, outside, "Denied"],
  ["S3 receives no message", s3, "sqs:ReceiveMessage", uploads, from(data()), "Denied"],
  ["SNS sends it nothing", service("sns"), "sqs:SendMessage", uploads, from(notices), "Denied"],

  ["trail: reads the ACL of S3L", cloudtrail, "s3:GetBucketAcl", logs(), from(trailArn), "Allowed"],
  ["trail: no other reads the ACL of S3L", cloudtrail, "s3:GetBucketAcl", logs(), from(`${trailArn}-2`), "Denied"],
  ["trail: writes S3L", cloudtrail, write, record, put(from(trailArn)), "Allowed"],
  ["trail: no other writes S3L", cloudtrail, write, record, put(from(`${trailArn}-2`)), "Denied"],
  ["trail: writes nowhere else in S3L", cloudtrail, write, logs("access/x"), put(from(trailArn)), "Denied"],
  ["trail: must give us ownership of its objects", cloudtrail, write, record, from(trailArn), "Denied"],
  ["trail: reads nothing of S3L", cloudtrail, "s3:GetObject", record, from(trailArn), "Denied"],
  ["trail: writes nothing into S3D", cloudtrail, write, data("x"), put(from(trailArn)), "Denied"],

  ["access logs: our buckets' are written", logging, write, accessLogs("data/x"), from(data()), "Allowed"],
  ["access logs: no other bucket's", logging, write, accessLogs("data/x"), from("arn:aws:s3:::other"), "Denied"],
  ["access logs: no other account's", logging, write, accessLogs("data/x"), from(data(), STRANGER), "Denied"],
  ["access logs: not into S3L", logging, write, logs("access/x"), from(data()), "Denied"],
  ["Config: writes its records", theConfig, write, changed, put(from(undefined)), "Allowed"],
  ["Config: not for another account", theConfig, write, changed, put(from(undefined, STRANGER)), "Denied"],
  ["Config: must give us ownership of its objects", theConfig, write, changed, from(undefined), "Denied"],
  ["Config: writes nowhere else", theConfig, write, accessLogs("data/x"), put(from(undefined)), "Denied"],
  ["Config: finds its bucket", theConfig, "s3:ListBucket", accessLogs(), from(undefined), "Allowed"],
  ["Config: not for another account's", theConfig, "s3:ListBucket", accessLogs(), from(undefined, STRANGER), "Denied"],

  ["S3L: no service reads the ACL in CloudTrail's place", service("lambda"), "s3:GetBucketAcl", logs(), from(trailArn), "Denied"],
  ["S3L: no service writes in CloudTrail's place", service("lambda"), write, record, put(from(trailArn)), "Denied"],
  ["S3L: CloudTrail changes no policy", cloudtrail, "s3:PutBucketPolicy", logs(), from(trailArn), "Denied"],
  ["S3L: CloudTrail removes nothing", cloudtrail, "s3:DeleteObject", record, from(trailArn), "Denied"],
  ["access logs: no service writes in S3's place", service("lambda"), write, accessLogs("data/x"), from(data()), "Denied"],
  ["access logs: S3's logging reads nothing", logging, "s3:GetObject", accessLogs("data/x"), from(data()), "Denied"],
  ["access logs: no service lists in Config's place", service("lambda"), "s3:ListBucket", accessLogs(), from(undefined), "Denied"],
  ["access logs: no service writes in Config's place", service("lambda"), write, changed, put(from(undefined)), "Denied"],
  ["Config: reads nothing", theConfig, "s3:GetObject", changed, from(undefined), "Denied"],
  ["Config: reads the ACL of its bucket", theConfig, "s3:GetBucketAcl", accessLogs(), from(undefined), "Allowed"],
  ["Config: changes no policy", theConfig, "s3:PutBucketPolicy", accessLogs(), from(undefined), "Denied"],
  ["queue uploads: no service in S3's place", service("lambda"), "sqs:SendMessage", uploads, from(data()), "Denied"],
  ["notices: alarms add no subscription", service("cloudwatch"), "sns:Subscribe", notices, from(undefined), "Denied"],

  ["notices: our alarms", service("cloudwatch"), "sns:Publish", notices, from(undefined), "Allowed"],
  ["notices: our budgets", service("budgets"), "sns:Publish", notices, from(undefined), "Allowed"],
  ["notices: no alarm of another account", service("cloudwatch"), "sns:Publish", notices, from(undefined, STRANGER), "Denied"],
  ["notices: no service that is not named", service("events"), "sns:Publish", notices, from(undefined), "Denied"],
]
