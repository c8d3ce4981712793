# acidwatch: everything that is done with it, by name. `make help` lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# Most of the time of a test is waiting: two processes at once, each with servers of its own, file by file, the longest first.
BESIDE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
DATA   ?=
ONLY   ?=
SIZE   ?= full
MONITORING ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test test-unit test-integration test-e2e test-faults test-monitoring test-security test-k8s test-compose bench lint format docs dashboards requirements clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## install what is needed into .venv (hash-checked)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "acidwatch needs Python 3.11 or newer; on Debian: apt-get install python3"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing; on Debian: apt-get install python3-venv"; exit 2; }
	@test ! -L $(VENV) || { echo "$(VENV) is a link to $$(readlink $(VENV)), which others may use: installing would empty it first. Run make setup where it belongs, or remove the link"; exit 2; }
	@echo "installing into $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

demo: $(READY) ## the whole pipeline on a generated workbook, or on the workbooks in DATA=dir; prints what it found, and stops
	@$(BIN)/python -m deploy.local demo $(if $(DATA),--data "$(DATA)")

up: $(READY) ## start Kafka, HDFS, PostgreSQL and the services, and keep them running; with MONITORING=1 Prometheus too
	@$(BIN)/python -m deploy.local up --services $(if $(MONITORING),--monitoring)

# What runs is asked and stopped with what it was started with: nothing is installed for it, and where nothing is installed nothing runs.
down: ## stop them; their data stay in .local/
	@if test -e $(READY); then $(BIN)/python -m deploy.local down; else echo "nothing runs"; fi

status: ## what is running
	@if test -e $(READY); then $(BIN)/python -m deploy.local status; else echo "the stack is down"; exit 3; fi

test: $(READY) ## all tests but the slowest: unit, integration, end to end and faults, on real servers; 12 minutes
	$(PYTEST) tests -m "not slow and not monitoring and not security and not cluster and not engine" $(BESIDE)

test-unit: $(READY) ## only those that need no server; 30 s
	$(PYTEST) tests/unit $(BESIDE)

test-integration: $(READY) ## each part on its real server
	$(PYTEST) tests/integration

test-e2e: $(READY) ## the whole pipeline
	$(PYTEST) tests/e2e

test-faults: $(READY) ## processes killed and servers taken away in mid-run, and all else that is too slow for make test; 40 minutes
	$(PYTEST) tests -m "faults or slow" --hypothesis-profile searching $(BESIDE) --numprocesses 3

test-monitoring: $(READY) ## rules and every panel on a real Prometheus (Debian's package, fetched and unpacked in .local/debian/)
	$(PYTEST) tests/monitoring -m "monitoring and not slow"

dashboards: $(READY) ## write deploy/monitoring/dashboards/*.json from dashboards.py, and the rules for Kubernetes
	@$(BIN)/python -m deploy.monitoring.dashboards
	@$(BIN)/python -m deploy.k8s.rules

test-security: $(READY) ## encryption, passwords and roles, on servers that want them; 3 minutes; says what it skips
	@command -v openssl >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends openssl; } || echo "openssl is missing and can't be installed here"
	$(PYTEST) tests/security

test-k8s: $(READY) ## the manifests on a real API server and by linters; 10 minutes the first time, then 4; says what it skips
	@command -v openssl >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends openssl; } || echo "openssl is missing and can't be installed here"
	@$(BIN)/python -m deploy.testcluster fetch
	$(PYTEST) tests/cluster

test-compose: $(READY) ## the compose file on a real container engine, which it starts if none answers (root on Debian); the first time it makes all images
	$(PYTEST) tests/engine -rs

bench: $(READY) ## measure, on servers of its own; a table and .local/bench.json; ONLY=name,name and SIZE=small|full
	@$(BIN)/python -m bench --only "$(ONLY)" --size $(SIZE)

lint: $(READY) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## lay the code out
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(READY) ## write docs/contract.md from the contract's tables, docs/data-dictionary.md from the comments in the database
	$(BIN)/python -m acidwatch.contract.page > docs/contract.md
	$(BIN)/python -m deploy.local.dictionary docs/data-dictionary.md

requirements: ## compile requirements/*.txt from pyproject.toml (needs uv)
	@for extra in producer ingestor versioner spark cli dev; do \
	  uv pip compile --quiet pyproject.toml --extra $$extra --generate-hashes --python-version 3.11 --no-emit-index-url \
	    --no-header --no-annotate --output-file requirements/$$extra.txt || exit 1; done
	@printf 'checkov>=3.3,<4\nkubernetes-validate>=1.37,<2\n' | uv pip compile --quiet - --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-header --no-annotate --output-file requirements/policy.txt
	@echo 'setuptools>=77' | uv pip compile --quiet - --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-header --no-annotate --output-file requirements/build.txt

clean: down ## remove everything that was made: .venv, .local, caches
	@! test -d .local/testimages/engine || $(BIN)/python -m deploy.testimages down
	rm -rf $(VENV) .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
