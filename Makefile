# Every target sets itself up: python3 (3.11 or newer) and make are all a machine needs.
#   make demo    the simulator, the service and the status page, with live changes; no account needed
#   make test    all tests; they bring their own PostgreSQL
#   make test-fast  the tests that are not slow: an answer in 90 seconds on two cores
#   make coverage   branches of domain/, http_client/ and kombo/ that their own tests reach; fails below the floor
#   make lint    ruff, mypy and deptry
#   make drift   what the installed official SDK of Kombo's has and the catalogue lacks; tests do so, too
#   make bench   throughput and use of a rate limit on this machine, beside dlt, and how soon webhooks are answered;
#                twenty minutes. It keeps the figures of the run before:
#   make bench-compare  what of them has become worse by more than a tenth
#   make bench-scale  several processes, 350,000 streams, an hour of ticks, ten million rows; hours, 60 GB of files
#   make soak    ten thousand generated requests to the web port; an hour of faults, kills and changes against the
#                simulator, and random histories beside it
#   make docs    write docs/schema.md, docs/configuration.md, docs/commands.md, the classes in docs/privacy.md and the
#                samples of docs/queries.md anew, after a change of catalogue, tables, settings, commands or a query
#   make site    the documentation as a site in build/site, which needs no network: open build/site/index.html
#   make screenshots  draw the pictures of the status page in docs/images anew, with Chromium
#   make recording  record `make demo` for the README, in docs/images/demo.svg
#   make dist    sdist and wheel in dist/, and the wheel tried in a clean environment
#   make sbom    the software bill of materials of that environment (CycloneDX), in dist/
#   make hashes  write deploy/requirements-*.txt anew, after a change of constraints.txt; asks the package index
#   make release    all that goes before a tag: see RELEASING.md
#   make setup   only install
#   make tools   install the programs that some tests need, where packages of Debian, npm and Python can be; tests do so first

PYTHON ?= python3
# How long `make soak` runs, and on which database: postgresql or sqlite.
MINUTES ?= 60
DATABASE ?= postgresql
# How long it kills services and workers beforehand.
FLEET_MINUTES ?= 10
SEED ?=
# Processes of `make test`: two for each core, since many tests wait for something. They share the tests file by
# file, so that what a file needs is made once, and in the order that tests/conftest.py says.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')
SHARED := --dist loadfile --no-loadscope-reorder
VENV := .venv
RIVAL := .venv-bench
FIGURES := build/figures.json
TRIAL := build/trial
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' syncer/__init__.py)
VERSION_PATTERN = $(subst .,\.,$(VERSION))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TRIAL_PIP := $(PIP) --python $(TRIAL)/bin/python
PINNED := --constraint constraints.txt
# The build of the package itself is pinned too.
INSTALL := $(PIP) install $(PINNED) --build-constraint constraints.txt --editable

.DEFAULT_GOAL := help
.PHONY: help setup tools demo test test-fast coverage lint drift bench bench-compare bench-scale soak docs site screenshots recording \
  releasable dist sbom hashes release

help:
	@sed -n 's/^#   //p' Makefile

setup: $(VENV)/.dev

tools:
	@$(PYTHON) tests/support/tools.py

demo: $(VENV)/.runtime
	@exec $(BIN)/syncer demo $(if $(DIRECTORY),--directory $(DIRECTORY))

test: $(VENV)/.dev tools
	$(BIN)/pytest --numprocesses $(WORKERS) $(SHARED)

test-fast: $(VENV)/.dev tools
	$(BIN)/pytest -q --numprocesses $(WORKERS) $(SHARED) -m "not slow"

coverage: $(VENV)/.dev
	$(BIN)/pytest -q --numprocesses $(WORKERS) -m "not slow" --cov --cov-report term tests/domain tests/http_client tests/kombo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry .

drift: $(VENV)/.dev
	@$(BIN)/python -m tests.support.drift

bench: $(VENV)/.dev $(RIVAL)/.done
	@$(BIN)/python -m benchmarks.run --save $(FIGURES) && \
	$(RIVAL)/bin/python benchmarks/chart.py $(FIGURES) docs/performance.svg && \
	$(BIN)/python -m benchmarks.webhooks

bench-compare: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.figures $(FIGURES)

bench-scale: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.scale

soak: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.web_requests
	@$(BIN)/python -m benchmarks.fleet --minutes $(FLEET_MINUTES) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m benchmarks.histories --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) & histories=$$!; \
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --database $(DATABASE) $(if $(SEED),--seed $(SEED)); \
	soaked=$$?; wait $$histories && exit $$soaked

docs: $(VENV)/.dev
	$(BIN)/python -m documents
	$(BIN)/pytest -q tests/queries -k "sample_is_the_answer and sqlite" --write-samples

site: $(VENV)/.dev
	@$(BIN)/python -m documents.site.build build/site && echo "The site is written: open build/site/index.html."

screenshots: $(VENV)/.dev tools
	@$(BIN)/python -m tests.support.screenshots docs/images

recording: $(VENV)/.dev
	@$(BIN)/python -m tests.support.recording docs/images/demo.svg

# What is to be released: committed, described and not released before.
releasable:
	@test -z "$$(git status --porcelain)" || { echo "There are changes that are not committed." >&2; exit 1; }
	@grep -Eq '^## \[?$(VERSION_PATTERN)\]?( |$$)' CHANGELOG.md || { \
	  echo "CHANGELOG.md has no section for $(VERSION)." >&2; exit 1; }
	@! git rev-parse --quiet --verify 'refs/tags/v$(VERSION)' >/dev/null || { \
	  echo "The tag v$(VERSION) exists: set another version in syncer/__init__.py." >&2; exit 1; }

# The wheel is built from the sdist, so that what is uploaded is complete, and tried where nothing else is installed.
dist: $(VENV)/.dev
	@rm -rf dist $(TRIAL)
	@$(BIN)/hatchling build --target sdist --directory dist
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	@$(PYTHON) -m venv --without-pip $(TRIAL)
	@$(TRIAL_PIP) install --require-hashes --requirement deploy/requirements-runtime.txt
	@$(TRIAL_PIP) install --no-deps --no-index dist/*.whl
	@$(TRIAL_PIP) check
	@cd $(TRIAL) && SYNCER_DATABASE__URL=sqlite:///mirror.db bin/syncer migrate >/dev/null && bin/syncer --version

sbom: dist
	@$(BIN)/cyclonedx-py environment $(TRIAL) --pyproject pyproject.toml --short-PURLs \
	  --output-file dist/kombo_syncer-$(VERSION).cdx.json

hashes: $(VENV)/.dev
	@$(BIN)/python deploy/pin_hashes.py

release:
	@$(MAKE) --no-print-directory --jobs=1 releasable lint test dist sbom
	@echo "In dist/ is what this commit releases. Next:"
	@echo "  git tag --annotate v$(VERSION) --message 'syncer $(VERSION)'"
	@echo "  git push origin v$(VERSION)"
	@echo "  twine upload dist/*"

# What the program is compared with has an environment of its own: its packages want others than ours.
$(RIVAL)/.done: pyproject.toml benchmarks/constraints.txt | $(VENV)/.dev
	@echo "Installing what the benchmark compares with ..."
	@$(PYTHON) -m venv $(RIVAL)
	@$(RIVAL)/bin/python -m pip --disable-pip-version-check --quiet install --upgrade --constraint constraints.txt pip
	@$(RIVAL)/bin/python -m pip --disable-pip-version-check --quiet install --constraint benchmarks/constraints.txt --group bench
	@touch $@

$(VENV)/.made: constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "syncer needs Python 3.11 or newer, and there is no $(PYTHON) here (on Debian: apt-get install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "syncer needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name another one with make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments here: install python3-venv (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade $(PINNED) pip
	@touch $@

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/.made
	@$(INSTALL) .
	@touch $@

# That has all of the runtime, too: to install that first would take pip twice as long.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing what tests and checks need ..."
	@$(INSTALL) '.[dev]'
	@touch $(VENV)/.runtime $@
