"""What is made of the raw tables: the analysts' tables, which dbt builds (`build.py`) unless
nothing changed (`unchanged_build.py`), and the copy that others read (`publish.py`).
`after_sync.py` does both at the end of a sync; `dbt_sources.py` describes the raw tables to dbt.
"""
