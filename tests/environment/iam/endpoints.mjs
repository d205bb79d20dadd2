// Cases: what the VPC's endpoints allow, for any caller with any permissions.
//
// Used by simulate.mjs. The resources behind them are open to everyone here, so
// that only the endpoint's policy decides.
import {
  ACCOUNT, admin, anonymous, bastion, data, ec2, inside, KEY, ledger, machine, notices, ourKey, outside, promoted,
  stranger, STRANGER, units, workbench, worker,
} from "./requests.mjs"

const open = (...actions) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: actions, Resource: "*" }],
})
const bucketOf = (text) => `arn:aws:s3:::${text}`
const theirs = { account: STRANGER, policy: open("s3:GetObject", "s3:PutObject") }
const amazons = { account: "137112412989", policy: open("s3:GetObject", "s3:PutObject") }
const packages = bucketOf("al2023-repos-us-east-1-de612dc2/core/x.rpm")
const put = "s3:PutObject"

const s3 = [
  ["endpoint: no other account's bucket receives our data", promoted(worker), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor the workbench's", promoted(workbench), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor the bastion's", promoted(bastion), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: only the endpoint denies it", promoted(worker), put, bucketOf("evil/x"), outside, "Allowed", theirs],
  ["endpoint: nothing is read from another account's bucket", promoted(worker), "s3:GetObject", bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: another account's credentials export nothing", stranger, put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor write to our buckets", stranger, put, data("x"), { ...inside, ...ourKey }, "Denied", { policy: open(put) }],
  ["endpoint: packages are read unsigned", anonymous, "s3:GetObject", packages, inside, "Allowed", amazons],
  ["endpoint: packages of Amazon Linux 2", anonymous, "s3:GetObject", bucketOf("amazonlinux-2-repos-us-east-1/x"), inside, "Allowed", amazons],
  ["endpoint: the agent of Systems Manager", anonymous, "s3:GetObject", bucketOf("amazon-ssm-us-east-1/x"), inside, "Allowed", amazons],
  ["endpoint: packages are not written", anonymous, put, packages, inside, "Denied", amazons],
  ["endpoint: unsigned reads of another bucket", anonymous, "s3:GetObject", bucketOf("evil/x"), inside, "Denied", theirs],
]

// For each other endpoint: an allowed request, the same to another account's
// resource, the same from another account, and an action that is never allowed.
const group = (name, account = ACCOUNT) => `arn:aws:logs:us-east-1:${account}:log-group:${name}:log-stream:x`
const foreign = (arn) => arn.replace(ACCOUNT, STRANGER)
const others = Object.entries({
  dynamodb: ["dynamodb:GetItem", ledger, foreign(ledger), null],
  sqs: ["sqs:SendMessage", units, foreign(units), null],
  sns: ["sns:Publish", notices, foreign(notices), "sns:Subscribe"],
  kms: ["kms:Decrypt", KEY, foreign(KEY), "kms:PutKeyPolicy"],
  ec2: ["ec2:TerminateInstances", machine(), null, "ec2:ModifyInstanceAttribute"],
  logs: ["logs:PutLogEvents", group("/hipaa/x"), group("/hipaa/x", STRANGER), null],
  sts: ["sts:AssumeRole", `arn:aws:iam::${ACCOUNT}:role/hipaa-intake`, null, "sts:TagSession"],
}).flatMap(([name, [action, ours, another, excess]]) => {
  const given = (account) => ({ account, policy: open(`${name}:*`) })
  return [
    [`endpoint ${name}: allows ours`, admin, action, ours, inside, "Allowed", given(ACCOUNT)],
    [`endpoint ${name}: no other account to ours`, stranger, action, ours, inside, "Denied", given(ACCOUNT)],
    ...(another ? [[`endpoint ${name}: not to another account's`, admin, action, another, inside, "Denied", given(STRANGER)]] : []),
    ...(excess ? [[`endpoint ${name}: no ${excess}`, admin, excess, ours, inside, "Denied", given(ACCOUNT)]] : []),
  ]
})

const inVain = { policy: open("kms:*") }
export default [
  ...s3,
  ...others,
  ["endpoint dynamodb: no other table", admin, "dynamodb:GetItem", ledger.replace("hipaa-ledger", "other"), inside, "Denied",
    { policy: open("dynamodb:*") }],
  ["endpoint sqs: no other project's queue", admin, "sqs:SendMessage", units.replace("hipaa-", "other-"), inside, "Denied",
    { policy: open("sqs:*") }],
  ["endpoint sns: no other topic", admin, "sns:Publish", notices.replace("hipaa-", "other-"), inside, "Denied", { policy: open("sns:*") }],
  ["endpoint kms: no other key", admin, "kms:Decrypt", KEY.replace("1234abcd", "5678abcd"), inside, "Denied", inVain],
  ["endpoint logs: no other project's group", admin, "logs:PutLogEvents", group("/other/x"), inside, "Denied", { policy: open("logs:*") }],
  ["endpoint ec2: no snapshot", admin, "ec2:CreateSnapshot", ec2("volume/vol-0aaa"), inside, "Denied"],
]
