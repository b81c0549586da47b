"""What is configured: `configuration.py` finds settings where dlt would, `connections.py` reads the
connections, `personal_data.py` the privacy policy and retention. `scaffold.py` is `talkhouse init`,
`check.py` is `talkhouse check`, and `project.py` is a folder with its settings.
"""
