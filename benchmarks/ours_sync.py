"""Talkhouse: a sync of the same account, as `talkhouse sync` does it, with every table.

    python ours_sync.py BASE_URL DUCKDB_FILE_OR_POSTGRES_URL WORKING_FOLDER
                        [--full] [--messages-only] [SETTING=VALUE ...]

Prints, as JSON, how many conversations and messages were loaded, in how many seconds; and how many
requests this process sent, in how many seconds, and in the busiest one of them.
"""

import json
import sys
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

import httpx
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from talkhouse.pipelines.settings.connections import connection
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.syncing.sync_connection import ConnectionSync, sync
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase

base_url, to, folder, *more = sys.argv[1:]
settings = {
    "provider": "chatwoot",
    "base_url": base_url,
    "account_id": 1,
    "api_access_token": "simulated-chatwoot-admin",
    # the server is ours: what is measured is the tool, not its politeness
    "requests_per_second": 100_000,
    # the peer reads the list alone
    "messages": False,
} | dict(each.split("=") for each in more if "=" in each)

# when each request left, noted below whatever holds it back
sent: list[float] = []
send = httpx.Client.send


def noted(client: httpx.Client, *request: Any, **how: Any) -> httpx.Response:
    sent.append(time.monotonic())
    return send(client, *request, **how)


httpx.Client.send = noted  # type: ignore[assignment]

shop = connection("shop", settings)
destination: Destination = DuckDbFile(Path(to))
if to.startswith("postgresql://"):
    destination = PostgresDatabase(PostgresCredentials(to))
with destination.open() as warehouse:
    plan = plan_of(shop, full="--full" in more)
    only = ["messages"] if "--messages-only" in more else []
    outcome = sync(ConnectionSync(shop, warehouse, plan, only, folder=Path(folder)))
if not outcome.ok:
    sys.exit(outcome.error)
sent.sort()
said = {
    "loaded": outcome.rows.get("conversations", 0),
    "messages": outcome.rows.get("messages", 0),
    "seconds": outcome.seconds,
    "requests": len(sent),
    "requests_seconds": sent[-1] - sent[0],
    "busiest_second": max(bisect_left(sent, at + 1) - nth for nth, at in enumerate(sent)),
}
print(json.dumps(said))
