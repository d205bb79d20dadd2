#!/usr/bin/env bash
# Checks bans, licenses and sources of every dependency (deny.toml); installs
# cargo-deny if it is missing. Advisories require the advisory database: run
# `cargo deny check advisories` where it can be reached.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny
cargo deny --offline check bans licenses sources
