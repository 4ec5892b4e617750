# What this project can do. Nothing has to be installed or started by hand but Python 3.11 or newer, and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
BENCH_STAMP := .venv/installed-bench

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

install: $(STAMP) ## .venv with hcc and celery

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

files: install ## the page of all files, docs/reference/files.md
	$(BIN)/python -m tests.architecture.files > docs/reference/files.md

demo: install ## the whole path on this machine: real servers, a Zalo in a box, messages as the citizen sees them
	@$(BIN)/hcc demo

test: install ## the whole test suite
	$(BIN)/pytest -n 4 --dist worksteal

chaos: install ## every incident with 2,000 notices, real processes and kill -9
	HCC_CHAOS_NOTICES=2001 HCC_ACT_NOTICES=10000 $(BIN)/pytest tests/chaos tests/worker/upkeep/test_acts.py \
		-n 3 --dist worksteal

abuse: install ## every attack of one person, one message, one key, with its figure
	HCC_ABUSE_SECONDS=20 HCC_ABUSE_BODIES=10000 HCC_PHONE_NUMBERS=100000 $(BIN)/pytest \
		tests/abuse tests/producers/hooks/test_admit.py tests/domain/test_phone_types.py -o timeout=900

axe: install ## each page of the console by axe, in both languages, light and dark (needs chromium)
	HCC_LOOKS=all $(BIN)/pytest tests/operators/console/test_browser.py tests/operators/console/test_work_in_browser.py \
		-k accessible -n 0

screenshots: install ## a picture of each page of the console, into docs/console (needs chromium)
	$(BIN)/pytest tests/operators/console/pictures.py

shipped: install ## templates/shipped.toml anew from the files in templates/, for a release with other words
	@$(BIN)/python -m domain.template_source

bench: $(BENCH_STAMP) ## throughput against rivals, delays, growth, idle, events, poll, first start and console; pages in docs/benchmarks
	@$(BIN)/python -m benchmarks

$(BENCH_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench,rivals]'
	touch $(BENCH_STAMP)

check: install ## lint, types, imports, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

.PHONY: help install files shipped demo test chaos abuse axe screenshots bench check
