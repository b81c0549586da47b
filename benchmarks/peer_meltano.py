"""The peer: a tap of the Meltano Singer SDK, piped into target-duckdb or into target-postgres.

    python peer_meltano.py BASE_URL DUCKDB_FILE_OR_POSTGRES_URL WORKING_FOLDER

In chatwoot.conversations. Its environment is "meltano" of environments.py. Two processes, as
`meltano run` has them, less Meltano's own start. The settings are the fastest that were found:
messages written by msgspec, types as they come, batches of the targets' own size, records not
validated, into Postgres with COPY.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from peer_columns import PATH, QUERY, TOKEN, TYPES
from requests import Response
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._typing import TypeConformanceLevel
from singer_sdk.pagination import PageNumberPaginator


@lru_cache(maxsize=1)
def rows_of(response: Response) -> list[dict[str, Any]]:
    """The conversations of a page, decoded once for the two that ask."""
    return msgspec.json.decode(response.content)["data"]["payload"]


class Pages(PageNumberPaginator):
    """Page after page, until one is empty."""

    def has_more(self, response: Response) -> bool:
        return bool(rows_of(response))


class Conversations(RESTStream):
    """All conversations."""

    name = "conversations"
    path = PATH
    primary_keys: ClassVar[list[str]] = ["id"]
    http_headers: ClassVar[dict[str, str]] = TOKEN
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {
            # a greatest value makes it a bigint in DuckDB too
            name: {"type": [type_, "null"]} | ({"maximum": 2**63 - 1} if type_ == "integer" else {})
            for name, type_ in TYPES.items()
        },
    }

    @property
    def url_base(self) -> str:
        return self.config["base_url"]

    def get_new_paginator(self) -> Pages:
        return Pages(start_value=1)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:
        return {**QUERY, "page": next_page_token}

    def parse_response(self, response: Response) -> Iterator[dict[str, Any]]:
        yield from rows_of(response)


class TapConversations(Tap):
    """The tap."""

    name = "tap-conversations"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(th.Property("base_url", th.StringType)).to_dict()

    def discover_streams(self) -> list[Conversations]:
        return [Conversations(self)]


def load(base_url: str, to: str, folder: Path) -> None:
    """The tap and the target, each in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"default_target_schema": "chatwoot"}
    if to.startswith("postgresql://"):
        target = "target-postgres"
        settings |= {
            "sqlalchemy_url": to.replace("postgresql://", "postgresql+psycopg://", 1),
            "use_copy": True,
            "validate_records": False,
            "add_record_metadata": False,
            "activate_version": False,
        }
    else:
        target = "target-duckdb"
        settings |= {"path": to, "temp_dir": str(folder)}
    tap_file, target_file = folder / "tap.json", folder / "target.json"
    tap_file.write_text(json.dumps({"base_url": base_url}))
    target_file.write_text(json.dumps(settings))
    tap = subprocess.Popen(
        [sys.executable, __file__, "--tap", "--config", tap_file], stdout=subprocess.PIPE
    )
    program = Path(sys.executable).with_name(target)
    loaded = subprocess.run(
        [program, "--config", target_file], stdin=tap.stdout, stdout=subprocess.DEVNULL
    )
    assert tap.stdout
    # or a tap whose target failed would wait for a reader
    tap.stdout.close()
    sys.exit(loaded.returncode or tap.wait())


if __name__ == "__main__":
    if sys.argv[1] == "--tap":
        TapConversations.cli(sys.argv[2:])
    else:
        load(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
