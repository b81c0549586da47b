"""Reads a provider's lists and threads again, and compares them with the warehouse, row by row and
field by field.

What is read goes into scratch tables on disk, so memory stays small however large the account is.
"""

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import retained_from, terms_of
from talkhouse.pipelines.syncing.worklist import Worklist
from talkhouse.pipelines.verification.reread_tables import Scratch
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.pipelines.warehouse.row_comparison import (
    changed,
    compared_columns,
    differs,
    same_key,
)
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.http.client import Client
from talkhouse.sources.http.errors import PermissionDenied, SourceError
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import Child, parent_table
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.progress import Plan, Progress
from talkhouse.sources.scan.scan import Reading, scan
from talkhouse.sources.scan.threads import Budget, Threads, read_threads

KEYS_SHOWN = 5
AFTER_ALL = datetime(9999, 1, 1, tzinfo=UTC)
UNBOUNDED = 2**62
IN_BOTH = "read.account is not null and stored.account is not null"
SHORT_THREADS = "short_threads"


@dataclass
class Difference:
    """One table, compared. `missing` rows are not in the warehouse, or there are marked deleted;
    `extra` ones only there; `stale` ones differ in `fields`. `keys` are some of them.
    """

    table: str
    compared: int = 0
    missing: int = 0
    extra: int = 0
    stale: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.missing or self.extra or self.stale)


@dataclass
class Verified:
    """What was found of one connection. Of `threads` conversations, `threads_read` were compared:
    more would have cost more than the budget. `threads_short` lack a message, or have one too many
    or another. `not_read` are lists, with the reason; `unreadable` what the provider could not give
    of a list, by id or place.
    """

    connection: str
    provider: str
    tables: list[Difference] = field(default_factory=list)
    threads: int = 0
    threads_read: int = 0
    threads_short: int = 0
    not_read: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, list[int | str]] = field(default_factory=dict)
    requests: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not (self.error or self.unreadable) and all(table.ok for table in self.tables)

    def as_document(self) -> dict[str, Any]:
        """All of it, for a program to read."""
        return {"ok": self.ok, **asdict(self)}


def verify(connection: Connection, warehouse: Warehouse, plan: Plan, budget: Budget) -> Verified:
    """Compares every list, and the threads that the budget allows, the newest first."""
    with verified(connection, warehouse, plan, budget) as (found, _):
        return found


@contextmanager
def verified(
    connection: Connection, warehouse: Warehouse, plan: Plan, budget: Budget
) -> Iterator[tuple[Verified, Scratch]]:
    """The same, with what was read, for as long as the context lasts."""
    found = Verified(connection.name, connection.provider.name)
    terms = terms_of(connection, warehouse)
    with (
        warehouse.scratch() as schema,
        closing(connection.provider.connect(connection.settings)) as client,
    ):
        scratch = Scratch(warehouse, schema)
        comparison = _Comparison(connection, warehouse, client, plan, scratch, found, terms)
        try:
            comparison.lists()
            if connection.provider.threads and connection.settings.messages:
                threads = connection.provider.threads(client, connection.settings)
                comparison.threads(threads, budget)
        except SourceError as e:
            found.error = str(e)
        found.requests = client.requests
        yield found, scratch


@dataclass
class _Comparison:
    connection: Connection
    warehouse: Warehouse
    client: Client
    plan: Plan
    scratch: Scratch
    found: Verified
    terms: Terms

    def lists(self) -> None:
        lists = list(self.connection.provider.lists(self.connection.settings))
        whole = [listing for listing in lists if self._is_read(listing)]
        filled: dict[type[Record], list[Listing[Any]]] = {}
        for listing in lists:
            for table in listing.tables:
                filled.setdefault(table.record, []).append(listing)
        for record, sources in filled.items():
            if all(listing in whole for listing in sources):
                self.found.tables.append(self._difference(record, self._scope(record, sources)))

    def threads(self, threads: Threads, budget: Budget) -> None:
        dataset = self.connection.provider.name
        if not self.warehouse.has_table(dataset, "message_reads"):
            return
        worklist = Worklist(self.connection, self.warehouse, self.client.clock(), AFTER_ALL)
        self.found.threads = worklist.count()
        progress = Progress()
        plan = replace(self.plan, chunk_rows=UNBOUNDED, chunk_seconds=math.inf)
        reading, is_spent = Reading(self.client, plan, self.terms), budget.spender(self.client)
        for batch in read_threads(threads, worklist.each(), reading, progress, is_spent):
            self.scratch.add(threads.tables, batch)
        self.found.threads_read = progress.pages
        if progress.failed:
            self.found.unreadable[MESSAGES] = list(progress.failed)
        read = f"(select conversation_id from {self.scratch.of('message_reads')} where is_whole)"
        for table in threads.tables:
            if table.record is threads.tables[-1].record:
                continue  # the note of the read
            scope = f"stored.conversation_id in {read}"
            if issubclass(table.record, Child):
                scope = self._scope(table.record, [])
            self.found.tables.append(self._difference(table.record, scope))
            if table.record is threads.tables[0].record:
                self.found.threads_short = self._note_short_threads(table.record, scope)

    def _note_short_threads(self, record: type[Record], scope: str) -> int:
        """Keeps which conversations have a message too few, too many or another."""
        short = self.scratch.of(SHORT_THREADS)
        unlike = " or ".join(self._kinds(record, scope).values())
        self.warehouse.execute(
            f"create table {short} as select distinct "
            f"coalesce(read.conversation_id, stored.conversation_id) as conversation_id "
            f"{self._joined(record)} where {unlike}"
        )
        return int(self.warehouse.rows(f"select count(*) as n from {short}")[0]["n"])

    def _is_read(self, listing: Listing[Any]) -> bool:
        state = ListState()
        progress = Progress()
        reading = Reading(self.client, replace(self.plan, full=True), self.terms)
        self.scratch.make(listing.tables)
        try:
            while not progress.finished:
                for batch in scan(reading, listing, state, progress):
                    self.scratch.add(listing.tables, batch)
        except PermissionDenied as e:
            if not listing.may_be_forbidden:
                raise
            self.found.not_read[listing.name] = str(e)
            return False
        if progress.quarantined:
            self.found.unreadable[listing.name] = progress.quarantined
        return True

    def _scope(self, record: type[Record], lists: list[Listing[Any]]) -> str:
        """Which stored rows must have been read; a condition."""
        if issubclass(record, Child):
            parents = self.scratch.of(parent_table(record))
            return f"stored.{record.parent[0]} in (select id from {parents})"
        if not record.has_tombstones:
            return "false"
        is_own = len(lists) == 1 and lists[0].tables[0].record is record
        unreadable = [row for each in lists for row in self.found.unreadable.get(each.name, [])]
        start_date = self.plan.start_date
        is_cut = start_date is not None and any(each.from_start_date for each in lists)
        if (unreadable or is_cut) and not is_own:
            return "false"
        conditions = ["true"]
        if unreadable:
            if not all(isinstance(row, int) for row in unreadable):
                return "false"
            some = ", ".join(map(str, unreadable))
            conditions.append(f"stored.{record.key[0]} not in ({some})")
        if is_cut and start_date:
            cursor = f"stored.{lists[0].cursor}"
            since = f"timestamptz '{start_date.isoformat()}'"
            conditions.append(f"({cursor} is null or {cursor} >= {since})")
        return " and ".join(conditions)

    def _joined(self, record: type[Record]) -> str:
        """What was read beside what is stored and not marked deleted, as SQL to select from."""
        alive = " and deleted_at is null" if record.has_tombstones else ""
        if oldest := retained_from(record, self.terms.oldest):
            too_old = f"\"{record.happened}\" < timestamptz '{oldest.isoformat()}'"
            alive += f" and not coalesce({too_old}, false)"
        return (
            f"from {self.scratch.newest(record)} as read full outer join (select * from "
            f"{self.connection.provider.name}.{record.table} "
            f"where account = '{self.connection.name}'{alive}) as stored "
            f"on {same_key(record, 'read', 'stored')}"
        )

    def _kinds(self, record: type[Record], scope: str) -> dict[str, str]:
        """The condition of each kind of difference."""
        return {
            "missing": "stored.account is null",
            "extra": f"read.account is null and {scope}",
            "stale": f"{IN_BOTH} and ({changed(record, 'read', 'stored')})",
        }

    def _difference(self, record: type[Record], scope: str) -> Difference:
        difference = Difference(record.table)
        if not self.warehouse.has_table(self.connection.provider.name, record.table):
            difference.compared = difference.missing = self.scratch.count(record)
            return difference
        columns, kinds = compared_columns(record), self._kinds(record, scope)
        conditions = {"compared": "read.account is not null", **kinds} | {
            f"field {column.name}": f"{IN_BOTH} and {differs(column, 'read', 'stored')}"
            for column in columns
        }
        counts = [f'count(*) filter (where {so}) as "{name}"' for name, so in conditions.items()]
        [row] = self.warehouse.rows(f"select {', '.join(counts)} {self._joined(record)}")
        for name in ("compared", *kinds):
            setattr(difference, name, row[name])
        unlike = {column.name: row[f"field {column.name}"] for column in columns}
        difference.fields = {name: rows for name, rows in unlike.items() if rows}
        for kind, is_so in kinds.items():
            if row[kind]:
                difference.keys[kind] = self._some_keys(record, is_so)
        return difference

    def _some_keys(self, record: type[Record], is_so: str) -> list[str]:
        names = [name for name in record.key if tells_nobody(name)]
        if not names:
            return []
        parts = ", ".join(f"coalesce(read.{name}, stored.{name})::text" for name in names)
        some = self.warehouse.rows(
            f"select concat_ws('/', {parts}) as key {self._joined(record)} where {is_so} "
            f"order by key limit {KEYS_SHOWN}"
        )
        return [row["key"] for row in some]


def tells_nobody(key: str) -> bool:
    """Whether a key's values may be shown: ids, but for what a contact is reached by."""
    return key == "id" or (key.endswith("_id") and key != "source_id")
