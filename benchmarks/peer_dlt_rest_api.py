"""The peer: dlt's own rest_api source, declared as its documentation has it, loading parquet.

python peer_dlt_rest_api.py BASE_URL DUCKDB_FILE WORKING_FOLDER
"""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

base_url, file, folder = sys.argv[1:]

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
pipeline = dlt.pipeline(
    "peer",
    destination=dlt.destinations.duckdb(file),
    dataset_name="chatwoot",
    pipelines_dir=folder,
)
pipeline.run(source, loader_file_format="parquet")
