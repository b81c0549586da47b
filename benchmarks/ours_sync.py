"""Talkhouse: a first sync of the same account, as `talkhouse sync` does it, with every table.

python ours_sync.py BASE_URL DUCKDB_FILE WORKING_FOLDER
"""

import sys
from pathlib import Path

from pipelines.connections import connection
from pipelines.sync import plan_of, sync
from pipelines.warehouse import Warehouse

base_url, file, folder = sys.argv[1:]

shop = connection(
    "shop",
    {
        "provider": "chatwoot",
        "base_url": base_url,
        "account_id": 1,
        "api_access_token": "simulated-chatwoot-admin",
        # the server is ours: what is measured is the tool, not its politeness
        "requests_per_second": 100_000,
        # the peer reads the list alone
        "messages": False,
    },
)
with Warehouse(file) as warehouse:
    outcome = sync(shop, warehouse, plan_of(shop), folder=Path(folder))
if not outcome.ok:
    sys.exit(outcome.error)
