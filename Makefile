# Two commands set up and go: `make demo` and `make test`. Each makes its own environment in .venv, and makes it anew
# only when the lock has changed. Needs: Python 3.11 or newer with its venv module, and git.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
BENCH := .venv-bench/bin
SOURCES := autoscaler planner policies tests $(wildcard benchmarks)
COMPILE_GROUP := uv pip compile --universal --python-version 3.11 --fork-strategy fewest --no-emit-index-url --generate-hashes --quiet
COMPILE := $(COMPILE_GROUP) pyproject.toml

.PHONY: help demo demo-replay demo-daemon demo-measured month test check format bench soak soak-daemon soak-kills schemas lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: .venv/stamp  ## forecast real traffic, plan for it, report a month: out/forecast.*, out/plan.*, out/capacity-report-*.html
	@mkdir -p out
	$(BIN)/baseload forecast examples/history/servegen_m_small_10min_x0.01.csv --horizon 3d --backtest -o out/forecast.csv --chart out/forecast.png
	$(BIN)/baseload plan -f out/forecast.csv --explain -o out/plan.json --chart out/plan.png
	@$(MAKE) month

demo-replay: .venv/stamp  ## every controller on a real day against simulated clouds: out/replay.*
	@mkdir -p out
	$(BIN)/baseload replay --traffic examples/traffic/servegen_m_large_day_x0.01.csv --compare -o out/replay.json --chart out/replay.png || test $$? -eq 3

demo-daemon: .venv/stamp  ## the daemon in a rented world on this machine, an hour in a minute: out/daemon.log, out/daemon-report.html
	@$(BIN)/python -m tests.rented.demo

demo-measured: .venv/stamp .venv-litellm/stamp  ## a model server measured, planned for, priced and charged, in a minute: out/measured/
	@mkdir -p out
	@$(BIN)/python -m tests.measured.demo out/measured

month: export BASELOAD_DATABASE_URL = sqlite:///out/ledger.sqlite
month: .venv/stamp  ## the second half of the demo: facts of a month into a ledger, and its report
	@mkdir -p out && rm -f out/ledger.sqlite*
	$(BIN)/baseload ledger import examples/month/*.csv --tag team
	$(BIN)/baseload -q plan -f examples/forecasts/servegen_m_large_x0.01.csv --month 2026-10 --fill weekly --record >/dev/null
	$(BIN)/baseload report --month 2026-10 -o out
	@echo "Open out/capacity-report-2026-10.html in a browser."

test: .venv/stamp .venv-focus/stamp .venv-litellm/stamp  ## the whole test suite
	@$(BIN)/python -m pytest -n 2

check: .venv/stamp  ## what the build runs: format, lint, types, imports, tests
	$(BIN)/ruff format --check --quiet $(SOURCES)
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --config pyproject.toml
	@$(MAKE) test

format: .venv/stamp  ## lay out the code, and mend what lint can mend
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: .venv-bench/stamp  ## the numbers we promise, measured here
	$(BENCH)/python -m benchmarks

soak: MINUTES ?= 10
soak: .venv/stamp  ## storms nobody has seen, until one breaks an invariant: MINUTES=10
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

soak-daemon: HOURS ?= 24
soak-daemon: .venv/stamp  ## a day of the daemon's real process with faults, in 90 s: HOURS=24
	$(BIN)/python -m benchmarks.daemon_day --hours $(HOURS)

soak-kills: .venv/stamp  ## the daemon killed at every step of a day, a day for each, in half an hour: KILLS="--database postgres"
	$(BIN)/python -m benchmarks.daemon_kills $(KILLS)

schemas: .venv/stamp  ## write the published JSON Schemas anew
	$(BIN)/python -m autoscaler.report.schemas docs/schemas

lock:  ## newer versions of what we depend on, hashed; needs uv
	$(COMPILE) --upgrade --group dev --extra chart --extra pdf --extra postgres --extra dask --extra forecast --extra prophet --extra aws --extra hetzner --extra ovh --extra bench --extra llama --extra publish --extra daemon -o requirements-dev.txt
	$(COMPILE) --upgrade --group bench --extra llama --extra aws --extra hetzner --extra ovh --extra bench --extra daemon -c requirements-dev.txt -o requirements-bench.txt
	$(COMPILE) --upgrade --group build --extra postgres --extra aws --extra hetzner --extra ovh --extra daemon -c requirements-dev.txt -o requirements-image.txt
	$(COMPILE_GROUP) --upgrade --group focus -o requirements-focus.txt
	$(COMPILE_GROUP) --upgrade --group litellm -o requirements-litellm.txt

clean:  ## remove what was made here
	rm -rf .venv .venv-bench .venv-focus .venv-litellm out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/stamp: requirements-dev.txt pyproject.toml .ci/environment
	@.ci/environment .venv requirements-dev.txt

.venv-bench/stamp: requirements-bench.txt pyproject.toml .ci/environment
	@.ci/environment .venv-bench requirements-bench.txt

.venv-focus/stamp: requirements-focus.txt pyproject.toml .ci/environment
	@.ci/environment .venv-focus requirements-focus.txt || echo "no validator of FOCUS exports here: its test is skipped" >&2

.venv-litellm/stamp: requirements-litellm.txt pyproject.toml .ci/environment
	@.ci/environment .venv-litellm requirements-litellm.txt || echo "no LiteLLM here: its test is skipped" >&2
