"""The peer: dlt's own rest_api source, declared as its documentation has it.

    python peer_dlt_rest_api.py BASE_URL DUCKDB_FILE_OR_POSTGRES_URL WORKING_FOLDER [FORMAT [DEPTH]]

In chatwoot.conversations. The format of what it loads is "parquet" unless said, or "csv", or
"default" for what dlt does when not told. The depth is how deep child tables go, which dlt does not
limit; with 0 all that is nested is JSON.
"""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

base_url, to, folder, *more = sys.argv[1:]
file_format = more[0] if more else "parquet"

source = rest_api_source(
    {
        "client": {
            "base_url": f"{base_url}/api/v1/accounts/1/",
            "headers": {"Api-Access-Token": "simulated-chatwoot-admin"},
            "paginator": {
                "type": "page_number",
                "base_page": 1,
                "page_param": "page",
                "total_path": None,
                "stop_after_empty_page": True,
            },
        },
        "resources": [
            {
                "name": "conversations",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "conversations",
                    "params": {"status": "all", "sort_by": "created_at_asc"},
                    "data_selector": "data.payload",
                },
            }
        ],
    }
)
if more[1:]:
    source.max_table_nesting = int(more[1])
postgres = to.startswith("postgresql://")
pipeline = dlt.pipeline(
    "peer",
    destination=dlt.destinations.postgres(to) if postgres else dlt.destinations.duckdb(to),
    dataset_name="chatwoot",
    pipelines_dir=folder,
)
if file_format == "default":
    pipeline.run(source)
else:
    pipeline.run(source, loader_file_format=file_format)
