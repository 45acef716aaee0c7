# recon: what a developer runs. A fresh machine needs Python 3.11 or newer, git, make and the network.
# uv is used where it is on the PATH (much quicker), else venv and pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell uv --version >/dev/null 2>&1 && echo uv)
DEMO   ?= demo
# Two more than there are cores: many tests wait for a lock, a server or a broken line.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')

ifdef UV
INSTALL := uv pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench soak docs clean

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
ifdef UV
	uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

# A stamp per set of packages, so that set-up runs again only when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "recon needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
ifndef UV
	@# --group came with pip 25.1
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
endif
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.developer: pyproject.toml $(VENV)/.installed
	$(INSTALL) --editable '.[all]' --group dev
	@touch $@

demo: $(VENV)/.installed ## Make a shop with planted breaks in ./demo, run its five nights, print the verdicts
	@$(BIN)/recon demo "$(DEMO)"

test: $(VENV)/.developer ## Run the tests (all but the soak)
	RECON_SCREENSHOTS="$(CURDIR)/build/screenshots" $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

check: $(VENV)/.developer ## Lint, format, types, import contracts, generated pages
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/make_pages.py --check

format: $(VENV)/.developer ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.developer ## Write the generated pages
	$(BIN)/python docs/make_pages.py

bench: $(VENV)/.developer ## Time nights beside hand-written scripts, each reader, and the analyst's waits
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/readers.py
	$(BIN)/python benchmarks/morning.py

soak: $(VENV)/.developer ## Many seeds, many kills: minutes to hours
	$(BIN)/python -m pytest -q -m soak -n $(WORKERS)

clean: ## Remove what the targets above made, the virtual environment included
	rm -rf $(VENV) build dist demo benchmarks/out .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
