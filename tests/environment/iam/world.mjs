// The policies of a rendered template with references resolved: those that an
// account would have after deployment.
//
// Used by simulate.mjs. It must never guess: an unknown function, reference or
// managed policy ends the program, because a silently omitted policy would make
// every later case worthless.
import { ACCOUNT, KEY, PARTITION, REGION, VPCE } from "./requests.mjs"

const PSEUDO = { "AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION, "AWS::Region": REGION }
// The only AWS managed policy that is attached; it reads settings, never
// objects.
const AWS_POLICIES = [`arn:${PARTITION}:iam::aws:policy/service-role/AWS_ConfigRole`]

const fail = (text) => {
  throw new Error(text)
}
const list = (value) => (Array.isArray(value) ? value : [value])

class Resolver {
  constructor(template) {
    this.template = template
    this.resources = template.Resources
  }

  ofType(type) {
    return Object.keys(this.resources).filter((id) => this.resources[id].Type === type)
  }

  property(id, name) {
    return this.value(this.resources[id].Properties[name] ?? fail(`${id} has no ${name}`))
  }

  ref(name) {
    if (name in PSEUDO) return PSEUDO[name]
    if (name in this.resources) return this.refOf(name, this.resources[name].Type)
    return this.template.Parameters?.[name]?.Default ?? fail(`unknown reference ${name}`)
  }

  refOf(id, type) {
    switch (type) {
      case "AWS::S3::Bucket":
        return this.property(id, "BucketName")
      case "AWS::SNS::Topic":
      case "AWS::SQS::Queue":
        return this.arn(id)
      case "AWS::KMS::Key":
        return KEY.split("/")[1]
      case "AWS::IAM::Role":
        return this.property(id, "RoleName")
      case "AWS::EC2::VPCEndpoint":
        return id === "S3EP" ? VPCE : `vpce-${id.toLowerCase()}`
      case "AWS::EC2::Subnet":
        return `subnet-${id.toLowerCase()}`
      case "AWS::EC2::LaunchTemplate":
        return `lt-${id.toLowerCase()}`
      case "AWS::EC2::SecurityGroup":
        return `sg-${id.toLowerCase()}`
      default:
        return fail(`no reference to ${id}, ${type}`)
    }
  }

  arn(id) {
    const type = (this.resources[id] ?? fail(`no ${id}`)).Type
    const of = (service, rest, region = REGION, account = ACCOUNT) =>
      `arn:${PARTITION}:${service}:${region}:${account}:${rest}`
    switch (type) {
      case "AWS::S3::Bucket":
        return of("s3", this.property(id, "BucketName"), "", "")
      case "AWS::SQS::Queue":
        return of("sqs", this.property(id, "QueueName"))
      case "AWS::SNS::Topic":
        return of("sns", this.property(id, "TopicName"))
      case "AWS::DynamoDB::Table":
        return of("dynamodb", `table/${this.property(id, "TableName")}`)
      case "AWS::KMS::Key":
        return KEY
      case "AWS::IAM::Role":
        return of("iam", `role/${this.property(id, "RoleName")}`, "")
      case "AWS::IAM::InstanceProfile":
        return of("iam", `instance-profile/${this.property(id, "InstanceProfileName")}`, "")
      default:
        return fail(`no ARN of ${id}, ${type}`)
    }
  }

  att(name, attribute) {
    return attribute === "Arn" ? this.arn(name) : fail(`no ${name}.${attribute}`)
  }

  sub(text) {
    if (typeof text !== "string") fail(`no Fn::Sub of ${JSON.stringify(text)}`)
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal, name) => {
      if (literal) return `\${${name}}`
      const dot = name.lastIndexOf(".")
      return dot < 0 ? this.ref(name) : this.att(name.slice(0, dot), name.slice(dot + 1))
    })
  }

  value(value) {
    if (Array.isArray(value)) return value.map((item) => this.value(item))
    if (value === null || typeof value !== "object") return value
    const keys = Object.keys(value)
    if (keys.length === 1) {
      const [key] = keys
      if (key === "Ref") return this.ref(value.Ref)
      if (key === "Fn::GetAtt") return this.att(...[value[key]].flat().join(".").split("."))
      if (key === "Fn::Sub") return this.sub(value[key])
      if (key.startsWith("Fn::")) fail(`${key} in a policy`)
    }
    return Object.fromEntries(keys.map((key) => [key, this.value(value[key])]))
  }
}

// The simulator does not support keys with a variable suffix after a colon and
// would ignore them: rename them to a supported key, here and in every request.
export const contextKey = (key) =>
  key.startsWith("kms:EncryptionContext:") ? `aws:RequestTag/${key}` : key

function known(policy) {
  const keys = (operator) =>
    Object.fromEntries(Object.entries(operator).map(([key, value]) => [contextKey(key), value]))
  const conditions = (condition) =>
    Object.fromEntries(Object.entries(condition).map(([name, operator]) => [name, keys(operator)]))
  const statement = (one) =>
    one.Condition ? { ...one, Condition: conditions(one.Condition) } : one
  return { ...policy, Statement: list(policy.Statement).map(statement) }
}

/** Collects every policy of the template, by the resource that it applies to. */
export function world(template) {
  const resolver = new Resolver(template)
  const document = (id, name = "PolicyDocument") => known(resolver.property(id, name))

  // Resource policies, by the ARN of their resource.
  const on = {}
  const attach = (arn, policy) => {
    if (on[arn]) fail(`two policies on ${arn}`)
    on[arn] = policy
  }
  // A resource without a policy must be known, too.
  for (const type of ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"]) {
    for (const id of resolver.ofType(type)) on[resolver.arn(id)] = null
  }
  for (const id of resolver.ofType("AWS::S3::BucketPolicy")) {
    attach(`arn:${PARTITION}:s3:::${resolver.property(id, "Bucket")}`, document(id))
  }
  for (const id of resolver.ofType("AWS::SQS::QueuePolicy")) {
    for (const queue of resolver.property(id, "Queues")) attach(queue, document(id))
  }
  for (const id of resolver.ofType("AWS::SNS::TopicPolicy")) {
    for (const topic of resolver.property(id, "Topics")) attach(topic, document(id))
  }
  for (const id of resolver.ofType("AWS::KMS::Key")) attach(KEY, document(id, "KeyPolicy"))
  for (const id of resolver.ofType("AWS::DynamoDB::Table")) on[resolver.arn(id)] = null

  // Identity policies, by the role's ARN; its trust policy is the resource
  // policy.
  const of = {}
  for (const id of resolver.ofType("AWS::IAM::Role")) {
    const arn = resolver.arn(id)
    attach(arn, document(id, "AssumeRolePolicyDocument"))
    const properties = template.Resources[id].Properties
    const managed = (properties.ManagedPolicyArns ?? []).flatMap((policy) => {
      if (policy.Ref in template.Resources) {
        return [{ name: policy.Ref, policy: document(policy.Ref) }]
      }
      const foreign = resolver.value(policy)
      return AWS_POLICIES.includes(foreign) ? [] : fail(`${id} has ${foreign}`)
    })
    const inline = (properties.Policies ?? []).map((policy) => ({
      name: `${id} inline`,
      policy: known(resolver.value(policy.PolicyDocument)),
    }))
    of[arn] = [...managed, ...inline]
  }
  const attached = resolver.ofType("AWS::IAM::ManagedPolicy")
    .filter((id) => ["Roles", "Users", "Groups"].some((way) => way in template.Resources[id].Properties))
  if (attached.length || resolver.ofType("AWS::IAM::Policy").length) {
    fail("policies are attached in an unsupported way")
  }

  // Endpoints, by their service.
  const endpoints = {}
  for (const id of resolver.ofType("AWS::EC2::VPCEndpoint")) {
    const service = resolver.property(id, "ServiceName").split(".").at(-1)
    endpoints[service] = { id: resolver.ref(id), name: id, policy: document(id) }
  }
  return { on, of, endpoints }
}
