# One line each: `make help`.
PYTHON ?= python3
VENV := target/venv
DEMO := target/demo

.PHONY: help build demo test lint bench

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## compile both binaries into target/release
	cargo build --release --workspace --locked

demo: build ## the whole job on pseudo-data, on this machine
	rm -rf $(DEMO)
	target/release/sce demo --dir $(DEMO)

test: build venv ## everything the tests need, then the tests
	cargo test --release --workspace --locked

lint: ## formatting, clippy, house rules, dependencies
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	cargo test --release --workspace --locked -p sce-core --test tidy
	tests/deny.sh

bench: build venv ## speed and memory beside the alternatives
	$(VENV)/bench/bin/python bench/run.py
