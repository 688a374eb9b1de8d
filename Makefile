# make synthesize [IMAGES=folder] [CONFIG=file.yaml] [ARGS="key=value ..."]   photos in, MM-CoF shards out
# make check · make test (everything) · make test-quick (without Ray and whole runs) · make clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= configs/demo.yaml
IMAGES ?=
OUT ?=
ARGS ?=

OVERRIDES := $(if $(IMAGES),"sample.images=$(IMAGES)" sample.count=null) $(if $(OUT),"out=$(OUT)",$(if $(IMAGES),out=outputs/photos))

.PHONY: synthesize check test test-quick format clean
.DEFAULT_GOAL := check-and-test

check-and-test: check test

synthesize: $(VENV)/.base
	$(BIN)/python -m pipeline synthesize --config $(CONFIG) $(OVERRIDES) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.dev
	$(BIN)/pytest

test-quick: $(VENV)/.dev
	$(BIN)/pytest -m "not e2e and not ray"

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Each kind of installation leaves a mark, so that it is repeated only when pyproject.toml changes.
$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.base: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev]"
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
