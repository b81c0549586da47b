"""One connection's sync: `sync_connection.py` goes chunk by chunk, on the terms of
`storage_rules.py`; `load_chunk.py` loads each as a package of dlt's (`load_package.py`) or, if
nothing is new, without one (`unchanged_chunk.py`). Then `sync_messages.py` reads threads, and
`tombstones.py` marks what is gone.
"""
