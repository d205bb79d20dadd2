// Cases: who may reach which bucket, from where, and under which key.
//
// Used by simulate.mjs. The public access block is left out on purpose: no case
// may hold only because of it.
import {
  accessLogs, admin, aes256, ancillary, anonymous, data, elsewhere, http, inside, kmsWithoutKey, logs, madeRole,
  noHeader, otherKey, ourKey, ourKeyTwice, output, outside, stranger, uploader, worker,
} from "./requests.mjs"

const buckets = { S3D: data, S3O: output, S3L: logs, S3A: ancillary, AccessLogs: accessLogs }

// One row of these for each bucket.
const closed = Object.entries(buckets).flatMap(([name, bucket]) => [
  [`${name}: the administrator lists it`, admin, "s3:ListBucket", bucket(), outside, "Allowed"],
  [`${name}: not over http`, admin, "s3:ListBucket", bucket(), http, "Denied"],
  [`${name}: no object over http`, admin, "s3:PutObject", bucket("keys/x"), { ...inside, ...ourKey, ...http }, "Denied"],
  [`${name}: policy stays the administrator's (no lock-out)`, admin, "s3:PutBucketPolicy", bucket(), outside, "Allowed"],
  [`${name}: no other account lists`, stranger, "s3:ListBucket", bucket(), outside, "Denied"],
  [`${name}: no other account reads`, stranger, "s3:GetObject", bucket("keys/x"), outside, "Denied"],
  [`${name}: no other account reads from V`, stranger, "s3:GetObject", bucket("keys/x"), inside, "Denied"],
  [`${name}: no other account writes`, stranger, "s3:PutObject", bucket("keys/x"), ourKey, "Denied"],
  [`${name}: nobody unknown reads`, anonymous, "s3:GetObject", bucket("keys/x"), outside, "Denied"],
  [`${name}: nobody unknown lists`, anonymous, "s3:ListBucket", bucket(), outside, "Denied"],
])

// Who writes there in earnest, so that only the header decides.
const written = {
  S3D: [uploader, data("cohort/1.csv"), outside],
  S3O: [worker, output("runs/r1/result"), inside],
  S3L: [worker, logs("access/r1/1"), inside],
  S3A: [admin, ancillary("keys/homer"), outside],
}
const sealed = Object.entries(written).flatMap(([name, [who, object, where]]) =>
  [
    ["under our key", ourKey, "Allowed"],
    ["without a header", noHeader, "Denied"],
    ["under S3's own key", aes256, "Denied"],
    ["under no named key", kmsWithoutKey, "Denied"],
    ["under another key", otherKey, "Denied"],
    ["twice encrypted", ourKeyTwice, "Denied"],
  ].map(([how, header, expected]) =>
    [`${name}: written ${how}`, who, "s3:PutObject", object, { ...where, ...header }, expected]),
)

// An administrator has every right of their own: the bucket decides.
const objects = { S3D: data("x"), S3O: output("runs/x"), S3L: logs("access/x"), S3A: ancillary("keys/x") }
const moves = ["GetObject", "GetObjectVersion", "DeleteObject", "DeleteObjectVersion"]
const insideOnly = Object.entries(objects).flatMap(([name, object]) => [
  [`${name}: from V the administrator reaches the sealed object`, admin, "s3:GetObject", object, inside, "Allowed"],
  [`${name}: nor by another network's endpoint`, admin, "s3:GetObject", object, elsewhere, "Denied"],
  ...moves.map((move) =>
    [`${name}: ${move} from outside V`, admin, `s3:${move}`, object, outside, "Denied"]),
])

export default [
  ...closed,
  ...sealed,
  ...insideOnly,

  ["S3D: the administrator writes nothing from outside", admin, "s3:PutObject", data("x"), ourKey, "Denied"],
  ["S3D: nor by another network's endpoint (write)", admin, "s3:PutObject", data("x"), { ...elsewhere, ...ourKey }, "Denied"],
  ["S3D: from V the bucket takes what has the right", admin, "s3:PutObject", data("x"), { ...inside, ...ourKey }, "Allowed"],
  ["S3D: the owner of data uploads from V, too", uploader, "s3:PutObject", data("x"), { ...inside, ...ourKey }, "Allowed"],
  ["S3O: the administrator writes nothing from outside", admin, "s3:PutObject", output("runs/x"), ourKey, "Denied"],
  ["S3L: the administrator writes nothing from outside", admin, "s3:PutObject", logs("access/x"), ourKey, "Denied"],
  ["S3O: a worker's right does not count outside V", worker, "s3:PutObject", output("runs/x"), ourKey, "Denied"],
  ["S3L: a worker's record does not count outside V", worker, "s3:PutObject", logs("access/x"), ourKey, "Denied"],
  ["S3A: templates are read from outside", admin, "s3:GetObject", ancillary("templates/environment.yaml"), outside, "Allowed"],
  ["a role that an administrator makes reads nothing from outside", madeRole, "s3:GetObject", data("x"), outside, "Denied"],
]
