"""The tables that a list's records fill, and their rows as Arrow."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa

from talkhouse.sources.rows.arrow import arrow_table
from talkhouse.sources.rows.record import NEVER_SENT, Bool, Instant, Int, Record, Whose
from talkhouse.sources.rows.storage_rules import Terms


class Child(Record, kw_only=True):
    """A row that belongs to another table's row, `parent` being its key here.

    Whenever the parent is read its child rows are replaced, so that what was removed goes. A parent
    that has none says so with a row marked `_is_empty`, which is never stored.
    """

    parent: ClassVar[tuple[str, ...]]

    _is_empty: Annotated[Bool, "Never true in a stored row: marks a parent without rows."] = (
        msgspec.field(name=f"{NEVER_SENT}_is_empty", default=None)
    )


def parent_table(record: type[Child]) -> str:
    """The table of the rows that the record's belong to: `conversation_id` is of conversations."""
    return record.parent[0].removesuffix("_id") + "s"


class ThreadRead(Record, kw_only=True):
    """The note of a thread that was read. Each provider adds what its work-list compares."""

    table: ClassVar[str] = "message_reads"
    key: ClassVar[tuple[str, ...]] = ("conversation_id",)
    whose: ClassVar[Whose] = (("conversation", "conversation_id"),)

    read_at: Annotated[Instant, "Time at which the thread was read, by the server's clock."] = None
    reread_at: Annotated[
        Instant, "Time at which the whole thread is due to be read again; null if never by itself."
    ] = None
    is_whole: Annotated[Bool, "Whether the thread was read from the first message to the last."] = (
        None
    )
    is_checked: Annotated[
        Bool, "Whether messages missing from a thread that was read whole were marked deleted."
    ] = None
    failed_at: Annotated[
        Instant,
        "Time at which the thread could not be read, by the local clock; null if it was read.",
    ] = None
    missing_messages: Annotated[
        Int, "Number of messages that the list counts and the thread did not give."
    ] = None


@dataclass(frozen=True)
class Table:
    """A table that a list fills: `rows` gives what one record of the list has for it. Without, the
    list's records are the table's rows.

    `field` is the field that the rows come from: where it came otherwise than declared, it is not
    known that a record has no rows, and those that are stored stay. `shared` names a table whose
    rows come with several of the list's records, such as a contact with each of its conversations:
    of those of one key, the row read last is loaded. `name` tells it from another list's resource
    of the same table.
    """

    record: type[Record]
    rows: Callable[[Any], Iterable[Record]] | None = None
    field: str = ""
    shared: bool = False
    name: str = ""

    @property
    def resource(self) -> str:
        return self.name or self.record.table

    def arrow(self, records: Sequence[Any], terms: Terms) -> pa.Table:
        """The records' rows for this table, each key once: as it was read last."""
        if self.rows is None:
            return arrow_table(self.record, records, terms)
        key = attrgetter(*self.record.key)
        by_key: dict[Hashable, Record] = {}
        for record in records:
            unknown = self.field and self.field in (record._extra or ())
            for row in self.rows(record):
                if not (unknown and isinstance(row, Child) and row._is_empty):
                    by_key[key(row)] = row
        return arrow_table(self.record, list(by_key.values()), terms)


def tables_of(tables: Sequence[Table], records: Sequence[Any], terms: Terms) -> dict[str, pa.Table]:
    """The rows of a list's records for each of its tables, by its resource. A record that is not to
    be stored brings none; but one that is too old brings the rows that it shares with others.
    """
    shared, own = terms.of_others(records), terms.wanted(records)
    return {each.resource: each.arrow(shared if each.shared else own, terms) for each in tables}


def newest_of(tables: Sequence[pa.Table], key: Sequence[str]) -> pa.Table:
    """The tables as one; of the rows of one key the last."""
    whole = pa.concat_tables(tables)
    keys = zip(*(whole.column(name).to_pylist() for name in key), strict=True)
    newest = {one: position for position, one in enumerate(keys)}
    if len(newest) == whole.num_rows:
        return whole
    return whole.take(pa.array(list(newest.values()), pa.int64()))
