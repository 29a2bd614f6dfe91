# Every target sets up what it needs in .venv, from the hashed locks in requirements/. The machine has to have
# only Python 3.11 or newer, make and git. A second call finds everything in place.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ASSETS := src/resguardo/web/static/sources.sha256
ASSET_SOURCES := hatch_build.py $(wildcard frontend/*.json frontend/*.mjs) \
	$(shell find frontend/src frontend/public src -path 'frontend/*' -print -o -name '*.po' -print 2>/dev/null)
# Most of what the tests wait for are fsyncs, which a RAM disk answers at once. They are counted, and processes killed,
# there as elsewhere. A container's own is often too small.
RAM := $(shell test -d /dev/shm && test "$$(df -Pk /dev/shm | awk 'END { print $$4 }')" -gt 4000000 && echo /dev/shm/resguardo-tests-$$PPID)
PYTEST := $(if $(RAM),mkdir -p $(RAM) && trap 'rm -rf $(RAM)' EXIT && TMPDIR=$(RAM)) \
	$(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadfile
ARGS ?=

.PHONY: help demo install test test-long check format bench lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/.run $(VENV)/.package ## run a board with made-up data (ARGS="--port 9000")
	$(BIN)/resguardo demo $(ARGS)

install: $(VENV)/.run $(VENV)/.package ## put the resguardo command into .venv/bin

test: $(VENV)/.dev $(VENV)/.package ## run the tests, those in a real browser too (ARGS="-k journal")
	bash tests/ensure.sh chromium
	bash tests/ensure.sh libreoffice
	$(PYTEST) -m 'not long' $(ARGS)

test-long: $(VENV)/.dev $(VENV)/.package ## run the tests that take minutes
	bash tests/ensure.sh chromium
	$(PYTEST) -m long --timeout 1800 $(ARGS)

check: $(VENV)/.dev $(VENV)/.package ## lint, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python hatch_build.py check

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev $(VENV)/.package ## measure; prints ratios
	$(BIN)/python -m benchmarks $(ARGS)

# uv keeps the versions it finds in the locks; `make lock ARGS=--upgrade` takes newer ones.
# Locks and package-lock.json must not record where packages were downloaded from.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command 'make lock'
lock: $(VENV)/.tools ## write the locks anew from pyproject.toml and package.json
	$(COMPILE) $(ARGS) pyproject.toml --extra embedded --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra embedded -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) --group pyproject.toml:build -c requirements/dev.txt -o requirements/build.txt
	$(BIN)/python hatch_build.py lock

clean: ## remove everything that was built or set up
	rm -rf $(VENV) build dist frontend/node_modules src/resguardo/web/static htmlcov .coverage .coverage.* \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	find src -name '*.mo' -delete

$(VENV)/.tools: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Resguardo needs Python 3.11 or newer; this is %s. Name another one: make PYTHON=python3.12" % sys.version.split()[0])'
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || \
		{ echo 'Could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# uv is several times faster than pip; pip also knows the machine's own pip settings (a mirror, say).
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) || \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)

$(VENV)/.run: requirements/run.txt $(VENV)/.tools
	$(call INSTALL,$<)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.tools
	$(call INSTALL,$<)
	@touch $@

$(ASSETS): $(ASSET_SOURCES) $(VENV)/.tools
	$(BIN)/python hatch_build.py
	@touch $@

# Nothing is fetched here: the locks have brought all that the package needs, its build back end included.
$(VENV)/.package: pyproject.toml $(VENV)/.tools $(ASSETS)
	$(BIN)/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@
