// Evaluates every case against the policies of a rendered template, and then
// opens holes in them to prove that the cases detect them.
//
//     node tests/environment/iam/simulate.mjs --template FILE.json
//
// Used by `make test-environment`. Prints a line for each case that does not
// hold and each hole that is not detected, and then exits 1. It must never call
// AWS or change the template.
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import bucket from "./bucket.mjs"
import endpoints from "./endpoints.mjs"
import { decide } from "./engine.mjs"
import fleet from "./fleet.mjs"
import holes from "./holes.mjs"
import keys from "./keys.mjs"
import narrow from "./narrow.mjs"
import rights from "./rights.mjs"
import roles from "./roles.mjs"
import trust from "./trust.mjs"
import { world } from "./world.mjs"

const { values } = parseArgs({ options: { template: { type: "string" } } })
if (!values.template) {
  console.error("usage: simulate.mjs --template FILE.json")
  process.exit(2)
}
const template = JSON.parse(readFileSync(values.template, "utf8"))
const cases = [...bucket, ...endpoints, ...keys, ...roles, ...rights, ...fleet, ...trust, ...narrow]
const byName = new Map(cases.map((one) => [one[0], one]))

const broken = []
const names = cases.map(([name]) => name)
for (const name of new Set(names.filter((one, at) => names.indexOf(one) !== at))) {
  broken.push(`two cases have the same name: ${name}`)
}

const whole = world(template)
let held = 0
for (const one of cases) {
  const answer = await decide(whole, one)
  if (answer === one[5]) held += 1
  else broken.push(`${one[0]}: expected ${one[5]}, got ${answer}`)
}

// A case flips if it is decided with the opposite result.
const other = { Allowed: "Denied", Denied: "Allowed" }
async function missedBy(edit, flips) {
  const opened = structuredClone(template)
  edit(opened)
  const edited = world(opened)
  const missed = flips.length ? [] : ["it names no case"]
  for (const name of flips) {
    const one = byName.get(name)
    if (!one) missed.push(`there is no case ${name}`)
    else if ((await decide(edited, one)) !== other[one[5]]) missed.push(`${name} is not flipped`)
  }
  return missed
}

let found = 0
for (const [hole, edit, flips] of holes) {
  const missed = await missedBy(edit, flips).catch((error) => [error.message])
  if (missed.length) broken.push(...missed.map((text) => `hole "${hole}": ${text}`))
  else found += 1
}

for (const line of broken) console.log(line)
console.log(`${held} cases hold, ${found} seeded holes detected`)
process.exit(broken.length ? 1 : 0)
