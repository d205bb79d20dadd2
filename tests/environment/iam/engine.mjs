// Decides one case with the simulator.
//
// Used by simulate.mjs. It must never count a case as decided if the simulator
// did not evaluate all of it: an error or an ignored context key fails the
// case.
import { runSimulation } from "@cloud-copilot/iam-simulate"
import { ACCOUNT } from "./requests.mjs"
import { contextKey } from "./world.mjs"

/** The policy on the resource: null if it has none; a case may provide one. */
function policyOn(world, action, resource, given) {
  if (given.policy) return given.policy === "none" ? null : given.policy
  const [service] = action.split(":")
  if (["ec2", "iam", "logs"].includes(service)) return null
  const arn = service === "s3" ? resource.split("/")[0] : resource
  if (!(arn in world.on)) throw new Error(`there is no ${arn}`)
  return world.on[arn]
}

function identity(world, who) {
  if (who.anonymous || who.service) return []
  if (who.user || who.foreign) return who.plus
  if (!(who.arn in world.of)) throw new Error(`there is no role ${who.arn}`)
  return [...world.of[who.arn], ...who.plus]
}

/** The context keys that AWS adds to every request, and those of this case. */
function context(who, action, how, endpoint, account) {
  const caller = { "aws:SecureTransport": "true", "aws:ResourceAccount": account }
  if (who.service) {
    Object.assign(caller, { "aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": who.service })
  } else if (!who.anonymous) {
    caller["aws:PrincipalArn"] = who.arn
    caller["aws:PrincipalAccount"] = who.account
    caller["aws:PrincipalIsAWSService"] = "false"
    if (action.startsWith("kms:")) caller["kms:CallerAccount"] = who.account
  }
  if (endpoint) caller["aws:SourceVpce"] = endpoint.id
  const { inside, ...said } = how
  const all = Object.entries({ ...caller, ...said })
  return Object.fromEntries(all.map(([key, value]) => [contextKey(key), value]))
}

/** "Allowed", "Denied", or the error that prevented a decision. */
export const decide = (world, one) => ask(world, one).catch((error) => `error: ${error.message}`)

async function ask(world, [, who, action, resource, how, , given = {}]) {
  const service = action.split(":")[0]
  const endpoint = how.inside && (world.endpoints[service] ?? null)
  if (how.inside && !endpoint) return `error: the VPC has no endpoint for ${service}`
  const policy = policyOn(world, action, resource, given)
  const answer = await runSimulation(
    {
      request: {
        principal: who.anonymous ?? who.service ?? who.arn,
        action,
        resource: { resource, accountId: given.account ?? ACCOUNT },
        contextVariables: context(who, action, how, endpoint, given.account ?? ACCOUNT),
      },
      identityPolicies: identity(world, who),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(policy && { resourcePolicy: policy }),
      ...(endpoint && { vpcEndpointPolicies: [endpoint] }),
    },
    {},
  )
  if (answer.resultType !== "single") return `error: ${JSON.stringify(answer.errors ?? answer.resultType)}`
  // An ignored key would make a Deny ineffective, and the case would hold by
  // accident.
  const { ignoredContextKeys } = answer.result
  if (!Array.isArray(ignoredContextKeys)) return "error: the simulator did not report ignored keys"
  if (ignoredContextKeys.length) return `error: ignored ${ignoredContextKeys.join(", ")}`
  return answer.overallResult === "Allowed" ? "Allowed" : "Denied"
}
