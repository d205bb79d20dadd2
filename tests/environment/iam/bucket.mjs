// Cases: who may access which bucket, from where, and with which key.
//
// Used by simulate.mjs. The public access block is deliberately omitted: no
// case may hold only because of it.
import {
  accessLogs, admin, aes256, ancillary, anonymous, data, elsewhere, http, inside, kmsWithoutKey, logs, madeRole,
  noHeader, otherKey, ourKey, ourKeyTwice, output, outside, stranger, uploader, worker,
} from "./requests.mjs"

const buckets = { S3D: data, S3O: output, S3L: logs, S3A: ancillary, AccessLogs: accessLogs }

// The same cases for each bucket.
const closed = Object.entries(buckets).flatMap(([name, bucket]) => [
  [`${name}: the administrator lists it`, admin, "s3:ListBucket", bucket(), outside, "Allowed"],
  [`${name}: not over http`, admin, "s3:ListBucket", bucket(), http, "Denied"],
  [`${name}: no object over http`, admin, "s3:PutObject", bucket("keys/x"), { ...inside, ...ourKey, ...http }, "Denied"],
  [`${name}: the administrator can change the policy (no lock-out)`, admin, "s3:PutBucketPolicy", bucket(), outside, "Allowed"],
  [`${name}: no other account lists`, stranger, "s3:ListBucket", bucket(), outside, "Denied"],
  [`${name}: no other account reads`, stranger, "s3:GetObject", bucket("keys/x"), outside, "Denied"],
  [`${name}: no other account reads from the VPC`, stranger, "s3:GetObject", bucket("keys/x"), inside, "Denied"],
  [`${name}: no other account writes`, stranger, "s3:PutObject", bucket("keys/x"), ourKey, "Denied"],
  [`${name}: no anonymous caller reads`, anonymous, "s3:GetObject", bucket("keys/x"), outside, "Denied"],
  [`${name}: no anonymous caller lists`, anonymous, "s3:ListBucket", bucket(), outside, "Denied"],
])

// A principal that may write there, so that only the header decides.
const written = {
  S3D: [uploader, data("cohort/1.csv"), outside],
  S3O: [worker, output("runs/r1/result"), inside],
  S3L: [worker, logs("access/r1/1"), inside],
  S3A: [admin, ancillary("keys/homer"), outside],
}
const sealed = Object.entries(written).flatMap(([name, [who, object, where]]) =>
  [
    ["with our key", ourKey, "Allowed"],
    ["without a header", noHeader, "Denied"],
    ["with S3's own key", aes256, "Denied"],
    ["with no named key", kmsWithoutKey, "Denied"],
    ["with another key", otherKey, "Denied"],
    ["with double encryption", ourKeyTwice, "Denied"],
  ].map(([how, header, expected]) =>
    [`${name}: written ${how}`, who, "s3:PutObject", object, { ...where, ...header }, expected]),
)

// An administrator has every permission: only the bucket policy decides.
const objects = { S3D: data("x"), S3O: output("runs/x"), S3L: logs("access/x"), S3A: ancillary("keys/x") }
const moves = ["GetObject", "GetObjectVersion", "DeleteObject", "DeleteObjectVersion"]
const insideOnly = Object.entries(objects).flatMap(([name, object]) => [
  [`${name}: from the VPC the administrator reaches the sealed object`, admin, "s3:GetObject", object, inside, "Allowed"],
  [`${name}: nor by another network's endpoint`, admin, "s3:GetObject", object, elsewhere, "Denied"],
  ...moves.map((move) =>
    [`${name}: ${move} from outside the VPC`, admin, `s3:${move}`, object, outside, "Denied"]),
])

export default [
  ...closed,
  ...sealed,
  ...insideOnly,

  ["S3D: the administrator writes nothing from outside", admin, "s3:PutObject", data("x"), ourKey, "Denied"],
  ["S3D: nor by another network's endpoint (write)", admin, "s3:PutObject", data("x"), { ...elsewhere, ...ourKey }, "Denied"],
  ["S3D: from the VPC the bucket accepts a permitted write", admin, "s3:PutObject", data("x"), { ...inside, ...ourKey }, "Allowed"],
  ["S3D: the owner of data uploads from the VPC, too", uploader, "s3:PutObject", data("x"), { ...inside, ...ourKey }, "Allowed"],
  ["S3O: the administrator writes nothing from outside", admin, "s3:PutObject", output("runs/x"), ourKey, "Denied"],
  ["S3L: the administrator writes nothing from outside", admin, "s3:PutObject", logs("access/x"), ourKey, "Denied"],
  ["S3O: a worker's permission does not apply outside the VPC", worker, "s3:PutObject", output("runs/x"), ourKey, "Denied"],
  ["S3L: a worker writes no record from outside the VPC", worker, "s3:PutObject", logs("access/x"), ourKey, "Denied"],
  ["S3A: templates are read from outside", admin, "s3:GetObject", ancillary("templates/environment.yaml"), outside, "Allowed"],
  ["a role that an administrator creates reads nothing from outside", madeRole, "s3:GetObject", data("x"), outside, "Denied"],
]
