# Everything a newcomer needs is `make demo`, `make lab` and `make test`; each sets up its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Many tests wait for processes and clocks: twice as many workers as cores keep two cores busy.
TESTS := -m "not soak and not browser and not lua" -n 4 --dist worksteal

# Tests start many interpreters; without compiled files each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo lab test soak replay test-browser test-lua test-wheel test-oldest test-pythons lint types docs bench clean

demo: $(VENV)/.demo
	@$(BIN)/luajobs demo

# LAB says how JupyterLab opens: make lab LAB="--no-browser --port=9000"
lab: $(VENV)/.lab  ## the lessons, in JupyterLab
	@cd notebooks && exec ../$(BIN)/jupyter lab $(LAB) quickstart.ipynb

test: $(VENV)/.dev
	$(BIN)/pytest $(TESTS)

soak: $(VENV)/.dev  ## full counts of kills, races and runs
	$(BIN)/pytest -m "soak or hypothesis" --hypothesis-profile=soak

replay: $(VENV)/.dev  ## one disturbed life of tests/engine/simulation, told step by step: make replay SEED=17
	$(BIN)/python tests/engine/simulation/disturbed_life.py $(SEED)

test-browser: $(VENV)/.dev  ## a real JupyterLab in a real Chromium
	$(BIN)/pytest -m browser tests/browser

test-lua: $(VENV)/.dev  ## the real lua command, installed from npm (node 20)
	$(BIN)/pytest -m lua tests/server

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

test-wheel: $(VENV)/.dev  ## an editable install shows more than ships
	$(BIN)/python tests/wheel.py

test-oldest: $(VENV)/.dev  ## the oldest versions of everything that pyproject.toml allows
	$(BIN)/python tests/oldest.py

test-pythons: $(VENV)/.dev  ## other Pythons, or PYTHONS="python3.11 /path/to/python3.15"
	PYTHONS="$(PYTHONS)" $(BIN)/python tests/pythons.py

docs: $(VENV)/.dev  ## write the generated pages again
	$(BIN)/python docs/generate.py

bench: $(VENV)/.dev
	@for each in benchmarks/*.py; do echo "== $$each"; $(BIN)/python $$each; done

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 15))' || \
		{ echo "luajobs_kit needs Python 3.11 to 3.15; try: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[tui]'
	@touch $@

$(VENV)/.lab: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all,lab]'
	@touch $@ $(VENV)/.demo

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.demo $(VENV)/.lab
