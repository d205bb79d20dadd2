// Holes: edits of the template that open something, each with the cases that
// must notice.
//
// Used by simulate.mjs. A hole that no case notices is a fault of the cases, and
// an edit that finds nothing to change is a fault of the hole.
const document = (template, id) => {
  const { PolicyDocument, KeyPolicy, AssumeRolePolicyDocument } = template.Resources[id].Properties
  return PolicyDocument ?? KeyPolicy ?? AssumeRolePolicyDocument
}
const statement = (template, id, sid) => {
  const found = document(template, id).Statement.find((one) => !sid || one.Sid === sid)
  if (!found) throw new Error(`${id} has no ${sid}`)
  return found
}
const without = (id, sid) => (template) => {
  const policy = document(template, id)
  const rest = policy.Statement.filter((one) => one !== statement(template, id, sid))
  policy.Statement = rest
}
const unbound = (id, sid) => (template) => {
  if (!delete statement(template, id, sid).Condition) throw new Error(`${id} ${sid} is bound by nothing`)
}
const change = (id, sid, words) => (template) => Object.assign(statement(template, id, sid), words)
const allowing = (id, action, resource, more = {}) => (template) =>
  document(template, id).Statement.push({ Sid: "Hole", Effect: "Allow", Action: action, Resource: resource, ...more })
const both = (...edits) => (template) => edits.forEach((edit) => edit(template))
const dataObjects = { "Fn::Sub": "${S3D.Arn}/*" }
const key = { "Fn::GetAtt": ["Key", "Arn"] }

export default [
  ["other keys are taken", without("S3DPolicy", "OurKeyOnly"), ["S3D: written under no named key", "S3D: written under another key"]],
  ["what is twice encrypted is taken", without("S3OPolicy", "EncryptedOnly"), ["S3O: written twice encrypted"]],
  ["calls without TLS are answered", without("S3LPolicy", "TlsOnly"), ["S3L: not over http"]],
  ["data are read from anywhere", without("S3DPolicy", "ReadInsideOnly"), ["worker reads no data from elsewhere"]],
  ["data are written from anywhere", without("S3DPolicy", "WriteInsideOnly"), ["S3D: the administrator writes nothing from outside"]],
  ["B may read data", both(without("BastionPolicy", "NeverOpen"), allowing("BastionPolicy", "s3:GetObject", dataObjects)), ["bastion opens nothing in S3D"]],
  ["W opens other projects' data", unbound("WorkerPolicy", "OpenAndSeal"), ["key: worker opens nothing of another project", "key: worker opens nothing that names no project"]],
  ["B handles data", (template) => {
    const roles = statement(template, "Key", "RolesThatHandleData").Condition.ArnEquals["aws:PrincipalArn"]
    roles.push("arn:aws:iam::123456789012:role/hipaa-bastion")
  }, ["key: bastion opens nothing itself, whatever it is given"]],
  ["everybody of the account handles data", unbound("Key", "RolesThatHandleData"), ["key: the administrator opens nothing", "key: a role that an administrator makes opens nothing itself"]],
  ["the administrator uses the key", change("Key", "Administer", { Action: "kms:*" }), ["key: the administrator opens nothing", "key: the administrator gives the key to nobody"]],
  ["any trail uses the key", unbound("Key", "Trail"), ["key: CloudTrail for no other trail"]],
  ["S3 uses the key for strangers", unbound("Key", "UploadEvents"), ["key: S3 for no other account's events", "key: S3 for no other bucket's events"]],
  ["grants for anybody", unbound("BastionFleetPolicy", "GiveVolumesTheKey"), ["key: bastion gives it by no other service"]],
  ["launches on shared hardware", unbound("BastionFleetPolicy", "LaunchDedicated"), ["launch: not on shared hardware", "launch: not with the workbench's role"]],
  ["volumes in the clear", unbound("BastionFleetPolicy", "LaunchEncrypted"), ["launch: no plain volume"]],
  ["workers outside Sprivate", change("BastionFleetPolicy", "LaunchPrivately", { Resource: "*" }), ["launch: not in Spublic", "launch: by no other template"]],
  ["W deletes data", both(allowing("WorkerPolicy", "s3:DeleteObject", dataObjects)), ["worker deletes no data"]],
  ["W writes anywhere among results", change("WorkerPolicy", "WriteResults", { Resource: { "Fn::Sub": "${S3O.Arn}/*" } }), ["worker writes results under runs/ only"]],
  ["the lock is passed by", without("S3LPolicy", "LockHolds"), ["S3L: the administrator does not pass by the lock"]],
  ["the endpoint leads to strangers", unbound("S3EP", "OwnBuckets"), ["endpoint: a stranger's bucket with our beginning takes no data"]],
  ["the workbench makes data keys", allowing("WorkbenchPolicy", "kms:GenerateDataKey", key), ["key: workbench makes no data key"]],
  ["W ends any machine", unbound("WorkerPolicy", "EndItself"), ["end: a worker ends no other"]],
  ["everybody of the account uploads", unbound("UploaderRole"), ["trust: no person of another project does"]],
  ["intake changes runs", unbound("IntakePolicy", "RegisterNames"), ["intake registers no run"]],
  ["any role is given", change("BastionFleetPolicy", "GiveWorkersTheirRole", { Resource: "*" }), ["role: not the workbench's"]],
]
