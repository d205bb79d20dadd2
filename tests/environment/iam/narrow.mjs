// Cases: places that were open once, each narrow enough to be overlooked.
//
// Used by simulate.mjs. They were written before the template was mended.
import {
  admin, bastion, data, ec2, http, inside, logs, madeRole, notices, outside, ourKey, promoted, STRANGER, worker,
} from "./requests.mjs"

const open = (action) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: action, Resource: "*" }],
})
const theirs = (action) => ({ account: STRANGER, policy: open(action) })

export default [
  // "no stranger's bucket takes our data": names of buckets are the world's.
  ["endpoint: a stranger's bucket with our beginning takes no data", promoted(worker), "s3:PutObject",
    "arn:aws:s3:::hipaa-123456789012-evil/x", { ...inside, ...ourKey }, "Denied", theirs("s3:PutObject")],
  // "OwnRoles", and the resource is "*".
  ["endpoint: nobody becomes a stranger's role", promoted(worker), "sts:AssumeRole",
    `arn:aws:iam::${STRANGER}:role/evil`, inside, "Denied", theirs("sts:AssumeRole")],
  // "Nobody changes what was recorded": the lock is in governance mode.
  ["S3L: the administrator does not pass by the lock", admin, "s3:BypassGovernanceRetention",
    logs("access/r1/1"), outside, "Denied"],
  // "by the launch template": by any of the account's.
  ["launch: by no other template", bastion, "ec2:RunInstances", ec2("launch-template/lt-other"),
    { ...inside, "ec2:IsLaunchTemplateResource": "true" }, "Denied"],
  // TlsOnly of the queues is about every call; the topic's about publishing.
  ["notices: no subscription over http", admin, "sns:Subscribe", notices, http, "Denied"],
  // A replication rule reads by an action of its own.
  ["S3D: replication reads nothing from outside", madeRole, "s3:GetObjectVersionForReplication", data("x"), outside, "Denied"],
]
