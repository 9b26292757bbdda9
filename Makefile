# Everything a person or CI does with this repository. `make help` prints the list.
#
# One virtual environment (.venv) serves every target. Stamps inside it remember what is done, so a
# second `make` installs nothing when the locks are unchanged and builds nothing when no Rust source is
# newer. Removing .venv forgets them all.

PYTHON ?= python3
APP    ?= examples/flights
ARGS   ?=

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
UV     := $(BIN)/uv --quiet
PIP    := $(UV) pip install --python $(BIN)/python --require-hashes --no-build-isolation
LOCK   := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# cargo and maturin must agree on the interpreter, or each build would redo the other's work.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export VIRTUAL_ENV := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The newest Rust that the sources need; Cargo.toml states it once.
RUST_MIN := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
KERNEL   := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml
TYPED    := $(wildcard src tests examples benchmarks docs/extensions)

say = @printf '\033[1m==> %s\033[0m\n' "$(1)"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check bench docs lock clean prerequisites lint types contracts doctests rust-tests histories kills planted-bugs

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

# For people ------------------------------------------------------------------

demo: $(STAMPS)/demo $(STAMPS)/kernel  ## install, build, and run the flights example (APP=, ARGS= change what runs)
	$(call say,Running: forerun run $(APP) $(ARGS))
	@$(BIN)/forerun run $(APP) $(ARGS)

test: check docs rust-tests  ## everything CI runs: the checks, the documentation, all tests, the proof against crashes
	$(call say,Python tests)
	@$(BIN)/python -m pytest
	@$(MAKE) --no-print-directory histories kills planted-bugs

check: lint types contracts doctests  ## format, lint, types, import rules, doctests; about a minute

bench: $(STAMPS)/dev $(STAMPS)/kernel  ## every benchmark, beside the peers it installs (ARGS="--only w1 --peers polars")
	@$(BIN)/python benchmarks/run.py $(ARGS)

docs: $(STAMPS)/dev $(STAMPS)/kernel  ## build the documentation into site/; a broken link is an error
	$(call say,Documentation: site/index.html)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lock: $(STAMPS)/venv  ## write requirements/*.txt anew from *.in and pyproject.toml (ARGS=--upgrade takes newer versions)
	$(call say,Locking requirements)
	@$(LOCK) $(ARGS) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra demo requirements/demo.in -o requirements/demo.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra demo requirements/demo.in requirements/dev.in -o requirements/dev.txt

clean:  ## remove everything that make made: .venv, target, site, caches (not an app's .forerun data)
	$(call say,Cleaning)
	@rm -rf $(VENV) target site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@rm -f src/forerun/_core/*.so

# The pieces of check and test ------------------------------------------------

lint: $(STAMPS)/dev
	$(call say,Format and lint (ruff rustfmt clippy))
	@$(BIN)/ruff format --check --quiet . || { echo "To fix: .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@cargo fmt --check || { echo "To fix: cargo fmt"; exit 1; }
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings

types: $(STAMPS)/dev $(STAMPS)/kernel
	$(call say,Types (mypy --strict and stubtest))
	@$(BIN)/python -m mypy $(TYPED)
	@$(BIN)/python -m mypy.stubtest forerun._core._rust

contracts: $(STAMPS)/dev
	$(call say,Import rules: import-linter)
	@$(BIN)/lint-imports --no-logo

doctests: $(STAMPS)/dev $(STAMPS)/kernel
	$(call say,Examples in docstrings)
	@$(BIN)/python -m pytest -q src

histories: $(STAMPS)/dev $(STAMPS)/kernel
	$(call say,Crash histories on a simulated disk)
	@nice -n 5 $(BIN)/python -m tests.crash.simulate $(ARGS)

kills: $(STAMPS)/dev $(STAMPS)/kernel
	$(call say,Real kills at every system call that changes the disk)
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y strace >/dev/null; } || \
	  { echo "strace is needed and not found; on Debian and Ubuntu: apt-get install strace"; exit 1; }
	@nice -n 5 $(BIN)/python -m tests.crash.kills

planted-bugs: $(STAMPS)/dev $(STAMPS)/kernel
	$(call say,Planted bugs that the crash histories must find)
	@nice -n 5 $(BIN)/python -m tests.crash.mutations

rust-tests: $(STAMPS)/dev
	$(call say,Rust tests)
	@cargo test --quiet --locked --package forerun-core

# What is installed and built ------------------------------------------------

prerequisites:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" RUST_MIN="$(RUST_MIN)" sh requirements/prerequisites.sh

$(STAMPS)/venv: requirements/bootstrap.txt | prerequisites
	$(call say,Making $(VENV) with $(PYTHON))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/bootstrap.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: requirements/demo.txt $(STAMPS)/venv
	$(call say,Installing what the demo needs)
	@$(PIP) -r requirements/demo.txt
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/venv
	$(call say,Installing what the tests and checks need)
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(STAMPS)/demo

# maturin comes with either lock; the demo's is the smaller one.
$(STAMPS)/kernel: $(KERNEL) | $(STAMPS)/demo
	$(call say,Building the Rust kernel (about two minutes the first time))
	@$(BIN)/maturin develop --quiet --release --locked --uv
	@touch $@
