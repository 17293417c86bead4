# Every target sets up .venv with the pinned versions first; a second call installs nothing.
SHELL := /bin/bash
PYTHON ?= python3
REALDATA ?= ../shared/realdata
PORT ?= 3000
DATA ?= sim
BIN := .venv/bin
READY := .venv/.ready

export DVC_NO_ANALYTICS := 1
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_DISABLE_TELEMETRY := 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help release report plan rebuild test lint ui sample study same-bytes bench docs clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

release: $(READY)  ## build, judge and publish the release that params.yaml describes
	@$(BIN)/python -m orchestration release

report: $(READY)  ## train the models on the release, evaluate them, write build/report/index.html; DATA=sample for the real sample
	@$(BIN)/python -m orchestration report --data $(DATA) --realdata $(REALDATA)

plan: $(READY)  ## every stage that a build would make, why, and how long it took last time; JOB=release for that alone
	@$(BIN)/python -m orchestration plan $(if $(JOB),--job $(JOB))

rebuild: $(READY)  ## what the weekly schedule runs
	@$(BIN)/python -m orchestration rebuild

# a process more than there are cores: many tests wait for commands that they start
test: $(READY)  ## the whole test suite, on all cores
	@$(BIN)/python -m pytest --numprocesses $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)') --dist loadfile

lint: $(READY)  ## style, types and layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

ui: $(READY)  ## the lineage page on 127.0.0.1:PORT, and MLflow's on MLFLOW_PORT, the next one
	@$(BIN)/python -m orchestration ui --port $(PORT) $(if $(MLFLOW_PORT),--mlflow-port $(MLFLOW_PORT))

sample: $(READY)  ## a release from the small real corpora in REALDATA, in a scratch clone; PROFILE=... its parameters
	@$(BIN)/python -m orchestration sample --realdata $(REALDATA) $(if $(PROFILE),--profile $(PROFILE))

study: $(READY)  ## the arms of progressive transfer over seeds; DATA=sample or pretrained on the real sample; FROZEN=1 towers
	@$(BIN)/python -m sartext study run --data $(DATA) $(if $(FROZEN),--frozen)

same-bytes: $(READY)  ## build conf/small.yaml at BASE and as it stands, compare every byte of the release; REPORT=1 the figures too
	@$(BIN)/python scripts/same_bytes.py $(BASE) $(if $(REPORT),--report)

bench: $(READY)  ## the benchmark table, also in build/bench.json
	@$(BIN)/python -m benchmarks

docs: $(READY)  ## the documentation with a reference from the docstrings, in build/docs-html
	@$(BIN)/python -c 'import sphinx, furo, myst_parser' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --builder html docs build/docs-html
	@echo "build/docs-html/index.html"

clean:  ## remove stage outputs; data/, releases/ and .venv stay
	@rm -rf build

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: $(PYTHON) is not Python 3.11 or newer; install it, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) cannot make virtual environments; install Debian's python3-venv" >&2; exit 1; }
	@echo "setting up .venv with the versions of constraints.txt (a few minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,pretrained]'
	@touch $@
