"""Brings the rows that are stored under the policy of the settings."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.connections import Connection
from pipelines.terms import effective, note_policy, refuse_other_key, stored_policy
from pipelines.warehouse import Warehouse
from sources import PROVIDERS, provider
from sources.privacy import HASHED, MASKED, Action, Privacy
from sources.records import Column, Record, table_columns
from sources.salvage import Drift, Reject

ACCOUNT = next(column for column in table_columns(Reject) if column.name == "account")


def rewrite(warehouse: Warehouse, privacy: Privacy, chosen: Sequence[Connection]) -> list[str]:
    """Brings the stored rows under the policy, as far as they tell enough for that; the tables that
    were changed. What cannot be rewritten is to be read again in full. Raises SettingsError if the
    rows were hashed with another key, AlreadySyncing if a sync is under way.

    An interrupted one is made up by the next: what is hidden already is left as it is.
    """
    refuse_other_key(warehouse, privacy)
    old, new = stored_policy(warehouse), effective(privacy)
    before = Privacy(old, privacy.key)
    changed = []
    with ExitStack() as locks:
        for each in chosen:
            locks.enter_context(warehouse.syncing(each.name))
        for dataset, record in stored_records(warehouse):
            columns = [
                column
                for column in table_columns(record)
                if column.personal and old[column.personal] is not new[column.personal]
            ]
            if not columns:
                continue
            changed.append(f"{dataset}.{record.table}")
            if any(is_key(record, c) and _is_shown_again(before, privacy, c) for c in columns):
                # its key is another one when it is read again
                warehouse.execute(f"delete from {changed[-1]}")
            _rewrite(warehouse, dataset, record, columns, before, privacy)
        note_policy(warehouse, privacy)
    return changed


def _rewrite(
    warehouse: Warehouse,
    dataset: str,
    record: type[Record],
    columns: Sequence[Column],
    before: Privacy,
    after: Privacy,
) -> None:
    columns = [
        column
        for column in columns
        if can_rewrite(
            before.action(column.personal, is_key=is_key(record, column)),
            after.action(column.personal, is_key=is_key(record, column)),
        )
    ]
    if not columns:
        return
    keys = [ACCOUNT, *(c for c in table_columns(record) if c.name in record.key)]
    news = [Column(("new", column.name), column.type, "") for column in columns]
    selected = [f'"{c.name}"' for c in keys]
    selected += [f"{_text(c)} as {n.name}" for c, n in zip(columns, news, strict=True)]
    with warehouse.scratch() as schema:
        scratch = f"{schema}.rewritten"
        warehouse.make_table(scratch, [*keys, *news])
        for batch in warehouse.batches(
            f"select {', '.join(selected)} from {dataset}.{record.table}"
        ):
            made = {c.name: batch.column(i) for i, c in enumerate(keys)}
            for column, new in zip(columns, news, strict=True):
                values = batch.column(new.name)
                if column.type.arrow == pa.string():
                    values = values.cast(pa.string())
                hidden = after.hidden(
                    column.personal, values, column.flags, is_key=is_key(record, column)
                )
                made[new.name] = _unless_hidden(values, hidden)
            if batch.num_rows:
                warehouse.insert(scratch, pa.table(made))
        assigned = ", ".join(
            f'"{c.name}" = come."{n.name}"' for c, n in zip(columns, news, strict=True)
        )
        same = " and ".join(f'stored."{c.name}" = come."{c.name}"' for c in keys)
        warehouse.execute(
            f"update {dataset}.{record.table} as stored set {assigned} from {scratch} as come "
            f"where {same}"
        )


def _unless_hidden(values: Any, hidden: Any) -> Any:
    """What an interrupted change had hidden already must not be hidden twice, unless it goes."""
    if values.type != pa.string():
        return hidden
    is_hidden = pc.match_substring_regex(values, f"^([+]?{HASHED}|[*]{{{len(MASKED)}}})")
    stays = pc.and_kleene(is_hidden, pc.is_valid(hidden))
    return pc.if_else(pc.fill_null(stays, False), values, hidden)


def can_rewrite(old: Action, new: Action) -> bool:
    """Whether what is stored tells enough for that."""
    return old is Action.KEEP or new is Action.DROP or old is new


def _is_shown_again(before: Privacy, after: Privacy, column: Column) -> bool:
    old = before.action(column.personal, is_key=True)
    return not can_rewrite(old, after.action(column.personal, is_key=True))


def is_key(record: type[Record], column: Column) -> bool:
    """Whether the column is one of the table's key."""
    return column.name in record.key


def _text(column: Column) -> str:
    """A column as it is read: documents as text."""
    return f'cast("{column.name}" as text)' if column.type.dlt == "json" else f'"{column.name}"'


def stored_records(warehouse: Warehouse) -> Iterator[tuple[str, type[Record]]]:
    """The records whose tables are there, with their dataset."""
    findings: tuple[type[Record], ...] = (Drift, Reject)
    for dataset in PROVIDERS:
        there = warehouse.tables(dataset)
        for record in (*provider(dataset).records, *findings):
            if record.table in there:
                yield dataset, record
