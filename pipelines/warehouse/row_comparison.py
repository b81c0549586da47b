"""How two copies of a table are compared, as SQL: row by row, column by column."""

from talkhouse.sources.rows.record import Column, Record, table_columns


def compared_columns(record: type[Record]) -> list[Column]:
    """The columns that tell whether a row has changed: not its key, nor what changes by itself."""
    key = ("account", *record.key)
    return [
        column
        for column in table_columns(record)
        if column.name not in key and not column.is_volatile
    ]


def same_key(record: type[Record], one: str, other: str) -> str:
    """The condition that rows of two tables, by their aliases, have the same key."""
    key = ("account", *record.key)
    return " and ".join(f'{one}."{name}" = {other}."{name}"' for name in key)


def differs(column: Column, one: str, other: str) -> str:
    """The condition that the column differs; JSON is compared as it was written."""
    cast = "::text" if column.type.dlt == "json" else ""
    return f'{one}."{column.name}"{cast} is distinct from {other}."{column.name}"{cast}'


def changed(record: type[Record], one: str, other: str) -> str:
    """The condition that any compared column differs."""
    return " or ".join(differs(column, one, other) for column in compared_columns(record))
