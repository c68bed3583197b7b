# The commands of this project. `make` alone lists them.
# Paths are relative, so a checkout may lie in a folder whose name has spaces.

PYTHON ?= python3
RUN := .venv/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --no-input --quiet
LOCK := $(RUN) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"
GENERATED := README.md $(wildcard docs/*.md)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test check docs up down bench chaos cluster lock clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

install: .venv/.installed ## make .venv from requirements.lock, with this project in it

install-dev: .venv/.installed-dev ## the same with the tools for test and check

demo: install ## sync every source twice from pretend vendors into SQLite; needs no server or account
	$(RUN) -m flows.demo $(ARGS)

test: install-dev ## run the tests on real servers; ARGS="-k hubspot" picks some
	$(RUN) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

check: install-dev ## format, lint, types, import contracts, generated docs, dependencies, locks
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m basedpyright
	.venv/bin/lint-imports --no-cache
	$(RUN) -m cogapp --check $(GENERATED)
	$(RUN) -m deptry .
	$(RUN) .ci/check_lock.py

docs: install-dev ## write the generated parts of README and docs anew
	$(RUN) -m cogapp -r $(GENERATED)

up: install ## start the local stack: Prefect server, deployments, worker, pretend vendors
	$(RUN) -m deployments.local up $(ARGS)

down: install ## stop the local stack
	$(RUN) -m deployments.local down $(ARGS)

bench: install-dev ## measure speed and memory, one JSON line per figure
	$(RUN) -m tests.bench $(ARGS)

chaos: install-dev ## kill, stop and cut things while syncs run, one JSON line per figure
	$(RUN) -m tests.chaos $(ARGS)

cluster: install-dev ## the stack of several machines as processes on this one, under test
	TEST_STACK=cluster $(RUN) -m pytest tests/flows/test_exit_paths.py tests/flows/test_restart.py $(ARGS)

lock: install-dev ## resolve both lock files anew; ARGS=--upgrade takes newer releases
	$(LOCK) --group build $(ARGS) --output-file requirements.lock
	$(LOCK) --group build --group dev $(ARGS) --constraint requirements.lock --output-file requirements-dev.lock
	$(RUN) .ci/check_lock.py

clean: ## remove .venv, caches and build output; leaves warehouses alone
	rm -rf .venv build dist .coverage .coverage.* .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find flows connectors deployments tests .ci -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "crm-sync needs Python 3.11 or newer; this is: $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# --no-deps: the lock names everything, and `pip check` fails if it does not.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes --no-deps -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(PIP) check
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	$(PIP) check
	@touch $@
