"""Reads a list that moves. `listing.py` is what a provider declares of one; `scan.py` reads it
chunk by chunk as `scan_modes.py` says, and notes how far it is (`progress.py`, `list_state.py`);
`walk.py` decides page by page. `fetch.py` gets pages, ahead of their use (`prefetch.py`): by
number, `by_id.py` or as `overlapping_pages.py`. `threads.py` reads the messages of conversations.
"""
