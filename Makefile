# Every target does its own set-up. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this.
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what building and testing need: etcd, Docker Engine, HAProxy, nftables, Node packages.
	@hack/setup.sh --dev

.PHONY: tools
tools:
	@hack/setup.sh --node

.PHONY: build
build: tools ## Build dist/, so that bin/gilliam is the CLI.
	@node hack/build.mjs

.PHONY: demo
demo: ## Install what is missing, start a single-machine stage and run the quick intro on it. Leaves the stage up, and an app that answers.
	@hack/setup.sh --demo
	@node hack/build.mjs
	@bin/gilliam up
	@hack/demo.sh

.PHONY: down
down: ## Stop the stage: its instances, its parts, and Docker if the stage has started it. Keeps its data.
	@if [ -e dist/cli.js ]; then bin/gilliam down; else echo 'nothing is built, so nothing is up'; fi

.PHONY: clean-stage
clean-stage: ## Stop the stage and forget its data.
	@if [ -e dist/cli.js ]; then bin/gilliam down --forget; else echo 'nothing is built, so there is no stage'; fi

.PHONY: test
test: setup ## Run every check and every test: what CI runs.
	@node hack/build.mjs
	@node hack/test.mjs

.PHONY: unit
unit: build ## Run the unit tests only.
	@npx jest --selectProjects unit --maxWorkers=2

.PHONY: simulate
simulate: build ## Run whole stages under faults, in virtual time: COUNT=500 seeds, or SEED=7 again.
	@SEED=$(SEED) COUNT=$(COUNT) LENGTH=$(LENGTH) npx jest pkg/testing/simulator/simulator --selectProjects unit

.PHONY: contract
contract: setup ## Run the contract suites, on real etcd and a real Docker Engine.
	@node hack/build.mjs
	@npx jest --selectProjects contract --runInBand

.PHONY: e2e
e2e: setup ## Run the end-to-end tests, on whole stages.
	@node hack/build.mjs
	@npx jest --selectProjects e2e --runInBand

.PHONY: verify
verify: build ## Run every hack/verify-*.sh: types, lint, format, contract, docs, shell, package.
	@hack/verify.sh

.PHONY: lint
lint: build ## Run eslint.
	@hack/verify-lint.sh

.PHONY: format
format: tools ## Format all files with prettier.
	@npx prettier --write --log-level warn .

.PHONY: update
update: build ## Write again what is generated and committed: docs/cli.md, docs/api.md.
	@for script in hack/update-*.sh; do $$script; done

.PHONY: bench
bench: ## Install the programs that are measured against, and run the benchmarks. One JSON line a figure.
	@hack/setup.sh --bench
	@node hack/build.mjs
	@node bench/run.mjs

.PHONY: clean
clean: ## Remove what was built. The stage's data stays.
	@rm -rf dist pkg/gen node_modules/.cache coverage
