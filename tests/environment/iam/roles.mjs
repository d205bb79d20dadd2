// Cases: what each role may do with objects, messages, rows and notices.
//
// Used by simulate.mjs. Permissions for EC2 are in fleet.mjs, for the key in
// keys.mjs.
import {
  admin, ancillary, accessLogs, bastion, config, data, dead, flowlog, http, inside, intake, ledger, logs, notices, ourKey,
  output, outside, promoted, rows, stranger, anonymous, trail, units, uploader, uploads, workbench, worker,
} from "./requests.mjs"

const sealed = { ...inside, ...ourKey }

const aWorker = [
  ["worker reads data through our endpoint", worker, "s3:GetObject", data("x"), inside, "Allowed"],
  ["worker reads the version that the run names", worker, "s3:GetObjectVersion", data("x"), inside, "Allowed"],
  ["worker reads no data from elsewhere", worker, "s3:GetObject", data("x"), outside, "Denied"],
  ["worker reads no data over http", worker, "s3:GetObject", data("x"), { ...inside, ...http }, "Denied"],
  ["worker writes no data", worker, "s3:PutObject", data("x"), sealed, "Denied"],
  ["worker deletes no data", worker, "s3:DeleteObject", data("x"), inside, "Denied"],
  ["worker deletes no version of data", worker, "s3:DeleteObjectVersion", data("x"), inside, "Denied"],
  ["worker writes results", worker, "s3:PutObject", output("runs/r1/x"), sealed, "Allowed"],
  ["worker reads results again", worker, "s3:GetObject", output("runs/r1/x"), inside, "Allowed"],
  ["worker writes results under runs/ only", worker, "s3:PutObject", output("elsewhere/x"), sealed, "Denied"],
  ["worker deletes no result", worker, "s3:DeleteObject", output("runs/r1/x"), inside, "Denied"],
  ["worker writes access records", worker, "s3:PutObject", logs("access/r1/1"), sealed, "Allowed"],
  ["worker writes its log", worker, "s3:PutObject", logs("workers/i-0aaa/1.jsonl"), sealed, "Allowed"],
  ["worker writes nothing else among the records", worker, "s3:PutObject", logs("AWSLogs/x"), sealed, "Denied"],
  ["worker compares a record", worker, "s3:GetObject", logs("access/r1/1"), inside, "Allowed"],
  ["worker reads no log", worker, "s3:GetObject", logs("workers/i-0aaa/1.jsonl"), inside, "Denied"],
  ["worker removes no record", worker, "s3:DeleteObjectVersion", logs("access/r1/1"), inside, "Denied"],
  ["worker bypasses no retention", worker, "s3:BypassGovernanceRetention", logs("access/r1/1"), inside, "Denied"],
  ["worker reads the wrapped key", worker, "s3:GetObject", ancillary("keys/homer"), inside, "Allowed"],
  ["worker replaces no wrapped key", worker, "s3:PutObject", ancillary("keys/homer"), sealed, "Denied"],
  ["worker distinguishes absent objects", worker, "s3:ListBucket", data(), inside, "Allowed"],
  ["worker sees no access log", worker, "s3:ListBucket", accessLogs(), inside, "Denied"],
  ["worker changes no bucket's policy", worker, "s3:PutBucketPolicy", data(), inside, "Denied"],
  ["worker aborts its upload", worker, "s3:AbortMultipartUpload", output("runs/r1/x"), inside, "Allowed"],
  ["worker aborts the upload of a record", worker, "s3:AbortMultipartUpload", logs("access/r1/1"), inside, "Allowed"],
  ["worker takes units", worker, "sqs:ReceiveMessage", units, inside, "Allowed"],
  ["worker sends no units", worker, "sqs:SendMessage", units, inside, "Denied"],
  ["worker takes no uploads", worker, "sqs:ReceiveMessage", uploads, inside, "Denied"],
  ["worker keeps the ledger", worker, "dynamodb:UpdateItem", ledger, { ...inside, ...rows("RUNS") }, "Allowed"],
  ["worker deletes no row", worker, "dynamodb:DeleteItem", ledger, { ...inside, ...rows("RUNS") }, "Denied"],
  ["worker deletes no ledger", worker, "dynamodb:DeleteTable", ledger, inside, "Denied"],
  ["worker sends notices", worker, "sns:Publish", notices, inside, "Allowed"],
  ["worker adds no subscription", worker, "sns:Subscribe", notices, inside, "Denied"],
]

const opened = { S3D: data("x"), S3O: output("runs/x"), S3A: ancillary("keys/x") }
const aBastion = [
  ...Object.entries(opened).flatMap(([name, object]) => [
    [`bastion opens nothing in ${name}`, bastion, "s3:GetObject", object, inside, "Denied"],
    [`bastion opens nothing in ${name}, even with every permission`, promoted(bastion), "s3:GetObject", object, inside, "Denied"],
    [`bastion opens no version in ${name}, even with every permission`, promoted(bastion), "s3:GetObjectVersion", object, inside, "Denied"],
  ]),
  ["bastion reads access records", bastion, "s3:GetObject", logs("access/r1/1"), inside, "Allowed"],
  ["bastion reads them from the VPC only", bastion, "s3:GetObject", logs("access/r1/1"), outside, "Denied"],
  ["bastion reads no trail", bastion, "s3:GetObject", logs("AWSLogs/123456789012/x"), inside, "Denied"],
  ["bastion writes no record", bastion, "s3:PutObject", logs("access/r1/1"), sealed, "Denied"],
  ["bastion writes no data", bastion, "s3:PutObject", data("x"), sealed, "Denied"],
  ["bastion writes no result", bastion, "s3:PutObject", output("runs/x"), sealed, "Denied"],
  ["bastion lists data", bastion, "s3:ListBucket", data(), inside, "Allowed"],
  ["bastion aborts incomplete uploads", bastion, "s3:AbortMultipartUpload", data("x"), inside, "Allowed"],
  ["bastion sends units", bastion, "sqs:SendMessage", units, inside, "Allowed"],
  ["bastion takes no units", bastion, "sqs:ReceiveMessage", units, inside, "Denied"],
  ["bastion takes no uploads", bastion, "sqs:ReceiveMessage", uploads, inside, "Denied"],
  ["bastion reads dead letters", bastion, "sqs:ReceiveMessage", dead, inside, "Allowed"],
  ["bastion keeps the ledger", bastion, "dynamodb:PutItem", ledger, { ...inside, ...rows("RUNS") }, "Allowed"],
  ["bastion deletes no row", bastion, "dynamodb:DeleteItem", ledger, { ...inside, ...rows("RUNS") }, "Denied"],
  ["bastion sends notices", bastion, "sns:Publish", notices, inside, "Allowed"],
]

const aWorkbench = [
  ["workbench reads data", workbench, "s3:GetObject", data("x"), inside, "Allowed"],
  ["workbench reads data from the VPC only", workbench, "s3:GetObject", data("x"), outside, "Denied"],
  ["workbench reads results", workbench, "s3:GetObject", output("runs/x"), inside, "Allowed"],
  ["workbench reads the wrapped key", workbench, "s3:GetObject", ancillary("keys/homer"), inside, "Allowed"],
  ["workbench lists results", workbench, "s3:ListBucket", output(), inside, "Allowed"],
  ["workbench writes no data", workbench, "s3:PutObject", data("x"), sealed, "Denied"],
  ["workbench writes no result", workbench, "s3:PutObject", output("runs/x"), sealed, "Denied"],
  ["workbench writes no record", workbench, "s3:PutObject", logs("access/x"), sealed, "Denied"],
  ["workbench deletes no result", workbench, "s3:DeleteObject", output("runs/x"), inside, "Denied"],
  ["workbench reads the ledger", workbench, "dynamodb:Query", ledger, { ...inside, ...rows("RUNS") }, "Allowed"],
  ["workbench writes no row", workbench, "dynamodb:PutItem", ledger, { ...inside, ...rows("RUNS") }, "Denied"],
  ["workbench finds the queue", workbench, "sqs:GetQueueUrl", units, inside, "Allowed"],
  ["workbench takes no units", workbench, "sqs:ReceiveMessage", units, inside, "Denied"],
  ["workbench sends no notice", workbench, "sns:Publish", notices, inside, "Denied"],
]

const anIntake = [
  ["intake takes uploads", intake, "sqs:ReceiveMessage", uploads, inside, "Allowed"],
  ["intake takes no units", intake, "sqs:ReceiveMessage", units, inside, "Denied"],
  ["intake finds the queue", intake, "sqs:GetQueueUrl", units, inside, "Allowed"],
  ["intake reads the metadata of uploads", intake, "s3:GetObject", data("x"), inside, "Allowed"],
  ["intake reads no result", intake, "s3:GetObject", output("runs/x"), inside, "Denied"],
  ["intake distinguishes absent objects", intake, "s3:ListBucket", data(), inside, "Allowed"],
  ["intake writes no data", intake, "s3:PutObject", data("x"), sealed, "Denied"],
  ["intake registers names", intake, "dynamodb:PutItem", ledger, { ...inside, ...rows("NAMES") }, "Allowed"],
  ["intake registers refusals", intake, "dynamodb:PutItem", ledger, { ...inside, ...rows("REFUSALS") }, "Allowed"],
  ["intake registers no run", intake, "dynamodb:PutItem", ledger, { ...inside, ...rows("RUNS") }, "Denied"],
  ["intake registers no run along with a name", intake, "dynamodb:PutItem", ledger, { ...inside, ...rows("NAMES", "RUNS") }, "Denied"],
]

const anUploader = [
  ["uploader writes data from outside", uploader, "s3:PutObject", data("cohort/1.csv"), ourKey, "Allowed"],
  ["uploader aborts an upload", uploader, "s3:AbortMultipartUpload", data("x"), outside, "Allowed"],
  ["uploader reads nothing back", uploader, "s3:GetObject", data("x"), outside, "Denied"],
  ["uploader reads nothing back, even with every permission", promoted(uploader), "s3:GetObject", data("x"), outside, "Denied"],
  ["uploader reads nothing back in the VPC", uploader, "s3:GetObject", data("x"), inside, "Denied"],
  ["uploader lists nothing", uploader, "s3:ListBucket", data(), outside, "Denied"],
  ["uploader deletes nothing", uploader, "s3:DeleteObject", data("x"), inside, "Denied"],
  ["uploader writes no result", uploader, "s3:PutObject", output("runs/x"), sealed, "Denied"],
  ["uploader replaces no wrapped key", uploader, "s3:PutObject", ancillary("keys/homer"), ourKey, "Denied"],
  ["uploader registers names", uploader, "dynamodb:PutItem", ledger, rows("NAMES"), "Allowed"],
  ["uploader registers no refusal", uploader, "dynamodb:PutItem", ledger, rows("REFUSALS"), "Denied"],
  ["uploader registers no run", uploader, "dynamodb:PutItem", ledger, rows("RUNS"), "Denied"],
  ["uploader finds the queue", uploader, "sqs:GetQueueUrl", units, outside, "Allowed"],
  ["uploader sends no units", uploader, "sqs:SendMessage", units, outside, "Denied"],
]

const group = (name) => `arn:aws:logs:us-east-1:123456789012:log-group:/hipaa/${name}:log-stream:x`
const services = [
  ["flow log writes its group", flowlog, "logs:PutLogEvents", group("flow"), outside, "Allowed"],
  ["flow log finds its streams", flowlog, "logs:DescribeLogStreams", group("flow").slice(0, -1), outside, "Allowed"],
  ["flow log begins a stream", flowlog, "logs:CreateLogStream", group("flow"), outside, "Allowed"],
  ["flow log removes no group", flowlog, "logs:DeleteLogGroup", group("flow"), outside, "Denied"],
  ["trail removes no group", trail, "logs:DeleteLogGroup", group("trail"), outside, "Denied"],
  ["trail begins a stream", trail, "logs:CreateLogStream", group("trail"), outside, "Allowed"],
  ["flow log writes no other group", flowlog, "logs:PutLogEvents", group("trail"), outside, "Denied"],
  ["trail writes its group", trail, "logs:PutLogEvents", group("trail"), outside, "Allowed"],
  ["trail writes no other group", trail, "logs:PutLogEvents", group("flow"), outside, "Denied"],
  ["Config's role writes its records", config, "s3:PutObject", accessLogs("AWSLogs/123456789012/Config/x"), outside, "Allowed"],
  ["Config's role writes nothing else", config, "s3:PutObject", accessLogs("data/x"), outside, "Denied"],
  ["Config's role finds its bucket", config, "s3:GetBucketAcl", accessLogs(), outside, "Allowed"],
]

const queues = { units, dead, uploads }
const closed = Object.entries(queues).flatMap(([name, queue]) => [
  [`queue ${name}: the administrator sends`, admin, "sqs:SendMessage", queue, outside, "Allowed"],
  [`queue ${name}: not over http`, admin, "sqs:SendMessage", queue, http, "Denied"],
  [`queue ${name}: no other account sends`, stranger, "sqs:SendMessage", queue, outside, "Denied"],
  [`queue ${name}: no other account receives`, stranger, "sqs:ReceiveMessage", queue, outside, "Denied"],
  [`queue ${name}: no anonymous caller sends`, anonymous, "sqs:SendMessage", queue, outside, "Denied"],
])

export default [
  ...aWorker, ...aBastion, ...aWorkbench, ...anIntake, ...anUploader, ...services, ...closed,
  ["notices: the administrator publishes", admin, "sns:Publish", notices, outside, "Allowed"],
  ["notices: not over http", admin, "sns:Publish", notices, http, "Denied"],
  ["notices: no other account publishes", stranger, "sns:Publish", notices, outside, "Denied"],
  ["notices: no other account subscribes", stranger, "sns:Subscribe", notices, outside, "Denied"],
  ["notices: no anonymous caller publishes", anonymous, "sns:Publish", notices, outside, "Denied"],
  ["ledger: no other account reads", stranger, "dynamodb:GetItem", ledger, { ...inside, ...rows("RUNS") }, "Denied"],
  ["ledger: no anonymous caller reads", anonymous, "dynamodb:GetItem", ledger, rows("RUNS"), "Denied"],
]
