# goodstanding: `make` checks and tests, `make demo` shows, `make help` lists the rest.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

LOCK = build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS) pyproject.toml

.DEFAULT_GOAL := all
.PHONY: all help env check test scenarios node fuzz bench demo docs lock clean

all: check test ## check and test (the default)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: .venv/.dev ## make .venv with everything developers need

check: .venv/.dev ## formatting, lint, types, floor plan, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) tests/test_rooms.py tests/test_docs.py

test: .venv/.dev ## every test but the scenarios
	$(PYTEST) -n auto --maxprocesses 8 $(ARGS)

scenarios: .venv/.dev ## real processes, real clients, crashes, full disks: a quarter of an hour
	$(PYTEST) -m scenario -o faulthandler_timeout=900 $(ARGS)

node: ## install the official JavaScript client of ACS, where Node.js is present
	@if command -v npm >/dev/null; then cd tests/scenarios/node && npm ci --no-audit --no-fund; else echo "no npm: its test is skipped"; fi

fuzz: .venv/.dev ## the property tests again, with many more examples
	$(PYTEST) -m fuzz --hypothesis-profile=fuzz -n auto --maxprocesses 8 $(ARGS)
	for target in smtp_server smtp_client reply address token; do $(BIN)/python -m fuzz.fuzz_$$target --seconds 20 || exit 1; done
	$(BIN)/python -m fuzz.fuzz_message 20
	$(BIN)/python -m fuzz.fuzz_reading 20
	$(BIN)/python -m fuzz.fuzz_api 20

bench: .venv/.dev ## messages per second beside Postfix; writes the table of docs/performance.md
	$(BIN)/python -m bench $(ARGS)

demo: .venv/.runtime ## a relay and a small internet on this machine; ARGS=--keep leaves it running
	@$(BIN)/python -m goodstanding demo $(ARGS)

docs: .venv/.dev ## write the generated pages anew
	$(BIN)/python -m goodstanding.cli.reference

lock: build/uv/bin/uv ## resolve dependencies anew; ARGS=--upgrade takes newer ones
	$(LOCK) --group build --output-file requirements.txt
	$(LOCK) --group dev --constraints requirements.txt --output-file requirements-dev.txt

clean: ## remove everything made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build dist demo-data bench/out
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: requirements.txt pyproject.toml tools/environment.py
	@$(PYTHON) tools/environment.py .venv requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	@$(PYTHON) tools/environment.py .venv requirements-dev.txt
	@touch $@

build/uv/bin/uv:
	$(PYTHON) -m venv --clear build/uv
	build/uv/bin/pip install --quiet uv
