"""The warehouse. `destination.py` says which one is configured, `interface.py` what is asked of it;
`duckdb_*.py` and `postgres/` are the two that answer. `migrations.py` brings one of an earlier
release up to date, `row_comparison.py` tells which rows differ, `failures.py` says what went wrong
in words.
"""
