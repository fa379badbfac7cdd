# Every target sets up .venv by itself: nothing has to be installed by hand. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# a Python of 3.11 or newer; name another with: make PYTHON=python3.13 test
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# paths from here on are relative, so that a checkout with spaces in its path works too
BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/.cotrace-installed

.PHONY: help setup demo browser test test-core test-spark lint format types docs site release bench bench-large worlds ci clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

setup: $(READY) ## set up .venv with everything that the other targets need

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "cotrace needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@echo "setting up .venv (once; about a minute)" >&2
	@test -x $(PY) || "$(PYTHON)" -m venv .venv
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY) ## run the main job on real data and on a made city, and print both results
	@$(PY) -m cotrace.cli demo

# the report is tested in the system's own Chromium; axe-core stays out of the package
AXE := .venv/axe-core/axe.min.js
AXE_VERSION := 4.11.0

browser: $(READY) $(AXE) ## set up Chromium and axe-core for the tests of the report (needs root where Chromium is missing)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "installing chromium" >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-noto-cjk >/dev/null; }

$(AXE): $(READY)
	@command -v npm >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq npm >/dev/null; }
	@mkdir -p .venv/axe-core && cd .venv/axe-core && \
		npm pack --silent axe-core@$(AXE_VERSION) >/dev/null && tar -xzf axe-core-*.tgz package/axe.min.js && \
		mv package/axe.min.js axe.min.js && rm -r package axe-core-*.tgz

test: test-core test-spark ## run the whole test suite

test-core: $(READY) ## run all tests but those on Spark
	@$(PY) -m pytest -n 2 --dist worksteal --ignore tests/engine

test-spark: $(READY) ## run the tests on Spark: two executor processes, in one go; needs Java 17
	@$(PY) -m pytest -n 0 tests/engine

lint: $(READY) ## check style
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(READY) ## put the code into its style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: $(READY) ## check types
	@$(PY) -m mypy

docs: $(READY) ## run the examples of the docstrings, the README and the docs
	@$(PY) -m pytest --doctest-modules --doctest-glob='*.md' --ignore=docs/_made --ignore=docs/_build --ignore=docs/conf.py \
		src README.md docs

site: $(READY) ## build the documentation as a site, its notebooks run; warnings are errors
	@$(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(READY) ## time everything on up to ten million made pings, beside other tools (minutes)
	@$(PY) benchmarks/bench.py

bench-large: $(READY) ## the same on 100 and 200 million and a billion pings (an hour or more, 20 GB of disk)
	@$(PY) benchmarks/bench.py --large

release: $(READY) ## build sdist and wheel into dist/, and try the wheel in empty environments
	@$(PY) -m tests.release.run

worlds: $(READY) ## hold 100,000 small made worlds to the naive version
	@$(PY) -m tests.properties.run --worlds 100000 --seed 1 --processes 2 --out docs/worlds.json

ci: ## everything that has to pass before a change lands
	@.ci/run

clean: ## remove .venv and what tools have left
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage*
