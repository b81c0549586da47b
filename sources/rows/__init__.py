"""From a body to Arrow: `page.py` decodes it, mended by `body_repair.py`, into a typed `record.py`,
if need be by `lenient_decode.py`; `table.py` and `arrow.py` make tables of that. `storage_rules.py`
and `personal_data.py` say what is hidden, and who and what is kept out.
"""
