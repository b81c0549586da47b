"""What is configured: `configuration.py` finds settings where dlt would, `connections.py` reads the
connections, `personal_data.py` the privacy policy and retention. `scaffold.py` is `talkhouse init`,
`check.py` is `talkhouse check`, `project.py` a folder with its settings, and `extras.py` says which
libraries of the package's extras are installed.
"""
