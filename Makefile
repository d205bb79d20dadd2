# One line each: `make help`.
PYTHON ?= python3
VENV := target/venv
DEMO := target/demo
ENVIRONMENT := target/environment
GUARD := target/tools/bin/cfn-guard
SIMULATE := tests/environment/iam/node_modules/.done

DEB := target/tools/bin/cargo-deb
# Of the packages: `dist` is optimized across crates, `release` compiles fast.
PROFILE ?= dist

.PHONY: help build demo packages test test-report test-environment test-machine lint bench venv bench-venv

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## compile both binaries into target/release
	cargo build --release --workspace --locked

demo: ## the whole job on pseudo-data, on this machine; compiles no AWS client
	cargo build --release --locked --package sce-agent --package sce-coordinator --no-default-features
	rm -rf $(DEMO)
	target/release/sce demo --dir $(DEMO)

packages: $(DEB) ## a .deb for each program, with its units, into target/debian
	cargo build --profile $(PROFILE) --locked --package sce-agent --package sce-coordinator
	rm -rf target/packages target/debian
	mkdir -p target/packages/man
	target/$(PROFILE)/sce man --out target/packages/man
	target/$(PROFILE)/sce completions bash > target/packages/sce.bash
	$(DEB) deb --quiet --locked --no-build --no-strip --profile $(PROFILE) --package sce-agent
	$(DEB) deb --quiet --locked --no-build --no-strip --profile $(PROFILE) --package sce-coordinator

$(DEB):
	cargo install --locked --quiet --root target/tools cargo-deb --version 3.8.0

venv: $(VENV)/test/.done $(VENV)/cli/.done $(VENV)/mpl/.done $(VENV)/emulators/.done

# Each in an environment of its own: the two standard clients cannot share one.
$(VENV)/test/.done: tests/python/requirements.txt
$(VENV)/cli/.done: tests/interop/requirements-cli.txt
$(VENV)/mpl/.done: tests/interop/requirements-mpl.txt
$(VENV)/emulators/.done: tests/emulators/requirements.txt
$(VENV)/environment/.done: tests/environment/requirements.txt
$(VENV)/bench/.done: bench/requirements.txt
$(VENV)/report/.done: tests/report/requirements.txt
$(VENV)/%/.done:
	$(PYTHON) -m venv --clear $(VENV)/$*
	$(VENV)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	$(if $(filter cli,$*),cp -r tests/interop/homer_cli_plugin $(VENV)/cli/plugin && $(VENV)/cli/bin/python -m pip install --quiet --disable-pip-version-check $(VENV)/cli/plugin)
	touch $@

test: venv ## everything the tests need, then the tests; ends with a summary
	$(PYTHON) tests/run.py

test-report: build $(VENV)/report/.done ## the demo's report in headless Chromium; installs it as root
	tests/report/install.sh
	test -f $(DEMO)/out/report.html || $(MAKE) demo
	$(VENV)/report/bin/python tests/report/selftest.py
	$(VENV)/report/bin/python tests/report/check.py $(DEMO)/out/report.html --screenshots target/report --charts 12

test-environment: build $(VENV)/environment/.done $(GUARD) $(SIMULATE) ## the template: checkers, own rules, broken templates, IAM
	tests/environment/run.sh $(ENVIRONMENT)

test-machine: $(VENV)/emulators/.done ## volume, units, images, and the worker booted for real; needs root
	$(MAKE) packages PROFILE=release
	tests/machine/install.sh
	$(VENV)/emulators/bin/python tests/machine/run.py

$(GUARD):
	cargo install --locked --quiet --root target/tools cfn-guard --version 3.2.1

$(SIMULATE): tests/environment/iam/package.json
	npm install --silent --no-package-lock --no-audit --no-fund --prefix tests/environment/iam
	touch $@

lint: ## formatting, clippy, house rules, dependencies
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	cargo test --release --workspace --locked --quiet --test tidy --test imports
	tests/features.sh
	tests/deny.sh

bench: build $(VENV)/bench/.done ## speed and memory beside the alternatives
	$(VENV)/bench/bin/python bench/run.py
	cargo bench --workspace --locked --bench submit
