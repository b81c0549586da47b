"""The indexes of a table in Postgres: a unique one on its key, and those that joins need."""

from collections.abc import Iterator

from talkhouse.sources.rows.record import Record, columns_of

# what other tables' rows are found by, beside their own key
JOINED_BY = ("conversation_id", "contact_id", "message_id")


def indexes_of(record: type[Record], dataset: str) -> Iterator[str]:
    """The statements that make them, where they are not there yet."""
    table, key = record.table, ", ".join(f'"{name}"' for name in ("account", *record.key))
    yield f"create unique index if not exists {table}_key on {dataset}.{table} ({key})"
    for column in columns_of(record):
        if column.name in JOINED_BY and column.name != record.key[0]:
            yield (
                f"create index if not exists {table}_{column.name} "
                f'on {dataset}.{table} (account, "{column.name}")'
            )
