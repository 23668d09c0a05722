# The index of commands. Each one sets up what it needs: uv, the Python environment, the Pulumi CLI.

PYTHON ?= python3
STACK ?= $(or $(PULUMI_STACK),local)
ARGS ?=

TOOLCHAIN := $(PYTHON) -I -S src/trainup/toolchain
TRAINUP := $(TOOLCHAIN) trainup
RUN := $(TOOLCHAIN) run

.DEFAULT_GOAL := help
.PHONY: help setup up preview refresh destroy stack unlock output runs report ui env rehearse beliefs test check format kill-campaign bench clean

# Messages name the command that was typed.
up preview refresh destroy stack unlock output runs report ui: export TRAINUP_TYPED := make

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## everything the other commands need
	@$(TOOLCHAIN) setup

up: ## build what is declared and train: make up [STACK=local] [ARGS="--diff"]
	@$(TRAINUP) up --stack $(STACK) $(ARGS)

preview: ## what `up` would do
	@$(TRAINUP) preview --stack $(STACK) $(ARGS)

refresh: ## take over what happened elsewhere
	@$(TRAINUP) refresh --stack $(STACK) $(ARGS)

destroy: ## cancel what runs and remove what was made
	@$(TRAINUP) destroy --stack $(STACK) $(ARGS)

stack: ## make a stack, if it is new: make stack STACK=dev [SECRETS_PROVIDER=azurekeyvault://…]
	@$(TRAINUP) stack $(STACK) $(SECRETS_PROVIDER)

unlock: ## free a stack whose command was cut off elsewhere; only while nobody else works on it
	@$(TRAINUP) unlock --stack $(STACK)

output: ## the results as JSON
	@$(TRAINUP) output --stack $(STACK)

runs: ## the runs, a line each
	@$(TRAINUP) runs --stack $(STACK)

report: ## one HTML page about the runs: make report [STACK=local] [ARGS="--out FILE"]
	@$(TRAINUP) report --stack $(STACK) $(ARGS)

ui: ## where to look at the runs in a browser
	@$(TRAINUP) ui --stack $(STACK)

env: ## variables for plain `pulumi` commands: eval "$$(make -s env)"
	@$(TRAINUP) env --stack $(STACK)

rehearse: ## the dev stack on Azure without an account: deploys, trains, destroys on this machine
	@$(RUN) python -m trainup.simulator.rehearse $(ARGS)

beliefs: ## what trainup believes of Azure and nothing confirms: make beliefs [ARGS=--all]
	@$(RUN) trainup beliefs $(ARGS)

# The Pulumi CLI and a program of the tests are built from much the same packages; the tests remove these caches.
test: export GOCACHE ?= $(CURDIR)/.toolchain/go/cache
test: export GOMODCACHE ?= $(CURDIR)/.toolchain/go/modules
test: setup ## every test that needs no cloud
	@$(RUN) python -m pytest -n 3 $(ARGS)

check: ## format, lint, types, fast tests
	@$(RUN) sh src/trainup/toolchain/check.sh

format: ## put the code into its form
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

kill-campaign: ## random kills at every stage: make kill-campaign [SEED=n]
	@$(RUN) python -m tests.campaign $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: ## the measured comparisons, as a table and JSON
	@$(RUN) python -m bench $(ARGS)

clean: ## remove tools and environments; runs and state stay
	rm -rf .toolchain .venv .mypy_cache .ruff_cache .pytest_cache
