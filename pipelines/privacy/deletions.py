"""Rows that are to go: counted before anybody agrees to it, and deleted by the same conditions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from talkhouse.pipelines.warehouse.interface import Warehouse


@dataclass(frozen=True)
class Deletion:
    """The rows of a table for which a condition holds, given its parameters."""

    table: str
    condition: str
    values: list[Any]


def count_rows(warehouse: Warehouse, deletions: Iterable[Deletion]) -> dict[str, int]:
    """How many rows would go, by table; only tables that have some."""
    rows: dict[str, int] = {}
    for each in deletions:
        query = f"select count(*) as n from {each.table} where {each.condition}"
        _add(rows, each.table, int(warehouse.rows(query, each.values)[0]["n"]))
    return rows


def delete_rows(warehouse: Warehouse, deletions: Iterable[Deletion]) -> dict[str, int]:
    """Deletes the rows, in that order; how many they were, by table."""
    rows: dict[str, int] = {}
    for each in deletions:
        statement = f"delete from {each.table} where {each.condition}"
        _add(rows, each.table, warehouse.execute(statement, each.values))
    return rows


def _add(rows: dict[str, int], table: str, count: int) -> None:
    if count:
        rows[table] = rows.get(table, 0) + count
