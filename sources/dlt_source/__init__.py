"""A chunk of a connection's lists and threads: read (`chunk.py`) for one `run.py` into Parquet
files (`parquet_spool.py`), and given to dlt as a source (`resources.py`, the only module that
imports dlt).
"""
