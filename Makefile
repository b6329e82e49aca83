# Thin: every line also works typed by hand (see README.md, where there is no make).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2> /dev/null && echo $$p && break; done)
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
BIN = .venv/bin

.PHONY: demo test test-long

# Two simulated sessions of one animal, from videos to cells, and how well they were found.
demo: .venv/installed
	$(BIN)/snakemake --cores $(CORES)
	$(BIN)/python scripts/print_scores.py results

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# What takes minutes each: every method, more combinations, thresholds of accuracy.
test-long: .venv/installed
	$(BIN)/python -m pytest -n 2 -m long

.venv/installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python demo"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch .venv/installed
