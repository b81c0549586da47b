# Needs Python 3.11 to 3.13 and make, nothing else: `make demo PYTHON=python3.12` chooses one.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test check audit mutants bench soak lock clean
.DEFAULT_GOAL := demo

demo: .venv/stamp
	$(BIN)/talkhouse demo

# in a process for each core, four at most, since each starts servers and a Postgres of its own
test: .venv/stamp
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

check: .venv/stamp
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# asks the package index what is known of each locked version: it needs the network, and a tool that is not ours
audit:
	test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && \
		.audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }
	.audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock

# breaks the heart of the sync in some 2,000 ways, one by one, which takes hours: MUTANTS='sources.walk*' chooses
mutants: .venv/stamp
	test -x $(BIN)/mutmut || $(BIN)/pip install --quiet --disable-pip-version-check mutmut==3.8.1
	$(BIN)/python tests/mutants/run.py $(if $(MUTANTS),'$(MUTANTS)')

bench: .venv/stamp
	$(BIN)/python benchmarks/backfill.py --json bench-duckdb.json
	$(BIN)/python benchmarks/backfill.py --into postgres --json bench-postgres.json
	$(BIN)/python benchmarks/messages.py --conversations 3000 --rounds 12
	$(BIN)/python benchmarks/incremental.py
	$(BIN)/python benchmarks/build.py

soak: .venv/stamp
	$(BIN)/python benchmarks/soak.py

# uv is needed for this only
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --output-file requirements.lock

clean:
	rm -rf .venv .audit mutants

.venv/stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is none of them:" \
			"make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
