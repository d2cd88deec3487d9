# What a newcomer types.  Each target makes its own virtual environment on first use; nothing is
# installed outside it but Debian packages for tests, and those only as root (tools/provision.sh).

SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3.11
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
export VENV PYTHON

.PHONY: help demo serve test test-postgresql check lint types contracts prove format clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(VENV)/.demo-installed  ## a power-limit order from SOAP to a meter and back, and three that fail
	@$(BIN)/ami demo

serve: $(VENV)/.demo-installed  ## a living small division to look at, until Ctrl-C; ARGS="--port 8090 ..." for its options
	@$(BIN)/ami demo --serve $(ARGS)

test: $(VENV)/.test-installed  ## all tests but the long proofs; ARGS="-k words" for some
	@tools/provision.sh programs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not prove" $(ARGS)

test-postgresql: $(VENV)/.test-installed  ## the same tests, each store of theirs on PostgreSQL
	@tools/provision.sh programs
	@AMI_TEST_DATABASE=postgresql $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not prove" $(ARGS)

check: lint types contracts test  ## formatter, linter, types, import contracts, tests

prove: $(VENV)/.prove-installed  ## the long proofs: hundreds of seeds, crashes at random moments
	@tools/provision.sh programs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m prove $(ARGS)

lint: $(VENV)/.test-installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.test-installed
	@$(BIN)/mypy

contracts: $(VENV)/.test-installed
	@$(BIN)/lint-imports

format: $(VENV)/.test-installed  ## let the formatter have its way
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove the virtual environment and every cache
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.%-installed: pyproject.toml constraints.txt
	@tools/provision.sh environment $*
	@touch $@
