# Each target does its own set-up and needs Python 3.11 or later and the package index, no more.
#
#   make demo    the sample data into a sandbox on this machine
#   make test    every check, as CI runs them
#   make lock    the lock files anew, from pyproject.toml
#   make schema  the config's JSON Schema anew, from the models

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
CORE := .venv/.core
READY := .venv/.ready
SCHEMA := backfill/config/schema.json

# Half of the tests' time is waiting for processes: three of them on two cores.
WORKERS = $(shell $(PYTHON) -c 'import os; print(max(2, 3 * os.cpu_count() // 2))')

# No index address and no path of this machine gets into a lock file.
LOCK := env PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet \
	--generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras

.PHONY: demo test lock schema

demo: $(CORE)
	$(BIN)/backfill demo

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

lock: $(READY)
	$(BIN)/python -m pip install --quiet 'pip-tools>=7.6'
	$(LOCK) --output-file requirements.lock pyproject.toml
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(LOCK) --extra dev --extra bench --allow-unsafe --constraint requirements-dev.lock \
		--output-file tests/bench/requirements.lock pyproject.toml

schema: $(READY)
	$(BIN)/python -c 'import json; from backfill.config import json_schema; \
		print(json.dumps(json_schema(), indent=2))' > $(SCHEMA)

# pip compiles to bytecode what it installs; the package itself is imported from this checkout.
$(CORE): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -m compileall -q backfill
	touch $@

$(READY): $(CORE) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	touch $@
