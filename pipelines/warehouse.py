"""The DuckDB file that everything is loaded into."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import dlt
import duckdb

from sources import PROVIDERS

DEFAULT_FILE = "talkhouse.duckdb"
# what DuckDB may hold in memory before it spills to disk. A chunk's merge is small: a second thread
# would cost more processor time than it saves.
CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "160MB", "threads": 1}


class WarehouseError(Exception):
    """The warehouse cannot be opened; the message says what to do."""


class Warehouse:
    """An open DuckDB file. It is kept open through a sync: opening it again for every load job, as
    dlt does by itself, takes most of the time of a small load.
    """

    def __init__(self, file: str | Path, *, read_only: bool = False) -> None:
        self.file = Path(file)
        if self.file.stem in PROVIDERS:
            raise WarehouseError(
                f"a DuckDB file named {self.file.name} hides its own dataset {self.file.stem}; "
                "give it another name in destination.duckdb"
            )
        try:
            self.connection = duckdb.connect(self.file, read_only=read_only, config=CONFIG)
        except duckdb.IOException as e:
            raise WarehouseError(_why_not(self.file, str(e))) from None

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def destination(self) -> Any:
        """This file as dlt's destination."""
        return dlt.destinations.duckdb(self.connection)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, whose parameters are written `%s`."""
        cursor = self.connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(query.replace("%s", "?"), parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self, dataset: str) -> list[str]:
        """The dataset's tables, without dlt's own."""
        found = self.rows(
            "select table_name from information_schema.tables where table_schema = %s "
            "and not starts_with(table_name, '_dlt') order by table_name",
            [dataset],
        )
        return [row["table_name"] for row in found]


def configured_file() -> str:
    """The file that `destination.duckdb` names, or `talkhouse.duckdb` in the working folder."""
    value: Any = dlt.config.get("destination.duckdb")
    if isinstance(value, dict):
        value = value.get("credentials")
    return str(value or DEFAULT_FILE)


def _why_not(file: Path, message: str) -> str:
    held = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", message)
    if held:
        return (
            f"{file} is open in another process ({Path(held[1]).name}, PID {held[2]}), and DuckDB "
            "lets one process at a time write; close it there, or wait for that sync to end"
        )
    return f"{file} cannot be opened: {message.splitlines()[0]}"
