#!/usr/bin/env bash
# All checks of the environment's template, on the output of `sce env render`: run
# by `make test-environment`, which installs the tools.
#   tests/environment/run.sh DIR      (rendered templates are kept in DIR)
set -euo pipefail
here=$(dirname "$0")
out=$1
python=target/venv/environment/bin
guard=target/tools/bin/cfn-guard
mkdir -p "$out"

render() { # NAME [FLAG…]: the template as YAML and as JSON
	local name=$1
	shift
	local given=(env render --ssh-from 192.0.2.0/24 --email it@example.org "$@")
	target/release/sce "${given[@]}" >"$out/$name.yaml"
	target/release/sce "${given[@]}" --output json >"$out/$name.json"
}

render whole
render no-nat --no-nat
render least --no-nat --no-bastion --no-workbench --no-config
variants=("$out"/whole.yaml "$out"/no-nat.yaml "$out"/least.yaml)

echo "cfn-lint"
"$python/cfn-lint" --template provision/environment.yaml "${variants[@]}"

echo "checkov"
for file in provision/environment.yaml "${variants[@]}"; do
	# It requests descriptions from its vendor's server, and continues without
	# them.
	"$python/checkov" --file "$file" --framework cloudformation --compact --quiet 2>"$out/checkov.log" ||
		{ cat "$out/checkov.log"; exit 1; }
done

echo "parliament"
"$python/python" "$here/policies.py" --template "$out/whole.json"

echo "own rules and broken templates"
"$python/python" "$here/statements.py" --template "$out/whole.json" --check
"$python/python" "$here/mutants.py" --guard "$guard" --template "$out/whole.json" \
	--also "$out/whole.yaml" --also "$out/no-nat.yaml" --also "$out/least.yaml"

echo "IAM"
node "$here/iam/simulate.mjs" --template "$out/whole.json"
