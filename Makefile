# Needs python3 (3.11 or later), pip and make; every target sets up what it uses.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
ROUNDS ?= 50

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage-mappings check format bench bench-server crash hostile score zib2020-page lock clean

help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -E 's/^([a-z0-9-]+):[^#]*## */make \1\t/' | expand -t 24

setup: $(STAMP)  ## .venv with the locked dependencies and the zibpoort command

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## the story of one exchange, then a server to try out (EXIT=1: stop after the story)
	EXIT=$(EXIT) $(BIN)/python -m conformance.demo

test: setup  ## all tests (ARGS="-m 'not slow'" and the like go to pytest)
	$(BIN)/python -m pytest $(ARGS)

# Without the published material, so that the list is the same everywhere.
coverage-mappings: setup  ## the rows of the mappings that no test reaches, and in which direction
	ZIBPOORT_TESTDATA=absent $(BIN)/python -m pytest -q -r fE -p tests.mapping_coverage tests/mapping $(ARGS)

check: setup  ## ruff, mypy strict, import directions, schema of every YAML file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zibpoort mapping check

format: setup  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## speed, one figure a line, next to the floor of the machine
	$(BIN)/python -m conformance.bench

bench-server: setup  ## speed of a running server on SQLite and PostgreSQL, one figure a line
	$(BIN)/python -m conformance.bench_server

crash: setup  ## kill the server in the middle of posts and count what is lost, per database (ROUNDS=50)
	$(BIN)/python -m conformance.crash $(ROUNDS)

hostile: setup  ## put thirty hostile inputs before a real server (ONLY=7,23)
	ONLY=$(ONLY) $(BIN)/python -m conformance.hostile

# The published pairs lie outside the repository; see CONTRIBUTING.md.
score: setup  ## compare with published pairs (SET=zib2020, bgz-1.2, bgz-2.0, lab-l2z-3.0.0; ONLY=regex; SHOW=leaves)
	$(BIN)/python -m conformance.score $(if $(SET),--set $(SET)) $(if $(ONLY),--only '$(ONLY)') $\
	    $(if $(SHOW),--show $(SHOW))

zib2020-page: setup  ## write conformance/zib2020.md: scores, and the reason of every difference
	$(BIN)/python -m conformance.differences

# From a clean environment, so that the file holds the whole closure and nothing else.
lock:  ## write requirements.lock anew, with the latest versions that fit pyproject.toml
	@set -e; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh/venv"; \
	"$$fresh/venv/bin/python" -m pip install --quiet --editable '.[dev]'; \
	{ echo '# Every package of an installation with the extra dev, direct or not.  Made by: make lock'; \
	  "$$fresh/venv/bin/python" -m pip freeze --exclude-editable --exclude zibpoort; } > "$$fresh/lock"; \
	mv "$$fresh/lock" requirements.lock; wc -l requirements.lock

clean:  ## remove .venv and everything that tools left behind
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find gateway conformance tests -name __pycache__ -prune -exec rm -rf {} +
