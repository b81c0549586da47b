"""Changes of the rows that builds read: a mark of each connection or command that makes any.

audit.changes   who changed rows: a mark that is another one with each change, and whether the rows
                may still be coming

A mark is written before rows come that others write, or together with what is changed here, so that
no kill leaves a change without one. What compares equal and is not loaded again leaves it as it is.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse


@contextmanager
def changing(warehouse: Warehouse, name: str) -> Iterator[None]:
    """Marks a change whose rows come while the context lasts. After one that failed or was killed
    they may still be coming, until there is a change of that name again.
    """
    _mark(warehouse, name, is_under_way=True)
    yield
    _mark(warehouse, name, is_under_way=False)


def settle(warehouse: Warehouse, name: str) -> None:
    """Notes that no rows of that name are still coming, as nobody else loads them now."""
    warehouse.execute(
        "update audit.changes set is_under_way = false, mark = %s where name = %s and is_under_way",
        [secrets.token_hex(8), name],
    )


def change(warehouse: Warehouse, name: str, statement: str, parameters: Sequence[Any] = ()) -> int:
    """Runs a statement that changes rows, and marks it if it changed any; how many it did."""
    with warehouse.transaction():
        changed = warehouse.execute(statement, parameters)
        if changed:
            note_change(warehouse, name)
    return changed


def note_change(warehouse: Warehouse, name: str) -> None:
    """Marks a change in the transaction that it is made in, or before it while nobody may build."""
    _mark(warehouse, name, is_under_way=False)


def marks(warehouse: Warehouse) -> list[tuple[str, str]] | None:
    """The mark of everybody who changed rows; None while rows may still be coming."""
    if not warehouse.has_table(AUDIT, "changes"):
        return []
    found = warehouse.rows("select name, mark, is_under_way from audit.changes order by name")
    if any(row["is_under_way"] for row in found):
        return None
    return [(row["name"], row["mark"]) for row in found]


def _mark(warehouse: Warehouse, name: str, *, is_under_way: bool) -> None:
    warehouse.execute(
        "insert into audit.changes (name, mark, is_under_way) values (%s, %s, %s) "
        "on conflict (name) do update "
        "set mark = excluded.mark, is_under_way = excluded.is_under_way",
        [name, secrets.token_hex(8), is_under_way],
    )
