"""The bare limit: the same pages fetched and decoded, and kept by one bulk insert or not at all.

    python bare_limit.py BASE_URL DUCKDB_FILE_OR_POSTGRES_URL WORKING_FOLDER [load]

With "load" they are in chatwoot.conversations afterwards: typed columns, what is nested as JSON.
"""

import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from peer_columns import PATH, QUERY, TOKEN, TYPES


def pages(base_url: str, decode: Any) -> Iterator[list[Any]]:
    """The conversations, page after page, over one connection."""
    parts = urlsplit(base_url)
    connection = HTTPConnection(parts.netloc)
    page = 1
    while True:
        asked = urlencode({**QUERY, "page": page})
        connection.request("GET", f"{parts.path}{PATH}?{asked}", headers=TOKEN)
        if not (rows := decode(connection.getresponse().read())):
            return
        yield rows
        page += 1


def arrow_table(base_url: str) -> Any:
    """All of them, what is nested as the bytes that came."""
    import pyarrow as pa

    python = {"integer": int, "number": float, "string": str, "boolean": bool}
    arrow = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    fields = [
        (name, python[of] | None if of in python else msgspec.Raw) for name, of in TYPES.items()
    ]
    data = msgspec.defstruct("Data", [("payload", list[msgspec.defstruct("Row", fields)])])
    decoder = msgspec.json.Decoder(msgspec.defstruct("Page", [("data", data)]))
    rows = [
        row
        for page in pages(base_url, lambda raw: decoder.decode(raw).data.payload)
        for row in page
    ]
    columns = {}
    for name, of in TYPES.items():
        values = [getattr(row, name) for row in rows]
        if of in python:
            columns[name] = pa.array(values, arrow.get(of, pa.string()))
        else:
            text = pa.array([*map(bytes, values)], pa.string())
            columns[name] = pa.ExtensionArray.from_storage(pa.json_(pa.string()), text)
    return pa.table(columns)


def load_duckdb(conversations: Any, file: str) -> None:
    """One create table as select."""
    import duckdb

    with duckdb.connect(file) as connection:
        connection.execute("create schema chatwoot")
        connection.execute("create table chatwoot.conversations as select * from conversations")


def load_postgres(conversations: Any, url: str) -> None:
    """One binary COPY."""
    from adbc_driver_postgresql.dbapi import connect

    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("create schema chatwoot")
        cursor.adbc_ingest("conversations", conversations, db_schema_name="chatwoot")
        connection.commit()


if __name__ == "__main__":
    base_url, to, _folder, *more = sys.argv[1:]
    if not more:
        decode = msgspec.json.Decoder().decode
        for _ in pages(base_url, lambda raw: decode(raw)["data"]["payload"]):
            pass
    elif to.startswith("postgresql://"):
        load_postgres(arrow_table(base_url), to)
    else:
        load_duckdb(arrow_table(base_url), to)
