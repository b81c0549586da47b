# Needs Python 3.11 to 3.13 and make, nothing else: `make demo PYTHON=python3.12` chooses one.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test test-deep coverage try check drawing audit mutants bench soak lock clean
.DEFAULT_GOAL := demo

demo: $(VENV)/stamp
	$(BIN)/talkhouse demo

PROCESSES = --numprocesses auto --dist loadfile
PYTEST = $(BIN)/pytest $(PROCESSES)

test: $(VENV)/stamp
	$(PYTEST) -m "not deep"

# the same tests, measured, which makes them slower by half
coverage: $(VENV)/stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PROCESSES) -m "not deep"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# what `make test` leaves out; `make test-deep MINUTES=20` begins no test after that
test-deep: $(VENV)/stamp
	$(PYTEST) -m deep $(if $(MINUTES),--minutes $(MINUTES))

TRIED = orchestration/test_schedule_files project/test_docs settings/test_connections simulator/test_simulator \
	$(addprefix sources/test_,golden http lenient_decode overlapping_pages records scan)

# what runs in a minute and tells whether a Python will do: `make try VENV=.venv-3.13 PYTHON=python3.13`
try: $(VENV)/stamp
	folder=$$(mktemp -d) && (cd "$$folder" && $(abspath $(BIN))/talkhouse demo > /dev/null) && rm -r "$$folder"
	$(PYTEST) $(TRIED:%=tests/%.py)

check: $(VENV)/stamp
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# the drawing of the structure in CONTRIBUTING.md
drawing: $(VENV)/stamp
	PYTHONPATH=tests $(BIN)/python -m support.drawing

# asks the package index what is known of each locked version: it needs the network, and a tool that is not ours
audit:
	test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && \
		.audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }
	.audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements-dev.lock

# breaks the heart of the sync in some 2,400 ways, one by one, which takes hours: MUTANTS='talkhouse.sources.scan.walk*' chooses
mutants: $(VENV)/stamp
	test -x $(BIN)/mutmut || $(BIN)/pip install --quiet --disable-pip-version-check mutmut==3.8.1
	$(BIN)/python tests/mutants/run.py $(if $(MUTANTS),'$(MUTANTS)')

bench: $(VENV)/stamp
	$(BIN)/python benchmarks/backfill.py --json bench-duckdb.json
	$(BIN)/python benchmarks/backfill.py --into postgres --json bench-postgres.json
	$(BIN)/python benchmarks/messages.py --conversations 3000 --rounds 12
	$(BIN)/python benchmarks/incremental.py
	$(BIN)/python benchmarks/build.py
	$(BIN)/python benchmarks/fixed_costs.py

soak: $(VENV)/stamp
	$(BIN)/python benchmarks/soak.py

COMPILE = .uv/bin/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url

# requirements-dev.lock is for developing; requirements.lock, for running, has the same versions without the tools.
# Versions that are locked stay where they still fit
lock:
	test -x .uv/bin/uv || { $(PYTHON) -m venv .uv && \
		.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9; }
	$(COMPILE) --group dev --output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf .venv .venv-* .audit .uv mutants

$(VENV)/stamp: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is none of them:" \
			"make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
