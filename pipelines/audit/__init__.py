"""What was done, in the dataset `audit`: runs (`outcome.py`) and scans, noted by `notes.py` and
shown by `past_runs.py`; which rows changed since a build (`row_changes.py`); what a command that
was cut off left to do (`unfinished.py`). `housekeeping.py` deletes what is old; `exclusive.py`
keeps other processes away.
"""
