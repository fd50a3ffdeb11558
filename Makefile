# Everything a person needs: `make book`, `make test`, `make preview`, `make bench`. The graph behind them is in Snakefile.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CORES ?= $(shell getconf _NPROCESSORS_ONLN)

# Two one-thread processes beat one two-thread process for networks of this size, and one thread makes results repeatable.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# Large tensors come and go: glibc is to keep their memory instead of returning it to the system every time.
export MALLOC_MMAP_THRESHOLD_ := 1073741824
export MALLOC_TRIM_THRESHOLD_ := 1073741824
export PATH := $(BIN):$(PATH)
export PYDEVD_DISABLE_FILE_VALIDATION := 1

# The scale of the book that is built, whether all of it or the paper's part, what else to tell the Snakefile, and the profile whose runs are published.
PROFILE ?= paper
PART ?= all
CONFIG ?=
EDITION ?= edition

profile = $(if $(filter 1,$(words $($1))),$(or $(filter $($1),paper edition smoke),$(refuse)),$(refuse))
refuse = $(error $1 = '$($1)' is not allowed: paper, edition or smoke)
part = $(if $(filter 1,$(words $(PART))),$(or $(filter $(PART),all paper),$(refuse_part)),$(refuse_part))
refuse_part = $(error PART = '$(PART)' is not allowed: all or paper)
quoted = $(foreach word,$1,'$(subst ','\'',$(word))')

# One command at a time in a checkout; what a killed one has left behind is tidied up.
ALONE := scripts/alone.py
# How the graph runs on this machine; profiles/ has other places.
GRAPH := snakemake --profile profiles/local --cores $(call quoted,$(CORES))
SNAKEMAKE := python $(ALONE) $(GRAPH)

.PHONY: help setup book test preview bench edition clean

help:
	@echo "make book     regenerate every figure at the paper's scale and build the book"
	@echo "              (make book PART=paper: without the part beyond the paper)"
	@echo "make test     run all tests, notebooks included, on a smoke profile"
	@echo "make preview  build the book from the stored results, without training"
	@echo "make bench    measure how fast everything is, also against other packages, and write the page on speed"
	@echo "make setup    set up the virtual environment $(VENV) (the others do it themselves)"
	@echo "make edition  make book, then store its results, notebooks and verdicts as the published edition"
	@echo "make clean    delete what was built (the virtual environment stays)"

setup: $(VENV)/.ready

# First all that has a hash, then what has none, torch and this package. `make setup HASHES=` is for indices of other files.
HASHES ?= requirements.txt
# Of the libraries' modules, a third is ever imported: each is compiled when it is.
PIP := pip install --quiet --disable-pip-version-check --no-compile
HASHED := $(if $(HASHES),$(PIP) --no-deps --require-hashes --requirement $(call quoted,$(HASHES)),true)
UNHASHED := $(PIP) $(if $(HASHES),--no-build-isolation) --constraint constraints.txt --editable ".[book,cluster,test]"

$(VENV)/.ready: pyproject.toml constraints.txt requirements.txt
	$(PYTHON) $(ALONE) $(PYTHON) -m venv $(VENV)
	$(PYTHON) $(ALONE) $(HASHED)
	$(PYTHON) $(ALONE) $(UNHASHED)
	@touch $@

book: setup
	$(SNAKEMAKE) --config profile=$(call profile,PROFILE) part=$(part) $(call quoted,$(CONFIG))
	@[ -n $(or $(call quoted,$(firstword $(CONFIG))),"") ] || echo "The book is in $$PWD/build/$(PROFILE)/book/_build/html/index.html"

preview: setup
	$(SNAKEMAKE) preview
	@echo "The book is in $$PWD/build/preview/book/_build/html/index.html"

# Kernels of the command behind it start with all libraries loaded.
WARM := python scripts/warm.py
# A notebook stays in one process; its kernel is reached through files.
NBVAL := env PYTHONPATH=scripts $(WARM) pytest -p kernel_files --nbval --nbval-sanitize-with scripts/nbval.cfg --nbval-cell-timeout 1200 --dist loadscope --numprocesses

# The smoke notebooks are executed by papermill, then once more by nbval from an empty results store: what they show must
# come out again. The committed ones must come out of the stored results: they take what the graph leaves of the cores.
# Tests of one file stay in one process, but for the last ones, so that what they share is made once.
test: setup
	@mkdir -p build/smoke
	nice -n 5 $(NBVAL) 1 book/paper book/theory book/beyond > build/smoke/committed.log 2>&1 & committed=$$!; \
	trap 'kill $$committed; exit 130' HUP INT TERM; \
	python $(ALONE) $(WARM) $(GRAPH) --config profile=smoke && pytest --numprocesses $(call quoted,$(CORES)) --dist worksteal \
	|| { kill $$committed; exit 1; }; \
	wait $$committed; same=$$?; cat build/smoke/committed.log; exit $$same
	repeated=$$(mktemp -d build/smoke/repeated.XXXXXX) && trap 'rm -rf "$$repeated"' EXIT && \
	GFN_RESULTS="$$PWD/$$repeated" $(NBVAL) $(call quoted,$(CORES)) build/smoke/notebooks

# Under half an hour on a machine that does nothing else; the first time it installs the other packages under build/bench/.
# `python -m benchmarks look peers sets` measures a few rows and stores nothing; `python -m benchmarks run --only edition`
# makes the runs and the book of the edition from nothing, which `make edition` then finds, and measures how long it takes.
bench: setup
	python $(ALONE) python -m benchmarks run

# Nothing that is published changes before all of it is made and checked; what a killed one has left half done is undone.
edition: setup
	python -m gfn.study.swap
	$(SNAKEMAKE) --config profile=$(call profile,EDITION)
	python -m gfn.study.edition "$(EDITION)" "build/$(EDITION)"

clean:
	$(PYTHON) $(ALONE) rm -rf build .snakemake
