"""Requests to a provider: `client.py` asks, waits and retries, within `rate_limit.py`. `errors.py`
is all that can go wrong, and `body.py` reads an answer's body, with what can go wrong below HTTP.
"""
