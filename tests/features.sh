#!/usr/bin/env bash
# Compares the features of every crate in `make demo` and in everything else:
# where they differ, cargo compiles the crate, and all that depends on it, twice.
# The agent's Cargo.toml names the features that the AWS clients ask for.
set -euo pipefail
cd "$(dirname "$0")/.."

features() {
    cargo tree --locked --edges normal,build --format '{p} {f}' --prefix none "$@" | sed 's/ (\*)$//' | grep -v '^sce-' | sort -u
}

differ=$(comm -23 <(features --package sce-agent --package sce-coordinator --no-default-features) <(features --workspace))
if [ -n "$differ" ]; then
    printf 'features in `make demo` that no other build has:\n%s\n' "$differ" >&2
    exit 1
fi
