// Cases: what V's endpoints let through, whoever asks and whatever they hold.
//
// Used by simulate.mjs. The things at the other end are open to everybody here,
// so that only the endpoint's policy decides.
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
  ["endpoint: no stranger's bucket takes our data", promoted(worker), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor the workbench's", promoted(workbench), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor the bastion's", promoted(bastion), put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: it is the endpoint that forbids it", promoted(worker), put, bucketOf("evil/x"), outside, "Allowed", theirs],
  ["endpoint: nothing is fetched from a stranger's bucket", promoted(worker), "s3:GetObject", bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: a stranger's credentials carry nothing out", stranger, put, bucketOf("evil/x"), inside, "Denied", theirs],
  ["endpoint: nor into a bucket of ours", stranger, put, data("x"), { ...inside, ...ourKey }, "Denied", { policy: open(put) }],
  ["endpoint: packages are read unsigned", anonymous, "s3:GetObject", packages, inside, "Allowed", amazons],
  ["endpoint: packages of Amazon Linux 2", anonymous, "s3:GetObject", bucketOf("amazonlinux-2-repos-us-east-1/x"), inside, "Allowed", amazons],
  ["endpoint: the agent of Systems Manager", anonymous, "s3:GetObject", bucketOf("amazon-ssm-us-east-1/x"), inside, "Allowed", amazons],
  ["endpoint: packages are not written", anonymous, put, packages, inside, "Denied", amazons],
  ["endpoint: unsigned reads of another bucket", anonymous, "s3:GetObject", bucketOf("evil/x"), inside, "Denied", theirs],
]

// For each other endpoint: what passes, the same of a stranger's, by a stranger,
// and what does not pass at all.
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
    [`endpoint ${name}: passes ours`, admin, action, ours, inside, "Allowed", given(ACCOUNT)],
    [`endpoint ${name}: no stranger to ours`, stranger, action, ours, inside, "Denied", given(ACCOUNT)],
    ...(another ? [[`endpoint ${name}: not to a stranger's`, admin, action, another, inside, "Denied", given(STRANGER)]] : []),
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
