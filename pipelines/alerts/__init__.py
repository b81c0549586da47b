"""Alerts: what is wrong now is compared with what was told (`alert_log.py`), and what is news is
sent (`send.py`, `delivery.py`) through each channel (`channels.py`). `outage.py` tells what cannot
be noted in the warehouse, since that is what is out.
"""
