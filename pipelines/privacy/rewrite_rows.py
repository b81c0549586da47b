"""Brings the rows that are stored under the policy of the settings."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from talkhouse.pipelines.audit.exclusive import alone
from talkhouse.pipelines.audit.unfinished import (
    PRIVACY,
    READ_AGAIN,
    note_renewed,
    note_unrenewed,
    unrenewed,
)
from talkhouse.pipelines.privacy.leftovers import clear_leftovers
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import (
    effective,
    note_policy,
    refuse_other_key,
    stored_policy,
)
from talkhouse.pipelines.telemetry.events import RowsDeleted, tell
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.rows.lenient_decode import Drift, Reject
from talkhouse.sources.rows.personal_data import EMAIL, HASHED, MASKED, SHOWN, Action, Privacy
from talkhouse.sources.rows.record import Column, Record, table_columns

SNAPSHOT = "status_snapshot"
ROWS_AT_ONCE = 100_000
# of a text that was redacted nothing is redacted again
HIDDEN_LIKE = {
    Action.HASH: f"^[+]?{HASHED}[0-9a-f]{{32}}$",
    Action.MASK: f"^[{MASKED[0]}]{{{len(MASKED)}}}.{{0,{SHOWN}}}$",
}
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
    changes = {
        f"{kind.value} {new[kind].value}": can_rewrite(old[kind], new[kind])
        for kind in new
        if old[kind] is not new[kind]
    }
    changed: list[str] = []
    emptied: dict[str, int] = {}
    with alone(warehouse, chosen):
        migrate(warehouse)
        clear_leftovers(warehouse, chosen)
        # one that is cut off and then given up leaves some rows hidden, and some not there
        earlier = [name for name in unrenewed(warehouse, READ_AGAIN) if not changes.get(name)]
        note_unrenewed(warehouse, READ_AGAIN, changes)
        for dataset, record in stored_records(warehouse):
            columns = [
                column
                for column in table_columns(record)
                if column.personal and old[column.personal] is not new[column.personal]
            ]
            if not columns:
                continue
            changed.append(f"{dataset}.{record.table}")
            note_unrenewed(warehouse, PRIVACY, changed[-1:])
            if any(is_key(record, c) and _is_shown_again(before, privacy, c) for c in columns):
                # its key is another one when it is read again
                emptied[changed[-1]] = warehouse.execute(f"delete from {changed[-1]}")
            _rewrite(warehouse, dataset, record, columns, before, privacy)
        if old[EMAIL] is not new[EMAIL] and SNAPSHOT in warehouse.tables("snapshots"):
            # where an agent has no id but an address; no build makes a snapshot anew
            note_unrenewed(warehouse, PRIVACY, [f"snapshots.{SNAPSHOT}"])
            warehouse.execute(
                f"update snapshots.{SNAPSHOT} set assignee_id = null "
                "where position('@' in assignee_id) > 0"
            )
            changed.append(f"snapshots.{SNAPSHOT}")
        with warehouse.transaction():
            note_policy(warehouse, privacy)
            note_renewed(warehouse, READ_AGAIN, datetime.now(UTC))
            lost = [name for name, can in changes.items() if not can]
            note_unrenewed(warehouse, READ_AGAIN, {*earlier, *lost})
        if emptied:
            tell(RowsDeleted(rows=emptied))
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
    query = f"select {', '.join(selected)} from {dataset}.{record.table}"
    assigned = ", ".join(
        f'"{c.name}" = come."{n.name}"' for c, n in zip(columns, news, strict=True)
    )
    same = " and ".join(f'stored."{c.name}" = come."{c.name}"' for c in keys)
    with warehouse.scratch() as schema:
        scratch = f"{schema}.rewritten"
        warehouse.make_table(scratch, [*keys, *news])
        # in parts: what an update changes is held in memory
        for part in _parts(warehouse.batches(query)):
            for batch in part:
                made = {c.name: batch.column(n) for n, c in enumerate(keys)}
                made |= {
                    new.name: _hidden(after, record, column, batch.column(new.name))
                    for column, new in zip(columns, news, strict=True)
                }
                warehouse.insert(scratch, pa.table(made))
            warehouse.execute(
                f"update {dataset}.{record.table} as stored set {assigned} "
                f"from {scratch} as come where {same}"
            )
            warehouse.execute(f"delete from {scratch}")


def _parts(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    part: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            part.append(batch)
        if sum(each.num_rows for each in part) >= ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _hidden(after: Privacy, record: type[Record], column: Column, values: Any) -> Any:
    """The stored values as they may be. What an interrupted change had hidden already is not hidden
    twice.
    """
    if column.type.arrow == pa.string():
        values = values.cast(pa.string())
    is_json, key = column.type.dlt == "json", is_key(record, column)
    hidden = after.hidden(column.personal, values, column.flags, is_key=key, is_json=is_json)
    looks = HIDDEN_LIKE.get(after.action(column.personal, is_key=key))
    if looks is None or values.type != pa.string():
        return hidden
    stays = pc.and_kleene(pc.match_substring_regex(values, looks), pc.is_valid(hidden))
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
