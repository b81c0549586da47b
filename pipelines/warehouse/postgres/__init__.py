"""The warehouse as a Postgres database: `database.py`, with its `settings.py`, `locks.py`,
`indexes.py` and `errors.py`. `parquet_copy.py` is how dlt's packages get into it.
"""
