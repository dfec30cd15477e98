# make demo: start the page.  make test: run every test.  make check: style, types, known holes in dependencies (make audit).  make bench: timings, as ratios.  make fuzz: 100,000 bad inputs.  make soak: 20 readers for ten minutes.  make reliability: docs/reliability.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
COUNT ?= 100000
MINUTES ?= 10
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/pip install --quiet --no-compile
# Of what is installed a small part is ever imported: Python compiles that on first use, if it may keep it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check style types audit fuzz soak reliability bench format clean

demo: $(VENV)/installed
	$(BIN)/python app.py --guide $(ARGS)

test: $(VENV)/installed-dev
	$(BIN)/python -m tests.e2e.browser
	$(BIN)/python -m pytest --numprocesses 2 --ignore tests/e2e
	$(BIN)/python -m pytest tests/e2e

check: style types audit

style: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

audit: $(VENV)/installed-dev
	$(BIN)/python -m tests.audit

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.fuzz $(COUNT) $(ARGS)

soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

reliability: $(VENV)/installed-dev
	$(BIN)/python -m tests.large_store
	$(BIN)/python -m tests.reliability

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; make PYTHON=python3.12 demo")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(BIN)/pip
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt requirements-postgres.txt requirements-openvino.txt | $(BIN)/pip
	$(PIP) -r requirements-dev.txt
	touch $(VENV)/installed $@
