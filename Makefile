# make synthesize [IMAGES=folder] [CONFIG=file.yaml] [ARGS="key=value ..."]   photos in, MM-CoF shards out
# make train [CONFIG=file.yaml] [ARGS="key=value ..."]   SFT, then RL, then the table of accuracy by resolution
# make check · make test (everything) · make test-quick (without Ray and whole runs) · make clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMAGES ?=
OUT ?=
ARGS ?=

OVERRIDES := $(if $(IMAGES),"sample.images=$(IMAGES)" sample.count=null) $(if $(OUT),"out=$(OUT)",$(if $(IMAGES),out=outputs/photos))

.PHONY: synthesize train train-multinode check test test-quick format clean
.DEFAULT_GOAL := check-and-test

check-and-test: check test

synthesize: $(VENV)/.base
	$(BIN)/python -m pipeline synthesize --config $(or $(CONFIG),configs/demo.yaml) $(OVERRIDES) $(ARGS)

# One thread per process: the tiny model's matrices gain nothing from more. Freed memory is kept, not given back at each step.
TINY := OMP_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_MMAP_MAX_=0 MALLOC_TOP_PAD_=268435456

train: $(VENV)/.train
	$(if $(CONFIG),,$(TINY)) $(BIN)/python -m pipeline train --config $(or $(CONFIG),configs/tiny.yaml) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two at a time, a file in one place: most of them wait, for Ray to start and for teachers to answer.
test: $(VENV)/.test
	$(BIN)/pytest -n 2 --dist loadfile

test-quick: $(VENV)/.test
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

$(VENV)/.test: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev,train,sam,s3]"
	@touch $@ $(VENV)/.base $(VENV)/.dev $(VENV)/.train

# In an environment that has verl; see docs/training.md.
train-multinode:
	$(PYTHON) -m pipeline train-multinode $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

$(VENV)/.train: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[train]"
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
