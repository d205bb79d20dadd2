// Holes: edits of the template that grant too much or deny required access,
// each with the cases that must detect it.
//
// Used by simulate.mjs. An edit that finds nothing to change ends the program:
// a hole that was never opened cannot be detected.
const policies = ["PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"]

function statements(template, id) {
  const properties = template.Resources[id]?.Properties ?? {}
  const name = policies.find((one) => one in properties)
  if (!name) throw new Error(`no policy in ${id}`)
  return properties[name].Statement
}
function statement(template, id, sid) {
  const all = statements(template, id)
  const found = sid === undefined ? all[0] : all.find((one) => one.Sid === sid)
  if (!found) throw new Error(`no ${sid} in ${id}`)
  return found
}

const both = (...edits) => (template) => edits.forEach((edit) => edit(template))
const drop = (id, sid) => (template) => {
  const all = statements(template, id)
  all.splice(all.indexOf(statement(template, id, sid)), 1)
}
/** Removes a key of a statement's conditions, or all conditions. */
const without = (id, sid, operator, key) => (template) => {
  const one = statement(template, id, sid)
  const conditions = operator ? one.Condition : one
  const at = operator ?? "Condition"
  if (!(at in (conditions ?? {}))) throw new Error(`no ${at} in ${id} ${sid}`)
  if (key === undefined || Object.keys(conditions[at]).length === 1) delete conditions[at]
  else if (key in conditions[at]) delete conditions[at][key]
  else throw new Error(`no ${key} in ${id} ${sid}`)
}
const put = (id, sid, member, value) => (template) => {
  const one = statement(template, id, sid)
  if (!(member in one)) throw new Error(`no ${member} in ${id} ${sid}`)
  one[member] = value
}
const more = (id, sid, ...actions) => (template) => {
  const one = statement(template, id, sid)
  one.Action = [one.Action, actions].flat()
}
const add = (id, one) => (template) => statements(template, id).push(one)
const inWords = (id, sid, operator, key, change) => (template) => {
  const condition = statement(template, id, sid).Condition[operator]
  if (!(key in condition)) throw new Error(`no ${key} in ${id} ${sid}`)
  condition[key] = change(condition[key])
}
const roleOf = (name) => ({ "Fn::Sub": `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/hipaa-${name}` })

const buckets = { S3D: "S3DPolicy", S3O: "S3OPolicy", S3L: "S3LPolicy", S3A: "S3APolicy" }
const everyBucket = { ...buckets, AccessLogs: "AccessLogsPolicy" }
const queues = { units: "UnitsPolicy", dead: "UnitsDeadPolicy", uploads: "UploadsPolicy" }
const insideOnly = { S3D: "ReadInsideOnly", S3O: "InsideOnly", S3L: "InsideOnly", S3A: "InsideOnly" }

export default [
  ...Object.entries(buckets).flatMap(([name, id]) => [
    [`${name} with any key`, drop(id, "OurKeyOnly"), [`${name}: written with another key`, `${name}: written with no named key`]],
    [`${name} encrypted in any way`, drop(id, "EncryptedOnly"), [`${name}: written with double encryption`]],
    [`${name} without any encryption rule`, both(drop(id, "OurKeyOnly"), drop(id, "EncryptedOnly")),
      [`${name}: written without a header`, `${name}: written with S3's own key`]],
    [`${name} from everywhere`, drop(id, insideOnly[name]),
      [`${name}: GetObject from outside the VPC`, `${name}: DeleteObjectVersion from outside the VPC`, `${name}: nor by another network's endpoint`]],
    [`${name} from nowhere`, without(id, insideOnly[name], "StringNotEquals", "aws:SourceVpce"),
      [`${name}: from the VPC the administrator reaches the sealed object`]],
  ]),
  ...Object.entries(everyBucket).flatMap(([name, id]) => [
    [`${name} over http`, drop(id, "TlsOnly"), [`${name}: not over http`]],
    [`${name} for everyone`, add(id, { Sid: "World", Effect: "Allow", Principal: "*", Action: ["s3:ListBucket"], Resource: "*" }),
      [`${name}: no anonymous caller lists`, `${name}: no other account lists`]],
    [`${name} locked out`, put(id, "TlsOnly", "Condition", {}),
      [`${name}: the administrator can change the policy (no lock-out)`, `${name}: the administrator lists it`]],
  ]),
  ...Object.entries(queues).map(([name, id]) =>
    [`queue ${name} locked out`, without(id, "TlsOnly", "Bool"), [`queue ${name}: the administrator sends`]]),
  ...Object.entries(queues).map(([name, id]) =>
    [`queue ${name} over http`, put(id, "TlsOnly", "Action", "sqs:PurgeQueue"), [`queue ${name}: not over http`]]),
  ["notices over http", drop("NoticesPolicy", "TlsOnly"), ["notices: not over http"]],
  ["S3D written from everywhere", drop("S3DPolicy", "WriteInsideOnly"), ["S3D: the administrator writes nothing from outside"]],
  ["S3D closed to the owner of data", without("S3DPolicy", "WriteInsideOnly", "ArnNotEquals"), ["uploader writes data from outside"]],

  ["the key for the bastion",
    inWords("Key", "RolesThatHandleData", "ArnEquals", "aws:PrincipalArn", (list) => [...list, roleOf("bastion")]),
    ["key: bastion opens nothing itself, even with every permission", "key: bastion opens no data through S3, even with every permission"]],
  ["the key for everyone in the account", without("Key", "RolesThatHandleData", "ArnEquals"),
    ["key: the administrator opens nothing", "key: a role that an administrator creates opens no data (replication)"]],
  ["the key without the workers",
    inWords("Key", "RolesThatHandleData", "ArnEquals", "aws:PrincipalArn", (list) => list.slice(1)),
    ["key: worker opens data sealed for this project", "key: worker opens data through S3"]],
  ["the key managed and used", more("Key", "Administer", "kms:Decrypt"), ["key: the administrator opens nothing"]],
  ["the key that no one can manage", put("Key", "Administer", "Action", ["kms:DescribeKey"]),
    ["key: the administrator changes its policy (no lock-out)"]],
  ["the key through S3 for everyone",
    inWords("Key", "ThroughServices", "StringEquals", "kms:ViaService", (list) => [...list, "s3.us-east-1.amazonaws.com"]),
    ["key: the administrator opens no data through S3"]],
  ["objects with health data", without("Key", "ObjectsWithoutHealthData", "ArnLike"),
    ["key: the administrator opens no result through S3"]],
  ["grants to anyone", without("Key", "GrantsForServices", "Bool"), ["key: nor through a service to another principal"]],
  ["the custodian wraps anything", without("Key", "WrapHomerKey", "StringEquals", "kms:EncryptionContext:use"),
    ["key: the custodian wraps nothing else", "key: the administrator encrypts nothing"]],
  ["any log group", without("Key", "LogGroups"), ["key: CloudWatch Logs for no other group", "key: CloudWatch Logs for no unnamed group"]],
  ["any trail's key", without("Key", "Trail"), ["key: CloudTrail for no other trail"]],
  ["any account's alarms", without("Key", "Alarms"), ["key: no alarm of another account"]],
  ["any bucket's events", without("Key", "UploadEvents", "ArnEquals"), ["key: S3 for no other bucket's events"]],

  ["another account's bucket with our prefix", without("S3EP", "OwnBuckets", "StringEquals", "aws:ResourceAccount"),
    ["endpoint: another account's bucket with our prefix receives no data"]],
  ["another account's role", put("StsEP", "OwnRoles", "Resource", "*"), ["endpoint: no role of another account is assumed"]],
  ["a lock that can be bypassed", drop("S3LPolicy", "LockHolds"), ["S3L: the administrator does not bypass the lock"]],
  ["replication from everywhere", put("S3DPolicy", "ReadInsideOnly", "Action", ["s3:GetObject"]),
    ["S3D: replication reads nothing from outside", "S3D: GetObjectVersion from outside the VPC"]],
  ["subscription over http", put("NoticesPolicy", "TlsOnly", "Action", "sns:Publish"), ["notices: no subscription over http"]],
  ["any template", put("BastionFleetPolicy", "LaunchPrivately", "Resource", { "Fn::Sub": "arn:${AWS::Partition}:ec2:*:*:launch-template/*" }),
    ["launch: by no other template"]],
  ["another account's bucket",
    both(put("S3EP", "OwnBuckets", "Resource", "*"), without("S3EP", "OwnBuckets", "StringEquals", "aws:ResourceAccount")),
    ["endpoint: no other account's bucket receives our data", "endpoint: nothing is read from another account's bucket"]],
  ["another account's credentials", without("S3EP", "OwnBuckets"), ["endpoint: nor write to our buckets"]],
  ["packages written", put("S3EP", "Packages", "Action", "s3:*"), ["endpoint: packages are not written"]],
  ["the key's endpoint for managing", more("KmsEP", "OwnKey", "kms:PutKeyPolicy"), ["endpoint kms: no kms:PutKeyPolicy"]],

  ["the bastion opens", both(drop("BastionPolicy", "NeverOpen"), more("BastionPolicy", "AbortUploads", "s3:GetObject")),
    ["bastion opens nothing in S3D", "bastion opens nothing in S3O", "bastion opens nothing in S3A"]],
  ["the bastion opens with every permission", drop("BastionPolicy", "NeverOpen"),
    ["bastion opens nothing in S3D, even with every permission", "bastion opens no version in S3A, even with every permission"]],
  ["the bastion reads every log", put("BastionPolicy", "ReadRecords", "Resource", { "Fn::Sub": "${S3L.Arn}/*" }),
    ["bastion reads no trail"]],
  ["every project's seal", without("WorkerPolicy", "OpenAndSeal"),
    ["key: worker opens nothing of another project", "key: worker seals nothing for another project"]],
  ["every project's seal for the workbench", without("WorkbenchPolicy", "Open"), ["key: workbench opens nothing of another project"]],
  ["a worker terminates others", without("WorkerPolicy", "EndItself"), ["end: a worker terminates no other"]],
  ["a worker cannot terminate itself", drop("WorkerPolicy", "EndItself"), ["end: a worker terminates itself"]],
  ["a worker writes data", more("WorkerPolicy", "ReadData", "s3:PutObject", "s3:DeleteObject"),
    ["worker writes no data", "worker deletes no data"]],
  ["a worker writes the whole of S3O", put("WorkerPolicy", "WriteResults", "Resource", { "Fn::Sub": "${S3O.Arn}/*" }),
    ["worker writes results under runs/ only"]],
  ["a worker writes the whole of S3L", put("WorkerPolicy", "WriteRecords", "Resource", { "Fn::Sub": "${S3L.Arn}/*" }),
    ["worker writes nothing else among the records"]],
  ["a worker without records", drop("WorkerPolicy", "WriteRecords"), ["worker writes access records", "worker writes its log"]],
  ["the workbench writes", more("WorkbenchPolicy", "ReadDataAndResults", "s3:PutObject"), ["workbench writes no result"]],
  ["intake registers anything", without("IntakePolicy", "RegisterNames"), ["intake registers no run", "intake registers no run along with a name"]],
  ["uploader registers anything", without("UploaderPolicy", "RegisterNames"), ["uploader registers no run"]],
  ["uploader reads", both(more("UploaderPolicy", "Put", "s3:GetObject"), drop("S3DPolicy", "ReadInsideOnly")), ["uploader reads nothing back"]],
  ["uploader opens seals", more("UploaderPolicy", "Seal", "kms:Decrypt"), ["key: uploader opens nothing itself"]],

  ["shared hardware", without("BastionFleetPolicy", "LaunchDedicated", "StringEquals", "ec2:Tenancy"), ["launch: not on shared hardware"]],
  ["launch without the template", without("BastionFleetPolicy", "LaunchDedicated", "Bool"), ["launch: not without the template"]],
  ["any role for a machine", without("BastionFleetPolicy", "LaunchDedicated", "ArnEquals"), ["launch: not with the workbench's role"]],
  ["plain volumes", without("BastionFleetPolicy", "LaunchEncrypted", "Bool"), ["launch: no plain volume"]],
  ["any subnet", put("BastionFleetPolicy", "LaunchPrivately", "Resource", "*"),
    ["launch: not in Spublic", "launch: not in the bastion's security group"]],
  ["any tag at any time", without("BastionFleetPolicy", "TagWhatIsLaunched"), ["tags: not on an existing machine"]],
  ["any role passed", put("BastionFleetPolicy", "GiveWorkersTheirRole", "Resource", "*"),
    ["role: not the workbench's", "role: not the bastion's own", "role: not the uploader's"]],
  ["a role passed to any service", without("BastionFleetPolicy", "GiveWorkersTheirRole"), ["role: to no other service"]],
  ["grants by any service", without("BastionFleetPolicy", "GiveVolumesTheKey"), ["key: bastion gives it through no other service"]],
  ["any machine removed", without("BastionFleetPolicy", "RemoveWorkers"),
    ["end: the bastion terminates nothing untagged", "volumes: the bastion does not remove the workbench's"]],

  ["trust of the uploader, without a tag", without("UploaderRole", undefined),
    ["trust: no user without a tag does", "trust: no user of another project does"]],
  ["trust of the uploader, for everyone", put("UploaderRole", undefined, "Principal", { AWS: "*" }),
    ["trust: no other account does, whatever its tag"]],
  ["trust of intake, for the account", put("IntakeRole", undefined, "Principal", { AWS: "123456789012" }),
    ["trust: the administrator does not assume the intake role"]],
  ["trust of the flow log, for any account", without("FlowLogRole", undefined), ["trust: no flow log of another account"]],
  ["trust of the trail, for any trail", without("TrailRole", undefined), ["trust: no other trail does"]],
  ["trust of Config, for any account", without("ConfigRole", undefined), ["trust: no other account's Config does"]],
  ["trust of the worker, for any service", put("WorkerRole", undefined, "Principal", { Service: ["ec2.amazonaws.com", "lambda.amazonaws.com"] }),
    ["trust: Lambda does not assume the worker's role"]],

  ["uploads of any bucket", without("UploadsPolicy", "S3dTells"), ["S3 sends no other bucket's uploads", "S3 sends nothing without a source"]],
  ["any trail in S3L", without("S3LPolicy", "TrailWrites", "StringEquals", "aws:SourceArn"), ["trail: no other writes S3L"]],
  ["the trail anywhere in S3L", put("S3LPolicy", "TrailWrites", "Resource", { "Fn::Sub": "${S3L.Arn}/*" }), ["trail: writes nowhere else in S3L"]],
  ["the trail locked out", without("S3LPolicy", "InsideOnly", "Bool"), ["trail: writes S3L"]],
  ["any bucket's access logs", without("AccessLogsPolicy", "BucketsLog"), ["access logs: no other bucket's", "access logs: no other account's"]],
  ["any account's Config", without("AccessLogsPolicy", "ConfigWrites", "StringEquals", "aws:SourceAccount"), ["Config: not for another account"]],
  ["any account's notices", without("NoticesPolicy", "Alarms"), ["notices: no alarm of another account"]],
]
