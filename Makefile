# make demo: start the page.  make test: run every test.  make check: style, types, known holes in dependencies (make audit; AUDIT=--offline asks nothing and says so).  make bench: timings, as ratios.  make fuzz: 100,000 bad inputs.  make soak: 20 readers for ten minutes.  make reliability: docs/reliability.md.
# make interop: exports opened with pycocotools, datumaro, datasets, highdicom and Label Studio's library, the API asked with schemathesis and MCP's client, a real small language model asked, a run shared out by Ray, data read from moto's S3.
# make numeric: tests of numbers once more, as processors with other instructions reckon.  make seeds: tests that train, with 20 seeds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
AUDIT ?=
COUNT ?= 100000
MINUTES ?= 10
SEEDS ?= 20
# Instruction sets that torch's own kernels and oneDNN's are held to; "unset" leaves the choice to them.
ATEN ?= default avx2 unset
ONEDNN ?= AVX2 unset
# Which of these tests.
NUMERIC ?= numeric
# Which of the tests, as pytest takes it: PICK="-m 'not long'".
PICK ?=
# Two processes; a file's tests stay together, so that what they share is made once. In tests/conftest.py's order: the longest first.
SHARED := --numprocesses 2 --dist loadfile --no-loadscope-reorder
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Which build of torch is installed on Linux: auto, cpu or cuda.
TORCH ?= auto
# Of what is installed a small part is ever imported: Python compiles that on first use, if it may keep it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test interop numeric seeds check style types audit lock fuzz soak reliability bench format clean

demo: $(VENV)/installed
	$(BIN)/python app.py --guide $(ARGS)

test: $(VENV)/installed-dev
	$(BIN)/python -m tests.e2e.browser
	$(BIN)/python -m pytest $(SHARED) $(PICK) --ignore tests/e2e
	$(BIN)/python -m pytest $(SHARED) $(PICK) tests/e2e

# In an environment of its own: these libraries want other versions of what the program uses, and nothing needs them. Ray and S3's reader in others, which see the program's.
interop: $(VENV)/installed-dev
	test -d $(VENV)-real || $(PYTHON) -m venv $(VENV)-real
	$(VENV)-real/bin/pip install --quiet -r tests/real_packages/requirements.txt
	REAL_PACKAGES=$(VENV)-real/bin/python $(BIN)/python -m pytest -m real_packages tests/real_packages --ignore tests/real_packages/ray --ignore tests/real_packages/language --ignore tests/real_packages/s3
	test -d $(VENV)-language || $(PYTHON) -m venv $(VENV)-language
	$(VENV)-language/bin/pip install --quiet --no-deps -r tests/real_packages/language/requirements.txt
	REAL_PACKAGES=$(VENV)-language/bin/python $(BIN)/python -m pytest -m real_packages tests/real_packages/language
	test -d $(VENV)-ray || $(PYTHON) -m venv $(VENV)-ray
	$(BIN)/python -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])' > $$(echo $(VENV)-ray/lib/python3*/site-packages)/program.pth
	$(VENV)-ray/bin/pip install --quiet --require-hashes --no-deps -r requirements-ray.lock
	REAL_PACKAGES=$(VENV)-ray/bin/python $(VENV)-ray/bin/python -m pytest -m real_packages tests/real_packages/ray
	test -d $(VENV)-s3 || $(PYTHON) -m venv $(VENV)-s3
	$(BIN)/python -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])' > $$(echo $(VENV)-s3/lib/python3*/site-packages)/program.pth
	$(VENV)-s3/bin/pip install --quiet -r tests/real_packages/s3/requirements.txt
	REAL_PACKAGES=$(VENV)-s3/bin/python $(VENV)-s3/bin/python -m pytest -m real_packages tests/real_packages/s3

numeric: $(VENV)/installed-dev
	@failed=; for aten in $(ATEN); do for onednn in $(ONEDNN); do \
		echo "ATEN_CPU_CAPABILITY $$aten, ONEDNN_MAX_CPU_ISA $$onednn"; \
		ATEN_CPU_CAPABILITY=$$aten; ONEDNN_MAX_CPU_ISA=$$onednn; export ATEN_CPU_CAPABILITY ONEDNN_MAX_CPU_ISA; \
		if [ $$aten = unset ]; then unset ATEN_CPU_CAPABILITY; fi; \
		if [ $$onednn = unset ]; then unset ONEDNN_MAX_CPU_ISA; fi; \
		$(BIN)/python -m pytest -m "$(NUMERIC)" $(SHARED) $$(grep -rl --include='test_*.py' 'mark\.numeric' tests) || failed="$$failed $$aten/$$onednn"; \
	done; done; test -z "$$failed" || { echo "failed under$$failed"; exit 1; }

seeds: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m training --seeds $(SEEDS) $(SHARED) $$(grep -rl --include='test_*.py' training_seed tests)

check: style types audit

style: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

audit: $(VENV)/installed-dev
	$(BIN)/python -m tests.repository.dependencies.audit $(AUDIT)

# After a pin was changed: resolves again, writes the lock files.
lock: $(VENV)/installed-dev
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/python -m tests.repository.dependencies.lock

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.robustness.fuzzed.fuzz $(COUNT) $(ARGS)

soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.robustness.load.soak --minutes $(MINUTES) $(ARGS)

reliability: $(VENV)/installed-dev
	$(BIN)/python -m tests.robustness.load.large_store
	$(BIN)/python -m tests.robustness.reliability

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-real .pytest_cache .mypy_cache .ruff_cache .hypothesis

# By hashes, of torch the build for processors unless there is an NVIDIA card: magic_demo/commands/setup.py.
define install
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; make PYTHON=python3.12 demo")'
	$(PYTHON) -m magic_demo setup --environment $(VENV) --torch $(TORCH) --lock $(1)
endef

$(VENV)/installed: requirements.lock requirements-cpu.lock requirements-cuda.lock
	$(call install,requirements.lock)
	touch $@

$(VENV)/installed-dev: requirements-dev.lock requirements-cpu.lock requirements-cuda.lock
	$(call install,requirements-dev.lock)
	touch $(VENV)/installed $@
