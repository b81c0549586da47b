"""What the tests of several wings use: a connection to a World that is served (`account.py`), the
tables and figures that must come of it (`oracle.py`, `metrics_oracle.py`), the command line in a
fork (`shell.py`, `forks.py`), servers, and how a run of the tests goes (`lanes.py`, `progress.py`).
"""
