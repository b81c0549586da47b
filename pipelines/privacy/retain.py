"""Deletes the rows that are older than their tables are to be retained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from talkhouse.pipelines.audit.exclusive import alone
from talkhouse.pipelines.audit.unfinished import RETAIN, note_unrenewed, unrenewed
from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.privacy.deletions import Deletion, count_rows, delete_rows
from talkhouse.pipelines.privacy.find_person import columns_by_kind
from talkhouse.pipelines.privacy.leftovers import clear_leftovers
from talkhouse.pipelines.privacy.rebuild import renew, require_for_rebuild
from talkhouse.pipelines.privacy.rewrite_rows import stored_records
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import aged
from talkhouse.pipelines.telemetry.events import RowsDeleted, tell
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.storage_rules import CONTACT, CONVERSATION

PARENTS = {CONVERSATION: "conversations", CONTACT: "contacts"}
Aged = tuple[str, list[Any]]
"""A condition that a row is too old, and its parameters."""


@dataclass
class Retained:
    """The rows that went, or would, by table; `windows` are the days that each is retained.
    `made_up` are tables whose rows an earlier command deleted that did not come to its end.
    """

    windows: dict[str, float]
    rows: dict[str, int] = field(default_factory=dict)
    made_up: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def preview(destination: Destination, windows: Mapping[str, timedelta]) -> Retained:
    """What is too old, of every account that is stored; nothing is deleted."""
    retained = Retained(_days(windows))
    with destination.open(read_only=True) as warehouse:
        retained.made_up = unrenewed(warehouse, RETAIN)
        retained.rows = count_rows(warehouse, _too_old(warehouse, windows))
    return retained


def retain(
    destination: Destination,
    windows: Mapping[str, timedelta],
    chosen: Sequence[Connection],
    copy: Copy | None,
) -> Retained:
    """Deletes what is too old, of every account that is stored.

    Raises AlreadySyncing if a sync is under way, SettingsError if what is built cannot be rebuilt.
    """
    require_for_rebuild(destination)
    retained = Retained(_days(windows))
    with destination.open() as warehouse, alone(warehouse, chosen):
        clear_leftovers(warehouse, chosen)
        with warehouse.transaction():
            retained.made_up = unrenewed(warehouse, RETAIN)
            retained.rows = delete_rows(warehouse, _too_old(warehouse, windows))
            note_unrenewed(warehouse, RETAIN, retained.rows)
    if retained.rows:
        tell(RowsDeleted(rows=retained.rows))
    if retained.rows or retained.made_up:
        retained.failures = renew(destination, RETAIN, copy)
    return retained


def _days(windows: Mapping[str, timedelta]) -> dict[str, float]:
    return {name: window.total_seconds() / 86_400 for name, window in windows.items()}


def _too_old(warehouse: Warehouse, windows: Mapping[str, timedelta]) -> Iterator[Deletion]:
    """The rows of each table that are too old; what tells of others, last."""
    now = datetime.now(UTC)
    oldest = {name: now - window for name, window in windows.items()}
    stored = list(stored_records(warehouse))
    yield from _snapshots(warehouse, stored, oldest)
    found: dict[tuple[str, str], list[Aged]] = {}
    for dataset, record in stored:
        condition, values = aged(record, oldest)
        if not values:
            continue
        found.setdefault((dataset, record.table), []).append((condition, values))
        if record.table in PARENTS.values():
            key = f"select account, {record.key[0]} from {dataset}.{record.table} where {condition}"
            for child, column in _belonging(stored, dataset, record, oldest):
                theirs = f"(account, {column}) in ({key})", values
                found.setdefault((dataset, child.table), []).append(theirs)
    for dataset, record in stored:
        messages = found.get((dataset, "messages"), [])
        if record.table == "attachments" and messages:
            condition, values = _either(messages)
            gone = f"select account, id from {dataset}.messages where {condition}"
            found[dataset, record.table] = [(f"(account, message_id) in ({gone})", values)]
    # what belongs to a row can be told only while the row is there
    rank = {"attachments": 0, "conversations": 2, "contacts": 3}
    for dataset, table in sorted(found, key=lambda each: rank.get(each[1], 1)):
        yield Deletion(f"{dataset}.{table}", *_either(found[dataset, table]))


def _snapshots(
    warehouse: Warehouse, stored: list[tuple[str, type[Record]]], oldest: Mapping[str, datetime]
) -> Iterator[Deletion]:
    """What snapshots know of conversations that go: no build makes them anew."""
    for table in warehouse.tables("snapshots"):
        for dataset, record in stored:
            condition, values = aged(record, oldest)
            if record.table == PARENTS[CONVERSATION] and values:
                old = f"select account || '/' || cast({record.key[0]} as text) as an_id "
                old += f"from {dataset}.{record.table} where {condition}"
                theirs = f"account || '/' || conversation_id in ({old})"
                condition = f"provider = '{dataset}' and {theirs}"
                yield Deletion(f"snapshots.{table}", condition, values)


def _belonging(
    stored: list[tuple[str, type[Record]]],
    dataset: str,
    parent: type[Record],
    oldest: Mapping[str, datetime],
) -> Iterator[tuple[type[Record], str]]:
    """The records whose rows go with the parent's, each with the column that names it."""
    [kind] = [kind for kind, table in PARENTS.items() if table == parent.table]
    for where, record in stored:
        names = columns_by_kind(record)
        # a conversation outlives its contact, and an answer goes by its own age
        is_other = record is parent or (kind == CONTACT and CONVERSATION in names)
        has_own_age = record.table in oldest and record.table != "messages"
        if where == dataset and kind in names and not is_other and not has_own_age:
            yield record, names[kind][0]


def _either(conditions: list[Aged]) -> tuple[str, list[Any]]:
    together = " or ".join(f"({condition})" for condition, _ in conditions)
    return together, [value for _, values in conditions for value in values]


def show_retained(retained: Retained, as_json: bool, *, done: bool) -> None:
    """Prints what went, or would."""
    if as_json:
        print_json(asdict(retained))
        return
    console = results()
    for name, days in retained.windows.items():
        console.print(f"{name}: retained for {days:g} days")
    if not retained.rows:
        said = "nothing is older" if retained.windows else "no [retention] is set"
        console.print(said, markup=False)
    for table, rows in retained.rows.items():
        console.print(f"  {table}: {rows:,} rows {'deleted' if done else 'would go'}")
    if retained.made_up:
        what = "made up" if done else "to be made up"
        console.print(f"what an earlier `talkhouse retain` began: {what}", markup=False)
