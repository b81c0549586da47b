"""The simulator for a user: `demo.py` syncs from it, builds and shows the results;
`simulate.py` serves it, and writes the settings of connections to it.
"""
