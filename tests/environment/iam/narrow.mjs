// Cases: holes that existed once, each narrow enough to be overlooked.
//
// Used by simulate.mjs. The cases were written before the template was fixed.
import {
  admin, bastion, data, ec2, http, inside, logs, madeRole, notices, outside, ourKey, promoted, STRANGER, worker,
} from "./requests.mjs"

const open = (action) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: action, Resource: "*" }],
})
const theirs = (action) => ({ account: STRANGER, policy: open(action) })

export default [
  // Statement OwnBuckets: other accounts can create buckets with our prefix.
  ["endpoint: another account's bucket with our prefix receives no data", promoted(worker), "s3:PutObject",
    "arn:aws:s3:::hipaa-123456789012-evil/x", { ...inside, ...ourKey }, "Denied", theirs("s3:PutObject")],
  // Statement OwnRoles, when its resource was "*".
  ["endpoint: no role of another account is assumed", promoted(worker), "sts:AssumeRole",
    `arn:aws:iam::${STRANGER}:role/evil`, inside, "Denied", theirs("sts:AssumeRole")],
  // Records cannot be changed, but governance mode can be bypassed.
  ["S3L: the administrator does not bypass the lock", admin, "s3:BypassGovernanceRetention",
    logs("access/r1/1"), outside, "Denied"],
  // From the launch template: not from any other of the account.
  ["launch: by no other template", bastion, "ec2:RunInstances", ec2("launch-template/lt-other"),
    { ...inside, "ec2:IsLaunchTemplateResource": "true" }, "Denied"],
  // The queues' TlsOnly covers every action; the topic's covered publishing
  // only.
  ["notices: no subscription over http", admin, "sns:Subscribe", notices, http, "Denied"],
  // A replication rule reads with an action of its own.
  ["S3D: replication reads nothing from outside", madeRole, "s3:GetObjectVersionForReplication", data("x"), outside, "Denied"],
]
