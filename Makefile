# Everything a newcomer needs: each target installs what it needs of the locked requirements in a virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo up test test-full lint lock bench docs screenshots
.DEFAULT_GOAL := demo

demo: $(VENV)/sandbox
	$(BIN)/python -m demo

up: $(VENV)/sandbox
	$(BIN)/python -m demo.up

# `make test COVERAGE=yes` also measures how much of the product the tests run, and is a quarter slower for it.
test: lint
	$(if $(COVERAGE),$(BIN)/coverage erase)
	$(BIN)/$(if $(COVERAGE),coverage run,python) -m pytest --numprocesses 3 --no-loadscope-reorder --durations 15
	$(if $(COVERAGE),$(BIN)/coverage combine --quiet)
	$(if $(COVERAGE),$(BIN)/coverage report)

test-full: lint
	$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder -m "campaign or not campaign"

# Needs docker-registry, skopeo, crane and oras on the PATH; half an hour. `make bench AIRFLOW=PYTHON` names an interpreter
# that has Airflow's Amazon provider.
bench: $(VENV)/installed
	$(BIN)/python -m benchmarks mirror --json benchmarks/mirror.json --markdown benchmarks/README.md
	$(BIN)/python -m benchmarks jobs --json benchmarks/jobs.json --markdown benchmarks/jobs.md \
		$(if $(AIRFLOW),--airflow-python $(AIRFLOW))

# The site in site/, strictly: broken links and anchors fail it. First those parts of the pages that repeat the code.
docs: $(VENV)/installed
	$(BIN)/python -m docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Those of the documentation, as the tests of the UI take them; needs Chromium.
screenshots: $(VENV)/installed
	$(BIN)/python -m pytest tests/demo/test_ui.py -k outcomes
	cp build/screenshots/setup-form.png build/screenshots/setup-run.png docs/images/

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

# pip's own resolver is skipped (--no-deps): the lock names every package, and pip check proves it. Nor does pip compile
# what it installs, which it does on one core; where a package has files for other versions of Python, that goes on.
define INSTALL
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r $<
	$(BIN)/pip check
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $@
endef

$(VENV)/sandbox: requirements-sandbox.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL)

$(VENV)/installed: requirements-dev.txt $(VENV)/sandbox
	$(INSTALL)

# Needs uv on the PATH. --no-emit-index-url keeps the registry's host out of the lock.
LOCK := uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command "make lock" --quiet
lock:
	$(LOCK) --extra dev --output-file requirements-dev.txt
	$(LOCK) --constraint requirements-dev.txt --extra sandbox --output-file requirements-sandbox.txt
	$(LOCK) --constraint requirements-dev.txt --output-file requirements.txt
