"""dlt, set up as Talkhouse needs it. Import this before a pipeline is made.

These are not a user's to set in `.dlt/config.toml`, which the environment outranks.
"""

import os

from dlt.common.runtime.run_context import active

os.environ.update(
    RUNTIME__DLTHUB_TELEMETRY="false",
    # every row says which load package brought it
    NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID="true",
)
# dlt's own log lines may quote rows; what went wrong is said by our errors
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
os.environ.setdefault("LOAD__WORKERS", "2")
active().initialize_runtime()
