"""What was done, in the dataset `audit`: runs and scans (`notes.py`, shown by `past_runs.py`),
which rows changed since a build (`row_changes.py`), and what a command that was cut off left to do
(`unfinished.py`). `housekeeping.py` deletes what is old; `exclusive.py` keeps other processes away.
"""
