// Cases: who may use the key, for what purpose, and who may only manage it.
//
// Used by simulate.mjs.
import {
  admin, ancillary, anonymous, bastion, data, from, inside, intake, KEY, logs, madeRole, output, outside, promoted,
  sealedFor, service, stranger, STRANGER, trailArn, uploader, via, viaS3, workbench, worker,
} from "./requests.mjs"

const ofBucket = (arn) => ({ "kms:EncryptionContext:aws:s3:arn": arn })
const ours = sealedFor("hipaa")
const another = sealedFor("other")
const grant = { "kms:GrantIsForAWSResource": "true" }
const notForService = { "kms:GrantIsForAWSResource": "false" }
const decrypt = "kms:Decrypt"
const dataKey = "kms:GenerateDataKey"
const kms = (rowsOf) => rowsOf.map(([name, who, action, how, expected]) => [name, who, action, KEY, how, expected])

const roles = kms([
  ["key: worker opens data sealed for this project", worker, decrypt, { ...inside, ...ours }, "Allowed"],
  ["key: worker opens nothing of another project", worker, decrypt, { ...inside, ...another }, "Denied"],
  ["key: worker opens nothing that names no project", worker, decrypt, inside, "Denied"],
  ["key: worker seals for this project", worker, dataKey, { ...inside, ...ours }, "Allowed"],
  ["key: worker seals nothing for another project", worker, dataKey, { ...inside, ...another }, "Denied"],
  ["key: worker opens the wrapped key", worker, decrypt, { ...inside, ...sealedFor("hipaa", "homer-key") }, "Allowed"],
  ["key: worker opens data through S3", worker, decrypt, viaS3(data()), "Allowed"],
  ["key: worker writes results through S3", worker, dataKey, viaS3(output()), "Allowed"],
  ["key: worker takes units through SQS", worker, decrypt, via("sqs"), "Allowed"],
  ["key: worker reads rows", worker, decrypt, via("dynamodb"), "Allowed"],
  ["key: worker sends notices through SNS", worker, dataKey, via("sns"), "Allowed"],
  ["key: worker opens nothing through another service", worker, decrypt, via("secretsmanager"), "Denied"],
  ["key: worker finds the key", worker, "kms:DescribeKey", inside, "Allowed"],
  ["key: worker grants nothing", worker, "kms:CreateGrant", { ...inside, ...grant, ...via("ec2") }, "Denied"],
  ["key: worker grants nothing itself, even with every permission", promoted(worker), "kms:CreateGrant", notForService, "Denied"],
  ["key: worker deletes no key", worker, "kms:ScheduleKeyDeletion", outside, "Denied"],

  ["key: bastion opens nothing itself", bastion, decrypt, { ...inside, ...ours }, "Denied"],
  ["key: bastion opens nothing itself, even with every permission", promoted(bastion), decrypt, { ...inside, ...ours }, "Denied"],
  ["key: bastion makes no data key itself, even with every permission", promoted(bastion), dataKey, { ...inside, ...ours }, "Denied"],
  ["key: bastion opens no data through S3", bastion, decrypt, viaS3(data()), "Denied"],
  ["key: bastion opens no data through S3, even with every permission", promoted(bastion), decrypt, viaS3(data()), "Denied"],
  ["key: bastion opens no result through S3, even with every permission", promoted(bastion), decrypt, viaS3(output()), "Denied"],
  ["key: bastion opens no wrapped key through S3", bastion, decrypt, viaS3(ancillary()), "Denied"],
  ["key: bastion reads records through S3", bastion, decrypt, viaS3(logs()), "Allowed"],
  ["key: bastion reads rows", bastion, decrypt, via("dynamodb"), "Allowed"],
  ["key: bastion sends messages", bastion, dataKey, via("sqs"), "Allowed"],
  ["key: bastion sends notices through SNS", bastion, dataKey, via("sns"), "Allowed"],
  ["key: bastion finds the key", bastion, "kms:DescribeKey", inside, "Allowed"],
  ["key: bastion gives volumes the key", bastion, "kms:CreateGrant", { ...grant, ...via("ec2") }, "Allowed"],
  ["key: bastion gives it to AWS only", bastion, "kms:CreateGrant", { ...notForService, ...via("ec2") }, "Denied"],
  ["key: bastion gives it through EC2 only", bastion, "kms:CreateGrant", { ...inside, ...grant }, "Denied"],
  ["key: bastion gives it through no other service", bastion, "kms:CreateGrant", { ...grant, ...via("dynamodb") }, "Denied"],
  ["key: bastion opens volumes through EC2", bastion, decrypt, via("ec2"), "Allowed"],
  ["key: bastion re-encrypts volumes through EC2", bastion, "kms:ReEncryptTo", via("ec2"), "Allowed"],
  ["key: bastion encrypts volumes", bastion, "kms:GenerateDataKeyWithoutPlaintext", via("ec2"), "Allowed"],

  ["key: workbench opens data sealed for this project", workbench, decrypt, { ...inside, ...ours }, "Allowed"],
  ["key: workbench opens nothing of another project", workbench, decrypt, { ...inside, ...another }, "Denied"],
  ["key: workbench opens data through S3", workbench, decrypt, viaS3(data()), "Allowed"],
  ["key: workbench reads rows", workbench, decrypt, via("dynamodb"), "Allowed"],
  ["key: workbench makes no data key", workbench, dataKey, { ...inside, ...ours }, "Denied"],
  ["key: workbench makes no data key through S3", workbench, dataKey, viaS3(output()), "Denied"],
  ["key: workbench finds the key", workbench, "kms:DescribeKey", inside, "Allowed"],

  ["key: intake opens no data through S3", intake, decrypt, viaS3(data()), "Denied"],
  ["key: intake opens no data, even with every permission", promoted(intake), decrypt, viaS3(data()), "Denied"],
  ["key: intake opens nothing itself", intake, decrypt, { ...inside, ...ours }, "Denied"],
  ["key: intake writes rows", intake, decrypt, via("dynamodb"), "Allowed"],
  ["key: intake takes uploads through SQS", intake, decrypt, via("sqs"), "Allowed"],
  ["key: intake makes no key for SNS", intake, dataKey, via("sns"), "Denied"],
  ["key: intake seals rows", intake, dataKey, via("dynamodb"), "Allowed"],
  ["key: intake finds the key", intake, "kms:DescribeKey", inside, "Allowed"],

  ["key: uploader seals for this project", uploader, dataKey, ours, "Allowed"],
  ["key: uploader encrypts for this project", uploader, "kms:Encrypt", ours, "Allowed"],
  ["key: uploader seals nothing for another project", uploader, dataKey, another, "Denied"],
  ["key: uploader opens nothing itself", uploader, decrypt, ours, "Denied"],
  ["key: uploader completes multipart uploads through S3", uploader, decrypt, viaS3(data()), "Allowed"],
  ["key: uploader writes through S3", uploader, dataKey, viaS3(data()), "Allowed"],
  ["key: uploader registers names through DynamoDB", uploader, decrypt, via("dynamodb"), "Allowed"],
  ["key: uploader finds the key", uploader, "kms:DescribeKey", outside, "Allowed"],
])

const people = kms([
  ["key: the administrator opens nothing", admin, decrypt, ours, "Denied"],
  ["key: the administrator encrypts nothing", admin, "kms:Encrypt", ours, "Denied"],
  ["key: the administrator makes no data key", admin, dataKey, ours, "Denied"],
  ["key: the administrator re-encrypts nothing", admin, "kms:ReEncryptFrom", ours, "Denied"],
  ["key: the administrator opens no data through S3", admin, decrypt, viaS3(data()), "Denied"],
  ["key: the administrator opens no result through S3", admin, decrypt, viaS3(output()), "Denied"],
  ["key: a role that an administrator creates opens no data (replication)", madeRole, decrypt, viaS3(data()), "Denied"],
  ["key: a role that an administrator creates opens nothing itself", madeRole, decrypt, ours, "Denied"],
  ["key: the administrator opens nothing through another service", admin, decrypt, via("secretsmanager"), "Denied"],
  ["key: the administrator gives the key to no one", admin, "kms:CreateGrant", notForService, "Denied"],
  ["key: nor to AWS without a service", admin, "kms:CreateGrant", grant, "Denied"],
  ["key: nor through a service to another principal", admin, "kms:CreateGrant", { ...notForService, ...via("ec2") }, "Denied"],
  ["key: the administrator reads no log except through S3", admin, decrypt, ofBucket(logs()), "Denied"],
  ["key: the administrator reads no wrapped key except through S3", admin, decrypt, ofBucket(ancillary()), "Denied"],
  ["key: the administrator reads logs through S3", admin, decrypt, viaS3(logs()), "Allowed"],
  ["key: the administrator grants nothing for logs", admin, "kms:CreateGrant", { ...notForService, ...viaS3(logs()) }, "Denied"],
  ["key: a table can use the key", admin, "kms:CreateGrant", { ...grant, ...via("dynamodb") }, "Allowed"],
  ["key: the administrator stores the wrapped key", admin, dataKey, viaS3(ancillary()), "Allowed"],
  ["key: the administrator makes encrypted volumes", admin, "kms:CreateGrant", { ...grant, ...via("ec2") }, "Allowed"],
  ["key: the custodian wraps a HomerKey", admin, "kms:Encrypt", sealedFor("hipaa", "homer-key"), "Allowed"],
  ["key: the custodian wraps nothing else", admin, "kms:Encrypt", sealedFor("hipaa", "other"), "Denied"],
  ["key: the custodian unwraps nothing", admin, decrypt, sealedFor("hipaa", "homer-key"), "Denied"],
  ["key: the administrator changes its policy (no lock-out)", admin, "kms:PutKeyPolicy", outside, "Allowed"],
  ["key: the administrator cancels its deletion", admin, "kms:CancelKeyDeletion", outside, "Allowed"],
  ["key: the administrator reads its policy", admin, "kms:GetKeyPolicy", outside, "Allowed"],
  ["key: the administrator sees its grants", admin, "kms:ListGrants", outside, "Allowed"],
  ["key: the administrator revokes grants", admin, "kms:RevokeGrant", outside, "Allowed"],
  ["key: the administrator does not stop rotation", admin, "kms:DisableKeyRotation", outside, "Denied"],
  ["key: no other account opens", stranger, decrypt, ours, "Denied"],
  ["key: no other account opens through a service", stranger, decrypt, via("dynamodb"), "Denied"],
  ["key: no other account wraps", stranger, "kms:Encrypt", sealedFor("hipaa", "homer-key"), "Denied"],
  ["key: no other account manages", stranger, "kms:PutKeyPolicy", outside, "Denied"],
  ["key: no anonymous caller opens", anonymous, decrypt, outside, "Denied"],
  ["key: no other account opens through our endpoint", stranger, decrypt, { ...inside, ...ours }, "Denied"],
])

const managed = [
  "CreateAlias", "UpdateAlias", "DeleteAlias", "DisableKey", "EnableKey", "EnableKeyRotation", "ScheduleKeyDeletion",
  "TagResource", "UntagResource", "UpdateKeyDescription",
].map((verb) => [`key: the administrator may ${verb}`, admin, `kms:${verb}`, KEY, outside, "Allowed"])

// Through no service may a role do more with the key than open and seal.
const hands = { itself: ours, S3: viaS3(logs()), DynamoDB: via("dynamodb"), EC2: via("ec2") }
const excess = Object.entries({ worker, bastion, workbench, intake, uploader }).flatMap(([name, who]) =>
  Object.entries(hands).flatMap(([hand, how]) => [
    [`key: ${name} grants nothing (${hand})`, who, "kms:CreateGrant", KEY, { ...how, ...notForService }, "Denied"],
    [`key: ${name} revokes no grant (${hand})`, who, "kms:RevokeGrant", KEY, via(hand.toLowerCase()), "Denied"],
  ]))

const logsArn = (group, account = "123456789012") => ({
  "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:us-east-1:${account}:log-group:${group}`,
})
const cloudwatchLogs = service("logs.us-east-1")
const services = kms([
  ["key: CloudWatch Logs for our groups", cloudwatchLogs, "kms:Encrypt", logsArn("/hipaa/flow"), "Allowed"],
  ["key: CloudWatch Logs reads our groups", cloudwatchLogs, decrypt, logsArn("/hipaa/trail"), "Allowed"],
  ["key: CloudWatch Logs for no other group", cloudwatchLogs, decrypt, logsArn("/other/x"), "Denied"],
  ["key: CloudWatch Logs for no other account", cloudwatchLogs, decrypt, logsArn("/hipaa/flow", STRANGER), "Denied"],
  ["key: CloudWatch Logs for no unnamed group", cloudwatchLogs, decrypt, outside, "Denied"],
  ["key: CloudTrail for our trail", service("cloudtrail"), dataKey, from(trailArn), "Allowed"],
  ["key: CloudTrail finds it", service("cloudtrail"), "kms:DescribeKey", from(trailArn), "Allowed"],
  ["key: CloudTrail for no other trail", service("cloudtrail"), dataKey, from(`${trailArn}-2`), "Denied"],
  ["key: CloudTrail opens nothing", service("cloudtrail"), decrypt, from(trailArn), "Denied"],
  ["key: S3 for S3D's events", service("s3"), dataKey, from(data()), "Allowed"],
  ["key: S3 for no other bucket's events", service("s3"), dataKey, from(output()), "Denied"],
  ["key: S3 for no other account's events", service("s3"), dataKey, from(data(), STRANGER), "Denied"],
  ["key: our alarms", service("cloudwatch"), dataKey, from(undefined), "Allowed"],
  ["key: our budgets", service("budgets"), decrypt, from(undefined), "Allowed"],
  ["key: no alarm of another account", service("cloudwatch"), dataKey, from(undefined, STRANGER), "Denied"],
  ["key: no service in CloudWatch Logs' place", service("lambda"), decrypt, logsArn("/hipaa/flow"), "Denied"],
  ["key: no service in CloudTrail's place", service("lambda"), dataKey, from(trailArn), "Denied"],
  ["key: no service in S3's place", service("lambda"), dataKey, from(data()), "Denied"],
  ["key: CloudWatch Logs grants nothing", cloudwatchLogs, "kms:CreateGrant", logsArn("/hipaa/flow"), "Denied"],
  ["key: S3 opens S3D's events again", service("s3"), decrypt, from(data()), "Allowed"],
  ["key: S3 grants nothing", service("s3"), "kms:CreateGrant", from(data()), "Denied"],
  ["key: alarms grant nothing", service("cloudwatch"), "kms:CreateGrant", from(undefined), "Denied"],
  ["key: no service that is not named", service("lambda"), decrypt, from(undefined), "Denied"],
])

export default [...roles, ...people, ...managed, ...excess, ...services]
