# SPDX-License-Identifier: GPL-3.0-or-later
# Every target sets up what it needs, says what it does, and is quick the second time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= $(shell tests/tools/find-python)
VENV ?= .venv
LAB ?= .lab
# For `make units`: the tests to run; empty for all.
TESTS ?=
BIN := $(CURDIR)/$(VENV)/bin
LINK := .ansible/collections/ansible_collections/pushops/securemail
export PATH := $(BIN):$(PATH):/usr/sbin:/sbin
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.ansible

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: .cache/packages-lab $(VENV)/.installed $(LINK) ## Install what the project needs, in the project's own folder

.cache/packages-%: tests/tools/system-packages
	@tests/tools/system-packages $*
	@mkdir -p .cache && touch $@

.cache/promtool/promtool: tests/tools/promtool
	@tests/tools/promtool $(@D)

.cache/axe/axe.min.js: tests/tools/axe .cache/packages-tests
	@tests/tools/axe $(@D)

$(VENV)/.installed: requirements/dev.txt tests/lab/pyproject.toml
	@echo "setup: Python packages into $(VENV)/ ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt 2> >(grep -v ^WARNING >&2)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e tests/lab 2> >(grep -v ^WARNING >&2)
	@touch $@

# Compiled on the spot: without optimization that takes less than half the time.
$(VENV)/.installed-kerberos: requirements/kerberos.txt $(VENV)/.installed .cache/packages-tests
	@echo "setup: Python packages for Kerberos and CredSSP into $(VENV)/"
	@CFLAGS='-O0 -g0' $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/kerberos.txt 2> >(grep -v ^WARNING >&2)
	@touch $@

.cache/openapi/.installed: requirements/openapi.txt
	@echo "setup: tools of the API description into .cache/openapi/"
	@$(PYTHON) -m venv .cache/openapi
	@.cache/openapi/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/openapi.txt 2> >(grep -v ^WARNING >&2)
	@touch $@

.cache/ara/.installed: requirements/ara.txt
	@echo "setup: ARA into .cache/ara/"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --target $(@D) -r requirements/ara.txt 2> >(grep -v ^WARNING >&2)
	@touch $@

$(LINK):
	@mkdir -p $(dir $@) && ln -sfn ../../../.. $@

.cache/rulebook/ruleset_schema.json: tests/tools/rulebook-schema $(VENV)/.installed
	@tests/tools/rulebook-schema $(@D)

.PHONY: demo
demo: setup ## Watch a badge that did not arrive, arrive; then links broken one by one and named
	@securemail-lab --directory $(LAB) demo

.PHONY: lab
lab: setup ## Start the lab and say where everything listens
	@securemail-lab --directory $(LAB) up
	@securemail-lab --directory $(LAB) status

.PHONY: lab-down
lab-down: ## Stop the lab; its state stays
	@test ! -x $(BIN)/securemail-lab || securemail-lab --directory $(LAB) down

.PHONY: test
test: lint units sanity scenarios walk ## Everything that CI runs
	@echo "test: all passed"

.PHONY: units
units: setup .cache/packages-tests .cache/promtool/promtool .cache/rulebook/ruleset_schema.json .cache/axe/axe.min.js .cache/openapi/.installed .cache/ara/.installed $(VENV)/.installed-kerberos ## Unit, property, lab and integration tests
	@echo "test: unit, property, lab and integration tests"
	@pytest -q -n 2 --dist loadfile $(TESTS)

.PHONY: walk
walk: setup ## The demo with every fault as a test, in a lab of its own
	@securemail-lab --directory .cache/walk-lab demo --every

.PHONY: sanity
sanity: setup ## ansible-test sanity and units
	@tests/tools/ansible-test

.PHONY: scenarios
scenarios: setup ## molecule scenarios
	@tests/tools/scenarios

.PHONY: lint
lint: setup ## Linters and type checks
	@tests/tools/lint

.PHONY: bench
bench: setup .cache/packages-tests .cache/packages-bench ## Measurements, each a ratio of both sides in one run
	@tests/bench/run

.PHONY: lock
lock: ## Pin every package anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements/dev.in -o requirements/dev.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt requirements/lab.in -o requirements/lab.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt requirements/controller.in -o requirements/controller.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt requirements/kerberos.in -o requirements/kerberos.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt requirements/ara.in -o requirements/ara.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements/openapi.in -o requirements/openapi.txt

.PHONY: changelog
changelog: setup ## Take the fragments into the release that galaxy.yml names
	@cd $(LINK) && $(BIN)/antsibull-changelog release --update-existing

.PHONY: clean
clean: ## Stop the lab and remove everything that was made
	@test ! -x $(BIN)/securemail-lab || securemail-lab --directory $(LAB) down --purge
	@rm -rf $(VENV) .ansible .cache $(LAB) tests/output .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf tests/lab/*.egg-info
