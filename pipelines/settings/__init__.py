"""What is configured: `configuration.py` finds settings where dlt would, `connections.py` reads the
connections, `personal_data.py` the privacy policy and retention. `scaffold.py` is `talkhouse init`,
`check.py` is `talkhouse check`, `folders.py` says where working files go, and `extras.py` which
libraries of the package's extras are installed.
"""
