# The commands of the project. `make help` lists them.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# As many processes run the tests as there are processors, four at most.
WORKERS ?= auto
# Of it come the order of the tests and the values that they try; the command that is shown has it.
ifndef SEED
SEED := $(shell date +%s)
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run assets test lint bench clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.sandbox: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[sandbox]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.sandbox

run: $(VENV)/.sandbox  ## Start the sandbox: the whole small world on this machine
	@$(BIN)/python -m cpse_plugin.sandbox --data var/sandbox

assets: $(VENV)/.sandbox  ## Build the style and the script of the pages; run and test do so by themselves
	@$(BIN)/python -m cpse_plugin.assets.building

lint: $(VENV)/.test  ## Check style, types, layers and templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet cpse_plugin/templates cpse_plugin/sandbox

test: $(VENV)/.test lint  ## Run all checks and tests, browser tests included; SEED=n repeats a run
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal \
		--randomly-seed $(SEED) --hypothesis-seed $(SEED)

bench: $(VENV)/.test  ## Measure the plugin against floors; BENCH=--help says what, and how long it takes
	$(BIN)/python -m tests.bench $(BENCH)

clean:  ## Remove what the commands above have made
	rm -rf $(VENV) cpse_plugin/static/built var .pytest_cache .mypy_cache .ruff_cache .hypothesis
