"""One connection's sync. `sync_connection.py` reads chunk by chunk, as far as `plans.py` says, on
the terms of `storage_rules.py`; `load_chunk.py` loads a chunk by dlt (`load_package.py`,
`dlt_setup.py`) or, if nothing is new, without it (`unchanged_chunk.py`). `sync_messages.py` then
reads the threads of `worklist.py`, and `tombstones.py` marks what is gone. `list_states.py` is
where each list goes on. `cost_estimate.py` and `dry_run.py` say what a sync would ask and load.
"""
