// Principals, resources and request contexts, from which the cases are built.
//
// Used by every table of cases. Names are written as docs and `sce` use them,
// not taken from the template, so that a renamed resource is detected. It must
// never set a context key that AWS would not send with the request.
import { anonymousPrincipal } from "@cloud-copilot/iam-simulate"

export const ACCOUNT = "123456789012"
export const STRANGER = "999999999999"
export const PARTITION = "aws"
export const REGION = "us-east-1"
export const VPCE = "vpce-0123456789abcdef0"
export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
const OTHER_KEY = `arn:aws:kms:${REGION}:${STRANGER}:key/00000000-0000-0000-0000-000000000000`

// ----- who -----------------------------------------------------------------

const policy = (name, action) => ({
  name,
  policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: action, Resource: "*" }] },
})
export const everything = policy("AdministratorAccess", "*")

const role = (name) => ({ arn: `arn:aws:iam::${ACCOUNT}:role/hipaa-${name}`, account: ACCOUNT, plus: [] })
const user = (name, account, ...plus) => ({ arn: `arn:aws:iam::${account}:user/${name}`, account, plus, user: true })

export const worker = role("worker")
export const bastion = role("bastion")
export const workbench = role("workbench")
export const intake = role("intake")
export const uploader = role("uploader")
export const flowlog = role("flowlog")
export const trail = role("trail")
export const config = role("config")
export const admin = user("admin", ACCOUNT, everything)
export const stranger = user("stranger", STRANGER, everything)
// A user who may assume any role that trusts them.
export const person = user("person", ACCOUNT, policy("assume", "sts:AssumeRole"))
// A role that an administrator creates, with every permission.
export const madeRole = { ...role("made"), arn: `arn:aws:iam::${ACCOUNT}:role/made`, plus: [everything], foreign: true }
export const anonymous = { anonymous: anonymousPrincipal }
export const service = (name) => ({ service: `${name}.amazonaws.com` })
/** The same role with AdministratorAccess attached. */
export const promoted = (who) => ({ ...who, plus: [everything] })

// ----- what ----------------------------------------------------------------

const bucket = (name) => (key) => `arn:aws:s3:::hipaa-${ACCOUNT}-${name}${key === undefined ? "" : `/${key}`}`
export const data = bucket("data")
export const output = bucket("output")
export const logs = bucket("logs")
export const ancillary = bucket("ancillary")
export const accessLogs = bucket("access-logs")
const queue = (name) => `arn:aws:sqs:${REGION}:${ACCOUNT}:hipaa-${name}`
export const units = queue("units")
export const dead = queue("units-dead")
export const uploads = queue("uploads")
export const notices = `arn:aws:sns:${REGION}:${ACCOUNT}:hipaa-notices`
export const ledger = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/hipaa-ledger`
export const ec2 = (what) => `arn:aws:ec2:${REGION}:${ACCOUNT}:${what}`
export const machine = (id = "i-0aaa") => ec2(`instance/${id}`)
export const trailArn = `arn:aws:cloudtrail:${REGION}:${ACCOUNT}:trail/hipaa-trail`

// ----- how -----------------------------------------------------------------

/** Through the VPC's endpoint of the service, whose policy applies, too. */
export const inside = { inside: true }
/** Over the internet. */
export const outside = {}
/** Through an endpoint of another VPC. */
export const elsewhere = { "aws:SourceVpce": "vpce-0fedcba9876543210" }
export const http = { "aws:SecureTransport": "false" }
const sse = "s3:x-amz-server-side-encryption"
export const noHeader = {}
export const aes256 = { [sse]: "AES256" }
export const kmsWithoutKey = { [sse]: "aws:kms" }
export const ourKey = { [sse]: "aws:kms", [`${sse}-aws-kms-key-id`]: KEY }
export const otherKey = { [sse]: "aws:kms", [`${sse}-aws-kms-key-id`]: OTHER_KEY }
// With our key, but double encryption: not the value that the rule requires.
export const ourKeyTwice = { [sse]: "aws:kms:dsse", [`${sse}-aws-kms-key-id`]: KEY }

/** Use of the key by a service on behalf of its caller. */
export const via = (name) => ({ "kms:ViaService": `${name}.${REGION}.amazonaws.com` })
/** Use of the key by S3, for an object of the bucket. */
export const viaS3 = (bucketArn) => ({ ...via("s3"), "kms:EncryptionContext:aws:s3:arn": bucketArn })
/** Use of the key for a sealed object, with its encryption context. */
export const sealedFor = (pit, use) => ({
  "kms:EncryptionContext:pit": pit,
  ...(use && { "kms:EncryptionContext:use": use }),
})
export const rows = (...keys) => ({ "dynamodb:LeadingKeys": keys })
/** A service's call on behalf of a resource of an account. */
export const from = (arn, account = ACCOUNT) => ({
  ...(arn && { "aws:SourceArn": arn }),
  ...(account && { "aws:SourceAccount": account }),
})
export const ownerControls = { "s3:x-amz-acl": "bucket-owner-full-control" }
export const tagged = (pit) => ({ "aws:PrincipalTag/PIT": pit })
