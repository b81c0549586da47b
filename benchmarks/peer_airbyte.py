"""The peer: PyAirbyte, with Airbyte's declarative source of a manifest, no Docker, no network.

    python peer_airbyte.py BASE_URL DUCKDB_FILE_OR_POSTGRES_URL WORKING_FOLDER

In chatwoot.conversations. Its environment is "airbyte" of environments.py.
"""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from peer_columns import PATH, QUERY, TOKEN, TYPES

base_url, to, folder = sys.argv[1:]
Path(folder).mkdir(parents=True, exist_ok=True)
os.environ |= {
    "AIRBYTE_OFFLINE_MODE": "1",
    "AIRBYTE_PROJECT_DIR": folder,
    "AIRBYTE_LOGGING_ROOT": folder,
    "AIRBYTE_TEMP_DIR": folder,
    "DO_NOT_TRACK": "1",
}

import airbyte  # noqa: E402  after what it reads from the environment
from airbyte.caches import DuckDBCache, PostgresCache  # noqa: E402

POSTGRES = to.startswith("postgresql://")


def schema_type(name: str) -> str:
    """What the manifest says of a column: for Postgres, PyAirbyte 0.71 reads its file by pandas,
    which makes times of numbers in columns of such names (of all rows or of none), and Postgres
    refuses them unless the column is text.
    """
    mistaken = POSTGRES and (name.endswith("_at") or name == "timestamp")
    return "string" if mistaken else TYPES[name]


MANIFEST = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["conversations"]},
    "spec": {
        "type": "Spec",
        "connection_specification": {"type": "object", "properties": {}},
    },
    "streams": [
        {
            "type": "DeclarativeStream",
            "name": "conversations",
            "primary_key": ["id"],
            "schema_loader": {
                "type": "InlineSchemaLoader",
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": [schema_type(name), "null"]} for name in TYPES},
                },
            },
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": base_url,
                    "path": PATH,
                    "http_method": "GET",
                    "request_headers": TOKEN,
                    "request_parameters": QUERY,
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ["data", "payload"]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "page_token_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "page",
                    },
                    "pagination_strategy": {
                        "type": "PageIncrement",
                        "page_size": 25,
                        "start_from_page": 1,
                        "inject_on_first_request": True,
                    },
                },
            },
        }
    ],
}


def cache() -> DuckDBCache | PostgresCache:
    """Where it loads to."""
    if not POSTGRES:
        return DuckDBCache(db_path=to, schema_name="chatwoot", cache_dir=folder)
    parts = urlsplit(to)
    if sockets := parse_qs(parts.query).get("host"):
        # no setting takes a socket's folder, but libpq does
        os.environ["PGHOST"] = sockets[0]
    return PostgresCache(
        host="" if sockets else parts.hostname,
        port=parts.port or 5432,
        username=parts.username,
        password=parts.password,
        database=parts.path.strip("/"),
        schema_name="chatwoot",
        cache_dir=folder,
    )


source = airbyte.get_source(
    "source-conversations", config={}, source_manifest=MANIFEST, streams="*"
)
source.read(cache=cache(), force_full_refresh=True, skip_validation=True)
