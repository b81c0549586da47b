"""The bare limit: the same pages fetched and decoded, and nothing kept.

python bare_limit.py BASE_URL DUCKDB_FILE WORKING_FOLDER
"""

import sys

import httpx
import msgspec

base_url, _file, _folder = sys.argv[1:]

decode = msgspec.json.Decoder().decode
with httpx.Client(base_url=base_url) as client:
    page = 1
    while True:
        params: dict[str, str | int] = {"status": "all", "sort_by": "created_at_asc", "page": page}
        answer = client.get("/api/v1/accounts/1/conversations", params=params)
        if not decode(answer.content)["data"]["payload"]:
            break
        page += 1
