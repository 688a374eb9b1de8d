# make synthesize [IMAGES=folder] [CONFIG=file.yaml] [ARGS="key=value ..."]   photos in, MM-CoF shards out
# make train [CONFIG=file.yaml] [ARGS="key=value ..."]   SFT, then RL, then the table of accuracy by resolution
# make evaluate [CONFIG=file.yaml] [ARGS="key=value ..."]   accuracy and cost by resolution, for every strategy
# make submit RAY_ADDRESS=http://head:8265 OUT=s3://bucket/run [IMAGES=s3://…] [CONFIG=…] [ARGS=…]   the same as a job of a Ray cluster
# make status, make stop RAY_ADDRESS=… [JOB=…]   what was submitted, and how it is going; stop one: docs/cluster.md
# make push RUN=outputs/demo REPO=owner/name [ARGS="--public --dry-run"]   a dataset, or a model's folder, to the Hugging Face Hub
# make docs   the pages of docs/ as a site, build/docs/index.html; the page of commands is written anew
# make check · make test (everything) · make test-quick (without Ray and whole runs) · make clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMAGES ?=
OUT ?=
ARGS ?=
RAY_ADDRESS ?=
JOB ?=

OVERRIDES := $(if $(IMAGES),"sample.images=$(IMAGES)" sample.count=null) $(if $(OUT),"out=$(OUT)",$(if $(IMAGES),out=outputs/photos))

.PHONY: synthesize submit status stop train train-multinode evaluate push docs check test test-long test-quick format clean
.DEFAULT_GOAL := check-and-test

check-and-test: check test

synthesize: $(VENV)/.base
	$(BIN)/python -m pipeline synthesize --config $(or $(CONFIG),configs/demo.yaml) $(OVERRIDES) $(ARGS)

ON_CLUSTER := $(if $(IMAGES),"sample.images=$(IMAGES)" sample.count=null) $(if $(OUT),"out=$(OUT)")

submit: $(VENV)/.cluster
	$(BIN)/python -m pipeline submit --address "$(RAY_ADDRESS)" --config $(or $(CONFIG),configs/demo.yaml) $(ON_CLUSTER) $(ARGS)

status stop: $(VENV)/.cluster
	$(BIN)/python -m pipeline $@ --address "$(RAY_ADDRESS)" $(if $(JOB),--job "$(JOB)")

# One thread per process: the tiny model's matrices gain nothing from more. Freed memory is kept, not given back at each step.
TINY := OMP_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_MMAP_MAX_=0 MALLOC_TOP_PAD_=268435456

train: $(VENV)/.train
	$(if $(CONFIG),,$(TINY)) $(BIN)/python -m pipeline train --config $(or $(CONFIG),configs/tiny.yaml) $(ARGS)

push: $(VENV)/.base
	$(BIN)/python -m pipeline push "$(RUN)" "$(REPO)" $(ARGS)

evaluate: $(VENV)/.train
	$(if $(CONFIG),,$(TINY)) $(BIN)/python -m pipeline evaluate --config $(or $(CONFIG),configs/evaluate-tiny.yaml) $(ARGS)

docs: $(VENV)/.docs
	$(BIN)/python -m pipeline.help > docs/commands.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file docs/mkdocs/mkdocs.yml

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two at a time, a file in one place: most of them wait, for Ray to start and for teachers to answer.
test: $(VENV)/.test
	$(BIN)/pytest -n 2 --dist loadfile

# Ten kills of each kind at random moments: seven minutes, so by hand or at night.
test-long: $(VENV)/.test
	$(BIN)/pytest -m long

test-quick: $(VENV)/.test
	$(BIN)/pytest -m "not e2e and not ray"

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Left to itself, uv compiles nothing: each of Ray's many processes would, wherever Python may not keep what it compiled.
export UV_COMPILE_BYTECODE := 1

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
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev,train,sam,cluster]"
	@touch $@ $(VENV)/.base $(VENV)/.dev $(VENV)/.train $(VENV)/.cluster

# In an environment that has verl; see docs/training.md.
train-multinode:
	$(PYTHON) -m pipeline train-multinode $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

$(VENV)/.cluster: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[cluster]"
	@touch $@ $(VENV)/.base

$(VENV)/.train: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[train]"
	@touch $@ $(VENV)/.base

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[docs]"
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
