"""The warehouse. `destination.py` says which one is configured, `interface.py` what is asked of it;
the two that answer are DuckDB (`duckdb_file.py`, `duckdb_load.py`, `duckdb_errors.py`) and
`postgres/`, whose settings dlt looks up once (`resolved_once.py`). `migrations.py` brings one of an
earlier release up to date, `comments.py` stores the texts of `descriptions.py` as comments,
`row_comparison.py` tells which rows differ, `failures.py` says in words what went wrong.
"""
