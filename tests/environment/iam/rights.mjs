// Cases: each role against each resource. Permissions listed in RIGHTS are
// allowed under the best conditions; everything else is denied.
//
// Used by simulate.mjs. A permission that a role gains or loses without a
// change here is detected.
import {
  ACCOUNT, accessLogs, ancillary, bastion, data, dead, inside, intake, KEY, ledger, logs, notices, ourKey, output, rows,
  units, uploader, uploads, via, workbench, worker,
} from "./requests.mjs"

const OBJECT = "GetObject GetObjectVersion PutObject DeleteObject DeleteObjectVersion AbortMultipartUpload PutObjectRetention BypassGovernanceRetention"
const BUCKET = "ListBucket ListBucketVersions ListBucketMultipartUploads GetBucketAcl PutBucketPolicy PutLifecycleConfiguration DeleteBucket"
const QUEUE = "SendMessage ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueUrl PurgeQueue SetQueueAttributes DeleteQueue"
const TABLE = "GetItem BatchGetItem Query PutItem UpdateItem ConditionCheckItem DeleteItem Scan UpdateTable DeleteTable"
const TOPIC = "Publish Subscribe SetTopicAttributes DeleteTopic"

// Kinds: the service, the actions, and the resources by the names used below.
const KINDS = [
  ["s3", OBJECT, {
    data: data("x"), runs: output("runs/x"), output: output("x"), access: logs("access/x"), workers: logs("workers/x"),
    logs: logs("AWSLogs/x"), keys: ancillary("keys/x"), ancillary: ancillary("x"), accessLogs: accessLogs("x"),
  }],
  ["s3", BUCKET, { S3D: data(), S3O: output(), S3L: logs(), S3A: ancillary(), AccessLogs: accessLogs() }],
  ["sqs", QUEUE, { units, dead, uploads }],
  ["dynamodb", TABLE, { ledger }],
  ["sns", TOPIC, { notices }],
]

const READ = "GetObject GetObjectVersion"
const KEEP = "GetItem BatchGetItem Query PutItem UpdateItem ConditionCheckItem"
const REGISTER = "GetItem PutItem UpdateItem ConditionCheckItem"
const TAKE = "ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueUrl"
const FIND = "GetQueueUrl"
const LIST = "ListBucket ListBucketMultipartUploads"
const ABORT = "AbortMultipartUpload"

const RIGHTS = {
  worker: [worker, {
    data: READ, runs: `${READ} PutObject ${ABORT}`, access: `${READ} PutObject ${ABORT}`, workers: `PutObject ${ABORT}`,
    keys: READ, S3D: "ListBucket", S3O: "ListBucket", S3L: "ListBucket", S3A: "ListBucket", units: TAKE, ledger: KEEP,
    notices: "Publish",
  }],
  bastion: [bastion, {
    access: `${READ} ${ABORT}`, data: ABORT, runs: ABORT, output: ABORT, workers: ABORT, logs: ABORT, keys: ABORT,
    ancillary: ABORT, S3D: LIST, S3O: LIST, S3L: LIST, S3A: LIST, units: `SendMessage ${FIND}`,
    dead: `ReceiveMessage DeleteMessage ${FIND}`, ledger: KEEP, notices: "Publish",
  }],
  workbench: [workbench, {
    data: READ, runs: READ, keys: READ, S3D: "ListBucket", S3O: "ListBucket", S3A: "ListBucket", units: FIND,
    ledger: "GetItem BatchGetItem Query",
  }],
  intake: [intake, { data: READ, S3D: "ListBucket", uploads: TAKE, units: FIND, ledger: REGISTER }],
  uploader: [uploader, { data: `PutObject ${ABORT}`, units: FIND, ledger: REGISTER }],
}

/** The request under the best conditions: through the endpoint, with our key, for a name. */
function best(service, action) {
  if (action === "PutObject") return { ...inside, ...ourKey }
  const keyless = ["Scan", "UpdateTable", "DeleteTable"].includes(action)
  return service === "dynamodb" && !keyless ? { ...inside, ...rows("NAMES") } : inside
}

const words = (text) => (text ? text.split(" ") : [])
const grid = Object.entries(RIGHTS).flatMap(([name, [who, rights]]) =>
  KINDS.flatMap(([service, actions, things]) =>
    Object.entries(things).flatMap(([thing, arn]) =>
      words(actions).map((action) => {
        const may = words(rights[thing]).includes(action)
        const title = `${name} ${may ? "may" : "may not"} ${action} (${thing})`
        return [title, who, `${service}:${action}`, arn, best(service, action), may ? "Allowed" : "Denied"]
      }))))

// Resources of the same account that do not belong to the project, from
// anywhere.
const trusting = {
  policy: {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
  },
}
const none = { policy: "none" }
const project = { "kms:EncryptionContext:pit": "hipaa" }
const otherKey = KEY.replace("1234abcd", "5678abcd")
const others = [
  ["s3", "GetObject PutObject AbortMultipartUpload", "arn:aws:s3:::other/runs/x", {}, none],
  ["s3", "ListBucket GetBucketAcl", "arn:aws:s3:::other", {}, none],
  ["sqs", "SendMessage ReceiveMessage GetQueueUrl", units.replace("hipaa-", "other-"), {}, none],
  ["dynamodb", KEEP, ledger.replace("hipaa-", "other-"), rows("NAMES"), none],
  ["sns", "Publish", notices.replace("hipaa-", "other-"), {}, none],
  ["kms", "Decrypt GenerateDataKey Encrypt", otherKey, project, trusting],
  ["kms", "Decrypt GenerateDataKey", otherKey, via("dynamodb"), trusting],
  ["kms", "CreateGrant", otherKey, { ...via("ec2"), "kms:GrantIsForAWSResource": "true" }, trusting],
  ["kms", "DescribeKey", otherKey, { "kms:RequestAlias": "alias/other" }, trusting],
]
const foreign = Object.entries(RIGHTS).flatMap(([name, [who]]) =>
  others.flatMap(([service, actions, arn, how, given]) =>
    words(actions).map((action) => {
      const title = `${name} may not ${action} elsewhere (${[arn, ...Object.keys(how)].join(", ")})`
      return [title, who, `${service}:${action}`, arn, how, "Denied", given]
    })))

export default [...grid, ...foreign]
