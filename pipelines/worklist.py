"""The conversations whose threads are to be read, as the warehouse tells them.

Nothing else remembers what is left to do: what was read is noted with the messages themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.connections import Connection
from pipelines.state import list_states
from pipelines.warehouse import Warehouse

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
ALL = 2**62


def as_of(connection: Connection, warehouse: Warehouse) -> datetime:
    """When the connection's lists were last read, by the server's clock; now, if never."""
    known = [state.get("watermark") for state in list_states(connection, warehouse).values()]
    latest = max((each for each in known if each), default=None)
    return datetime.fromisoformat(latest) if latest else datetime.now(UTC)


@dataclass(frozen=True)
class Worklist:
    """One connection's work-list at a time; threads last read before `read_before` are due, too."""

    connection: Connection
    warehouse: Warehouse
    now: datetime
    read_before: datetime = BEFORE_ALL

    def first(self, rows: int) -> list[dict[str, Any]]:
        """The conversations to read first."""
        return self.warehouse.rows(self._query, self._parameters(rows))

    def each(self) -> Iterator[dict[str, Any]]:
        """All of them, one by one."""
        return self.warehouse.each(self._query, self._parameters(ALL))

    def count(self) -> int:
        """How many there are; all that are stored, where no thread was ever read."""
        dataset = self.connection.provider.name
        tables = self.warehouse.tables(dataset)
        if "conversations" not in tables:
            return 0
        if "message_reads" not in tables:
            query = f"select count(*) as n from {dataset}.conversations where account = %s"
            return int(self.warehouse.rows(query, [self.connection.name])[0]["n"])
        query = f"select count(*) as n from ({self._query}) as worklist"
        return int(self.warehouse.rows(query, self._parameters(ALL))[0]["n"])

    @property
    def _query(self) -> str:
        provider = self.connection.provider
        return (provider.worklist or "").format(dataset=provider.name)

    def _parameters(self, rows: int) -> list[Any]:
        return [self.read_before, self.now, self.connection.name, rows]
