# What people and CI run. Needs sh, make 3.81 or newer, and Python 3.11 or newer; everything else is set up in .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test lint type contracts check-docs unit docs bench build smoke lock clean

BIN := .venv/bin
UV_COMPILE := $(BIN)/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --constraints scripts/lock-constraints.txt

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup:
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

demo: setup  ## Write an evidence bundle about a simulated AWS account, and say where it lies
	@sh scripts/demo.sh

test: setup lint type contracts check-docs unit  ## Everything CI checks, stopping at the first failure

lint: setup  ## Style and formatting (ruff)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@echo "lint: ok"

type: setup  ## Types (mypy, strict)
	@$(BIN)/mypy

contracts: setup  ## Import direction between packages (import-linter)
	@$(BIN)/lint-imports --no-logo

check-docs: setup  ## Fail when a generated page differs from what the code says
	@$(BIN)/python scripts/docs.py --check

unit: setup  ## The tests, with branch coverage
	@$(BIN)/pytest -n 2 --cov --cov-report=term

docs: setup  ## Write the generated pages again
	@$(BIN)/python scripts/docs.py

bench: setup  ## Measure speed and size; ARGS=--write records them in docs/performance.md
	@$(BIN)/python -m bench $(ARGS)

build: setup  ## Build the wheel and the source distribution into dist/
	@rm -rf dist
	@$(BIN)/hatchling build

smoke: build  ## Install the wheel without development packages in a fresh environment, and run it
	@sh scripts/smoke.sh

lock: setup  ## Resolve the lock files again; ARGS=--upgrade takes the newest versions
	@$(UV_COMPILE) pyproject.toml --extra sandbox $(ARGS) --output-file requirements.lock
	@$(UV_COMPILE) pyproject.toml --extra sandbox --group dev $(ARGS) --output-file requirements-dev.lock
	@$(UV_COMPILE) tests/terraform/standin/requirements.in $(ARGS) --output-file requirements-terraform.lock

clean:  ## Remove everything that was generated or installed here
	rm -rf .venv .setup dist demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
