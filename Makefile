# make book     environment, notebooks, site; prints where to open it
# make test     everything that CI runs
# make outputs  rewrite the outputs stored in notebooks/ and the results in data/results/
# make paper    the trainings and notebooks at the paper's own scale: days on a CPU, resumable
# make bench    speed, against its rivals; rewrites data/benchmarks.json
#
# On Linux the registry's torch brings gigabytes of CUDA. Its CPU build:
#   make book TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
CORES ?= all

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TORCH := $(shell grep '^torch==' constraints.txt)

# One thread a step: steps run side by side.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1

.PHONY: book test outputs paper bench env clean
.DEFAULT_GOAL := book

book: $(INSTALLED)
	@$(BIN)/snakemake --cores $(CORES) --rerun-incomplete --quiet host progress reason
	@$(BIN)/python -c "from paperlib.paths import SITE; print('The book:', (SITE / 'index.html').as_uri())"

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -q -n auto --dist loadscope --ignore tests/pages
	@$(MAKE) --no-print-directory book
	PAPERLIB_RESULTS=$(CURDIR)/build/nbval $(BIN)/pytest -q -n auto --dist loadscope --nbval-lax --nbval-current-env notebooks
	$(BIN)/pytest -q -rs tests/pages

outputs: $(INSTALLED)
	@$(BIN)/snakemake --cores $(CORES) --rerun-incomplete --quiet host progress reason -- runs
	@PAPERLIB_RESULTS=$(CURDIR)/data/results $(BIN)/python -m paperlib.notebooks

paper: $(INSTALLED)
	@$(BIN)/paperlib campaign
	@$(BIN)/snakemake --cores $(CORES) --rerun-incomplete --quiet host progress reason --keep-going --config scale=paper

bench: $(INSTALLED)
	$(BIN)/pytest -q -s tests/benchmarks -o python_files='bench_*.py' -o python_functions='bench_*'

env: $(INSTALLED)

# torch first and by its exact version: anything wider would fetch the newest build with its CUDA packages.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11 to 3.13 is needed, $(PYTHON) is another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "environment: installing the packages of constraints.txt into $(VENV) (minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --progress-bar off $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	@$(BIN)/pip install --quiet --progress-bar off -c constraints.txt -e '.[all]'
	@touch $@

clean:
	rm -rf build .snakemake
