"""Reads a list that moves: `listing.py` is what a provider declares of one, `scan.py` reads it
chunk by chunk as its `list_state.py` says, `walk.py` decides page by page, `fetch.py` gets pages:
by number, `by_id.py` or as `overlapping_pages.py`. `threads.py` reads the messages of
conversations.
"""
