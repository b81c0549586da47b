"""Alerts: the problems of now are compared with those already sent (`alert_log.py`), and new ones
are sent (`send.py`, `delivery.py`) through each channel (`channels.py`). `outage.py` reports that
the warehouse itself is down, which cannot be recorded there.
"""
