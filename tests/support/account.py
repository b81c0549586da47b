"""A connection to a World that is served, and the comparison of its warehouse with that World."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from support import oracle
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection, connection
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.syncing.sync_connection import ConnectionSync, sync
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.simulator import Fault, Simulator, World
from talkhouse.simulator import credentials as keys
from talkhouse.sources.rows.personal_data import KEPT, Privacy
from talkhouse.sources.scan.progress import Plan

Row = dict[str, Any]

SERVED: dict[str, Any] = {"chatwoot_page_size": 5}
"""Small pages, so that small Worlds have several."""
SETTINGS: dict[str, dict[str, Any]] = {
    "chatwoot": {"account_id": 1, "api_access_token": keys.CHATWOOT_ADMIN},
    "hilos": {"api_key": keys.HILOS_KEY, "page_size": 5},
    "activecampaign": {"api_key": keys.ACTIVECAMPAIGN_KEY, "page_size": 5},
    "octopush": {"api_login": keys.OCTOPUSH_LOGIN, "api_key": keys.OCTOPUSH_KEY, "page_size": 5},
    "pembalasan": {},
}
CHANNEL = {"chatwoot": 4, "hilos": 4, "activecampaign": 4, "octopush": 5, "pembalasan": 10}
"""A channel that each provider carries, by the World's number of it."""
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass
class Account:
    """A connection to a World that is served, and the warehouse that it is synced into."""

    simulator: Simulator
    provider: str
    warehouse: Warehouse
    folder: Path
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    only: Sequence[str] = ()
    privacy: Privacy = KEPT
    retention: dict[str, timedelta] = field(default_factory=dict)
    acted: bool = False

    def __post_init__(self) -> None:
        self.identifiers = oracle.contact_identifiers(self.world)

    @property
    def world(self) -> World:
        return self.simulator.world

    @property
    def connection(self) -> Connection:
        values = {
            "provider": self.provider,
            "base_url": self.simulator.base_url(self.provider),  # type: ignore[arg-type]
            "requests_per_second": 5_000,
            **SETTINGS[self.provider],
        }
        if self.provider == "pembalasan":
            inbox = next(c for c in self.world.channels.values() if c.kind == "api")
            values["inbox_identifier"] = inbox.identifier
            values["contact_identifiers"] = self.identifiers
        return connection(self.name, values | self.settings, self.privacy, self.retention)

    def sync(
        self,
        *,
        only: Sequence[str] = (),
        full: bool = False,
        since: str = "",
        until: str = "",
        **plan: Any,
    ) -> Outcome:
        """One sync, whatever its end."""
        planned = plan_of(self.connection, full=full, since=since, until=until)
        planned = replace(planned, **plan)
        self.simulator.requests.clear()
        return sync(self.wanted(planned, only=only or self.only))

    def wanted(self, plan: Plan, **how: Any) -> ConnectionSync:
        """A sync of the connection."""
        return ConnectionSync(self.connection, self.warehouse, plan, folder=self.folder, **how)

    def synced(self, **how: Any) -> Outcome:
        """One sync that must end well."""
        outcome = self.sync(**how)
        assert outcome.error == ""
        return outcome

    def expected(self) -> oracle.Tables:
        tables = oracle.tables(self.world, self.provider, self.identifiers)
        wanted = oracle.CONVERSATIONS[self.provider] if self.only else tables
        left_out = set() if self.settings.get("messages", True) else oracle.THREADS
        return {name: tables[name] for name in wanted if name not in left_out}

    def differences(self, gone: Sequence[str] = ()) -> dict[str, Any]:
        """Where tables and World differ: by table and key, the stored and the expected row.

        The tables named in `gone` may keep rows of what the World has no more.
        """
        found: dict[str, Any] = {}
        there = self.warehouse.tables(self.provider)
        for table, expected in self.expected().items():
            key = oracle.KEYS[self.provider][table]
            wanted = {tuple(row[k] for k in key): row for row in expected}
            names = list(expected[0]) if expected else list(key)
            rows = self.rows(table, names) if table in there else []
            stored = {tuple(row[k] for k in key): row for row in rows}
            if table in gone:
                stored = {k: row for k, row in stored.items() if k in wanted}
            unlike = {
                k: (stored.get(k), wanted.get(k))
                for k in stored.keys() | wanted.keys()
                if stored.get(k) != wanted.get(k)
            }
            if unlike:
                found[table] = unlike
        return found

    def rows(self, table: str, names: Sequence[str]) -> list[Row]:
        """These columns of the connection's rows, JSON decoded."""
        documents = {
            row["column_name"]
            for row in self.warehouse.columns(self.provider, table)
            if row["data_type"] in ("JSON", "jsonb")
        }
        quoted = ", ".join(f'"{name}"' for name in names)
        found = self.warehouse.rows(
            f"select {quoted} from {self.provider}.{table} where account = %s", [self.name]
        )
        for row in found:
            for name in documents & row.keys():
                row[name] = None if row[name] is None else json.loads(row[name])
        return found

    def column(self, table: str, name: str) -> list[Any]:
        """The values of one column, sorted."""
        return sorted(row[name] for row in self.rows(table, [name]))

    def contents(self) -> dict[str, list[Row]]:
        """Every row of every table of the dataset, but for which load brought it."""
        found: dict[str, list[Row]] = {}
        for table in self.warehouse.tables(self.provider):
            rows = self.warehouse.rows(f"select * from {self.provider}.{table}")
            for row in rows:
                del row["_dlt_load_id"]
            found[table] = sorted(rows, key=lambda row: str(sorted(row.items())))
        return found

    def columns(self) -> dict[str, list[tuple[str, str, str]]]:
        """Every column of every table of the dataset: name, type, whether it may be null."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for row in self.warehouse.rows(
            "select table_name, column_name, data_type, is_nullable "
            "from information_schema.columns where table_schema = %s order by 1, 2",
            [self.provider],
        ):
            table, *column = row.values()
            found.setdefault(table, []).append(tuple(column))
        return found

    def fault(self, kind: Any, path: str = "", **how: Any) -> Fault:
        """Something going wrong at paths that hold `path`; by default for ever."""
        how.setdefault("times", None)
        return self.simulator.faults.add(Fault(kind, path=path, **how))

    def asked(self, path: str = "", query: str = "") -> int:
        """How many requests the last sync made of a path."""
        return sum(path in r.path and query in r.query for r in self.simulator.requests)

    def before(self, query: str, act: Callable[[], object]) -> None:
        """`act` happens once, as the first request with `query` comes, before it is answered."""

        account = self
        self.acted = False

        class Log(deque[Any]):
            def append(self, request: Any) -> None:
                super().append(request)
                if query in f"{request.path}?{request.query}" and not account.acted:
                    account.acted = True
                    act()

        self.simulator.requests = self.simulator.app.requests = Log()

    def later(self, seconds: float = 10 * MINUTE) -> None:
        self.world.advance(seconds)

    def converse(self, contact: int | None = None) -> int:
        """A new conversation that this provider carries; at pembalasan, of a contact it knows."""
        if self.provider == "pembalasan" and contact is None:
            contact = next(
                c.id
                for c in self.world.contacts.values()
                if any(a.source_id in self.identifiers for a in c.addresses)
            )
        return self.world.new_conversation(CHANNEL[self.provider], contact).id

    def oldest(self) -> int:
        """The conversation that every list gives last, or first."""
        found = self.world.served(self.provider)  # type: ignore[arg-type]
        return min(found, key=lambda c: c.last_activity_at).id


Open = Callable[..., Account]


def cut_off(*of: object, **how: object) -> None:
    """Takes the place of what a command does when it is interrupted."""
    raise KeyboardInterrupt
