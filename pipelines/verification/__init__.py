"""The proof: `verify.py` reads the provider again into `reread_tables.py` and compares, `repair.py`
mends what differs, `report.py` shows it. `verify_all.py` does so for the chosen connections.
"""
