"""What happens in a command: `events.py` declares it, `sync_events.py` tells it of a sync, and
`json_log.py` and `traces.py` hear it. What no event has a field for is in neither.
"""
