"""Records as an Arrow table, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any, get_type_hints

import msgspec
import pyarrow as pa

from talkhouse.sources.rows.record import (
    UTC_MICROSECONDS,
    Column,
    Part,
    Path,
    Record,
    columns_of,
    encoded,
    part_in,
    table_columns,
)
from talkhouse.sources.rows.storage_rules import Terms


def arrow_table(record: type[Record], rows: Sequence[Record], terms: Terms) -> pa.Table:
    """The rows as a table with the columns of `table_columns`, as the terms let them be stored."""
    rows = terms.wanted(rows)
    made: dict[str, Any] = {
        "account": pa.repeat(pa.scalar(terms.account), len(rows)),
        "deleted_at": pa.nulls(len(rows), UTC_MICROSECONDS),
        "_extra": encoded([row._extra for row in rows]),
    }
    values: dict[Path, Mapping[str, Sequence[Any]]] = {}
    for path, group in _columns_by_part(record).items():
        parts: Sequence[Part] = rows
        if path:
            absent = group.absent
            parts = [part or absent for part in values[path[:-1]][path[-1]]]
        values[path] = _fields(group.part, parts)
        for column in group.columns:
            made[column.name] = column.type.array(values[path][column.path[-1]])
    for column in table_columns(record):
        made[column.name] = terms.privacy.hidden(
            column.personal,
            terms.unnamed(column, made[column.name], is_key=column.name in record.key),
            column.flags,
            is_key=column.name in record.key,
            is_json=column.type.dlt == "json",
        )
    schema = arrow_schema(record)
    return pa.Table.from_arrays([made[name] for name in schema.names], schema=schema)


def _fields(part: type[Part], parts: Sequence[Part]) -> Mapping[str, Sequence[Any]]:
    """The values of each field."""
    names = part.__struct_fields__
    # all of a row at once: field by field takes three times as long
    by_field = zip(*map(msgspec.structs.astuple, parts), strict=True) if parts else repeat(())
    return dict(zip(names, by_field, strict=False))


@dataclass(frozen=True)
class _Group:
    part: type[Part]
    columns: list[Column]

    @property
    def absent(self) -> Part:
        """A part whose every field is null: what stands in where the provider sent none."""
        fields = msgspec.structs.fields(self.part)
        return self.part(**{field.name: None for field in fields if field.required})


@cache
def _columns_by_part(record: type[Record]) -> dict[Path, _Group]:
    """The record's columns by the part that holds them, a part after the one that holds it."""
    groups: dict[Path, _Group] = {(): _Group(record, [])}
    for column in columns_of(record):
        for depth in range(1, len(column.path)):
            path = column.path[:depth]
            if path not in groups:
                holder = groups[path[:-1]].part
                hints = get_type_hints(holder, include_extras=True)
                groups[path] = _Group(part_in(hints[path[-1]]), [])
        groups[column.path[:-1]].columns.append(column)
    return groups


@cache
def arrow_schema(record: type[Record]) -> pa.Schema:
    """The Arrow schema of the record's table. Every column is nullable but the key."""
    return pa.schema(
        pa.field(column.name, column.type.arrow, column.name not in ("account", *record.key))
        for column in table_columns(record)
    )
