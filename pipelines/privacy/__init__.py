"""Personal data in the warehouse: where it is (`inventory.py`), a person (`find_person.py`) erased
(`erase.py`, `scrub_texts.py`, `receipt.py`), old rows deleted (`retain.py`), rows rewritten under a
changed policy (`rewrite_rows.py`). What both erase and retain delete is a list of `deletions.py`.
After each, `rebuild.py` and `leftovers.py` leave no copy behind.
"""
