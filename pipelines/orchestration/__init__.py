"""Many connections in one run: `sync_all.py` syncs them in a row, watched by `progress.py` and
shown by `sync_report.py`; `apply_policy.py` applies a changed privacy policy to all.
`schedule_files.py` writes the files by which cron, systemd or Kubernetes run it.
"""
