"""How connections are doing: `health.py` judges one by its runs and its `volume.py`,
`connection_status.py` adds what is stored, `overview.py` looks at all of them and
`status_screen.py` shows that. `metrics.py` makes the same into metrics, which `metrics_export.py`
writes or pushes.
"""
