"""The command line. `commands.py`, `warehouse_commands.py` and `privacy_commands.py` declare
commands and their options; `app.py` has what they share. `sync_command.py` is all that `talkhouse
sync` does; `command_events.py` tells the log when a command began and how it ended;
`quick_process.py` is what makes the process quick.
"""
