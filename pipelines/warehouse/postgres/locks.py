"""The locks that keep other processes away in Postgres: they are gone with the session that holds
them, however it ended.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

TRIED_EVERY_SECONDS = 0.1
KEY = "hashtextextended(%s, 0)"


class Session(Protocol):
    """What holds the locks: a warehouse that is open, with its connection."""

    connection: Any

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]: ...


@contextmanager
def locked(warehouse: Session, name: str, seconds: float) -> Iterator[bool]:
    """Holds a lock; gives whether it was had in so many seconds."""
    until = time.monotonic() + seconds
    take = f"select pg_try_advisory_lock({KEY}) as answer"
    # tried again and again, since nothing interrupts a statement that waits
    while not (is_ours := _ask(warehouse, take, name)):
        if time.monotonic() > until:
            break
        time.sleep(TRIED_EVERY_SECONDS)
    try:
        yield is_ours
    finally:
        if is_ours and not warehouse.connection.closed:
            _ask(warehouse, f"select pg_advisory_unlock({KEY}) as answer", name)


def is_held(warehouse: Session, name: str) -> bool:
    """Whether any session holds the lock."""
    held = (
        f"select exists (select 1 from pg_locks, {KEY} as key where locktype = 'advisory' "
        "and database = (select oid from pg_database where datname = current_database()) "
        "and classid::bigint << 32 | objid::bigint = key and objsubid = 1) as answer"
    )
    return _ask(warehouse, held, name)


def _ask(warehouse: Session, query: str, name: str) -> bool:
    [row] = warehouse.rows(query, [name])
    return bool(row["answer"])
