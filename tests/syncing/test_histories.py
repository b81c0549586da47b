"""Random histories: a World that changes, faults, syncs, and syncs that are killed on their way.

Whatever happened, after two quiet full scans the warehouse is the World, row for row.

    TALKHOUSE_HISTORIES=1000 pytest tests/syncing/test_histories.py

tells so many of each provider, others every time; without it the few are the same every time.
"""

import os
import shutil
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from support import oracle
from support.account import CHANNEL, DAY, HOUR, MINUTE, SERVED, Account, Row
from support.forks import processes
from support.killing import Job, Syncing
from support.postgres_server import Server
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Fault, World, serve
from talkhouse.simulator.changes import CHANGES
from talkhouse.sources.registry import PROVIDERS

SHIFTS = frozenset(
    "delete_conversation delete_contact merge_contacts restore_conversation import_history".split()
)
"""Changes after which a row may wait for a full scan: others moved, or it is new and looks old.

There are none in a calm history, where no full scan comes by itself either.
"""
TICK_SECONDS = 1
"""How much later each change is than the one before."""

MERGED_MEANWHILE = "answered with messages of other conversations"
"""How octopush refuses a thread whose contact got another number since its list was read."""

OWNERS = {
    "conversation_labels": ("conversation_id", "conversations"),
    "conversation_tags": ("conversation_id", "conversations"),
    "conversation_assignees": ("conversation_id", "conversations"),
    "first_messages": ("conversation_id", "conversations"),
    "last_messages": ("conversation_id", "conversations"),
    "messages": ("conversation_id", "conversations"),
    "message_reads": ("conversation_id", "conversations"),
    "attachments": ("message_id", "messages"),
    "contact_inboxes": ("contact_id", "contacts"),
    "contact_tags": ("contact_id", "contacts"),
}
"""Whose the rows of these tables are: they may stay when it is gone, and go when they are."""

NIGHTLY = int(os.environ.get("TALKHOUSE_HISTORIES", 0))
HISTORIES, STEPS = NIGHTLY or 2, 10
SEED = 13
"""Of the few that are the same every time: these kill syncs of every provider in both ways."""

FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    # without a Retry-After, a minute's limit would be waited for
    {"kind": "status", "status": 429, "retry_after": "0"},
    *({"kind": kind} for kind in ("truncated", "html", "empty", "cut")),
]
PATHS = ["", "conversation", "message", "contact", "agent"]

# of the changes most move no cursor: what is written is to be as frequent
WRITTEN = ["new_conversation", "new_conversation", "new_message"] * 6
changes = st.lists(st.sampled_from([*CHANGES, *WRITTEN]), min_size=1, max_size=12)
requests = st.integers(1, 6) | st.integers(1, 25)
spans = st.integers(1, 2 * MINUTE) | st.integers(MINUTE, 3 * HOUR) | st.integers(HOUR, 9 * DAY)
Differences = dict[str, dict[Any, Any]]
Chosen = tuple[str, str]
hundredths = st.integers(0, 99)


class Requests(deque[Any]):
    """A log of requests in which something happens as one of them comes, before it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[int, list[Callable[[], object]]] = {}

    def at(self, number: int, act: Callable[[], object]) -> None:
        self.acts.setdefault(number, []).append(act)

    def append(self, request: Any) -> None:
        super().append(request)
        for act in self.acts.pop(len(self), ()):
            act()

    def clear(self) -> None:
        super().clear()
        self.acts.clear()


class History(RuleBasedStateMachine):
    """A World, and the warehouse that one of its providers is synced into: a DuckDB file, or a
    database of the Postgres server whose URL is given.
    """

    provider: str
    postgres: str
    tried: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(mkdtemp(prefix="talkhouse"))
        self.stack.callback(shutil.rmtree, self.folder)
        self.pipelines = self.folder / "pipelines"
        self.destination = self._destination()
        self.is_sound = False

    def _destination(self) -> Destination:
        if self.postgres:
            return self.stack.enter_context(Server(self.postgres).database())
        return DuckDbFile(self.folder / "talkhouse.duckdb")

    @initialize(
        seed=st.integers(0, 9_999),
        conversations=st.integers(8, 32),
        in_flight=st.sampled_from([1, 4]),
        chunk_rows=st.sampled_from([50_000, 4, 8]),
        threads_per_chunk=st.sampled_from([2_000, 3]),
        is_calm=st.booleans(),
    )
    def begin(
        self,
        seed: int,
        conversations: int,
        in_flight: int,
        chunk_rows: int,
        threads_per_chunk: int,
        is_calm: bool,
    ) -> None:
        self.world = World(seed, conversations)
        self.simulator = self.stack.enter_context(serve(self.world, **SERVED))
        self.requests = self.simulator.requests = self.simulator.app.requests = Requests()
        self.identifiers = oracle.contact_identifiers(self.world)
        self.in_flight, self.chunk_rows = in_flight, chunk_rows
        self.threads_per_chunk = threads_per_chunk
        self.took = {"request": 20, "load step": 40}
        self.is_calm = is_calm
        self.is_sound = True
        self.tried["histories"] += 1

    @rule(names=changes, seconds=spans)
    def change(self, names: list[str], seconds: int) -> None:
        self._change(names)
        self.world.advance(seconds)

    @rule(names=changes, request=requests)
    def change_under_the_next_sync(self, names: list[str], request: int) -> None:
        def act() -> None:
            self._change(names)
            self.tried["changed under a sync"] += 1

        self.requests.at(request, act)

    @rule(
        how=st.sampled_from(FAULTS),
        path=st.sampled_from(PATHS),
        after=st.integers(0, 15),
        times=st.integers(1, 4),
    )
    def fault(self, how: dict[str, Any], path: str, after: int, times: int) -> None:
        self.simulator.faults.add(Fault(**how, path=path, after=after, times=times))
        self.tried["faults"] += 1

    @rule(full=st.booleans(), elsewhere=st.booleans())
    def sync(self, full: bool, elsewhere: bool) -> None:
        if elsewhere:
            shutil.rmtree(self.pipelines, ignore_errors=True)
            self.tried["on another machine"] += 1
        self._sync(full)

    @rule(full=st.booleans(), share=hundredths)
    def sync_killed_at_a_request(self, full: bool, share: int) -> None:
        self._sync(full, "request", share)

    @rule(full=st.booleans(), share=hundredths)
    def sync_killed_at_a_load_step(self, full: bool, share: int) -> None:
        self._sync(full, "load step", share)

    def teardown(self) -> None:
        with self.stack:
            if self.is_sound and self._is_known():
                self._settle()

    def _settle(self) -> None:
        self.simulator.faults.clear()
        self.requests.clear()
        self.world.advance(10 * MINUTE)
        if self.is_calm:
            self._settle_without_full_scans()
        for _ in range(2):
            self._sync(full=True)
            self.world.advance(MINUTE)
        unlike = self._compared(Comparison.differences)
        assert not unlike, f"the warehouse is not the World:\n{told(unlike)}"

    def _settle_without_full_scans(self) -> None:
        # the first may only end what a killed one began
        for _ in range(2):
            self._sync(full=False)
            self.world.advance(MINUTE)
        missing = self._compared(Comparison.missing)
        assert not missing, f"no full scan should be needed for these:\n{told(missing)}"

    def _compared(self, by: Callable[["Comparison"], Differences]) -> Differences:
        with self.destination.open() as warehouse:
            return by(Comparison(self._account(warehouse)))

    def _change(self, names: list[str]) -> None:
        for name in names:
            if name in SHIFTS and self.is_calm:
                continue
            with suppress(LookupError), self.world.lock:
                self.world.advance(TICK_SECONDS)
                self._converse() if name == "new_conversation" else getattr(self.world, name)()
                self.tried["changes"] += 1

    def _converse(self) -> None:
        """A conversation that the provider carries, of anybody; at pembalasan, of who is known."""
        is_asked = self.provider == "pembalasan"
        people = self._known() if is_asked else [*self.world.contacts, None]
        self.world.new_conversation(CHANNEL[self.provider], self.world.random.choice(people))

    def _known(self) -> list[int | None]:
        """Who is there of the contacts that pembalasan is asked for."""
        return [
            contact.id
            for contact in self.world.contacts.values()
            if any(address.source_id in self.identifiers for address in contact.addresses)
        ]

    def _is_known(self) -> bool:
        """Where nobody is who is asked for, a sync says that it is the address."""
        return self.provider != "pembalasan" or bool(self._known())

    def _account(self, warehouse: Any = None) -> Account:
        account = Account(self.simulator, self.provider, warehouse, self.pipelines, "shop")
        account.settings["in_flight"] = self.in_flight
        account.settings["full_scan_every"] = "100d" if self.is_calm else "24h"
        account.identifiers = self.identifiers
        return account

    def _sync(self, full: bool, deadly: str = "", share: int = 0) -> None:
        """A sync that ends well, unless a fault excuses it; or one that is killed, after so many
        hundredths of the requests or load steps that the last one took.
        """
        number = 1 + share * self.took.get(deadly, 0) // 100
        connection = self._account().connection
        syncing = Syncing(
            Job(
                connection,
                self.destination,
                self.pipelines,
                replace(plan_of(connection, full=full), chunk_rows=self.chunk_rows),
                self.threads_per_chunk,
                deadly_step=number if deadly == "load step" else None,
            )
        )
        if deadly == "request":
            self.requests.at(number, syncing.kill)
        struck = self._struck()
        self.is_sound = False  # until it is seen to be
        ended = syncing.end()
        if ended is None:
            self.tried[f"killed at a {deadly}"] += 1
        else:
            is_excused = (
                self._struck() > struck or not self._is_known() or MERGED_MEANWHILE in ended.error
            )
            assert not ended.crash, ended.crash
            assert not is_unexpected(ended.error), ended.error
            assert is_excused or not ended.error, ended.error
            self.tried["failed"] += bool(ended.error)
            self.took = {"request": len(self.requests), "load step": ended.steps}
        self.tried["syncs"] += 1
        self.requests.clear()
        self.is_sound = True

    def _struck(self) -> int:
        return sum(fault.used for fault in self.simulator.faults)


def is_unexpected(error: str) -> bool:
    """Whether it tells of an exception that is no SourceError."""
    return error.startswith("loading failed") or "Error in " in error.partition(":")[0]


def told(unlike: Differences) -> str:
    return "\n".join(
        f"{table} {key}: {how}" for table, rows in unlike.items() for key, how in rows.items()
    )


class Comparison:
    """A warehouse beside its World."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.keys = oracle.KEYS[account.provider]
        self.columns = {t: [name for name, *_ in named] for t, named in account.columns().items()}
        self.expected = {
            table: {self.key(table, row): row for row in rows}
            for table, rows in account.expected().items()
        }
        if account.provider == "hilos":  # only its users tell of a team
            for team in account.world.teams.values():
                if not team.members:
                    del self.expected["teams"][team.id,]

    def differences(self) -> Differences:
        """Where they differ, by table and key; and what was found that is not as declared."""
        found = {table: self.unlike(table) for table in self.expected}
        found["drift"] = dict(enumerate(self.stored("drift")))
        # what could not be read for a while is there, too, without a row
        rejects = [row for row in self.stored("rejects") if row["row"] is not None]
        found["rejects"] = dict(enumerate(rejects))
        return {table: unlike for table, unlike in found.items() if unlike}

    def missing(self) -> Differences:
        """Conversations and messages that are not stored, whatever they are like."""
        found: Differences = {}
        for table in {"conversations", "messages"} & self.expected.keys():
            stored = {self.key(table, row) for row in self.stored(table)}
            found[table] = {k: r for k, r in self.expected[table].items() if k not in stored}
        return {table: missing for table, missing in found.items() if missing}

    def unlike(self, table: str) -> dict[Any, Any]:
        expected, rows = self.expected[table], self.stored(table)
        stored = {self.key(table, row): row for row in rows if not row.get("deleted_at")}
        times = Counter(self.key(table, row) for row in rows)
        found: dict[Any, Any] = {key: f"is stored {n} times" for key, n in times.items() if n > 1}
        for key, row in stored.items():
            if key not in expected and not self.may_stay(table, row):
                found[key] = f"is not in the World: {row}"
        for key, row in expected.items():
            if key not in stored:
                found[key] = f"is {'marked as deleted' if key in times else 'missing'}: {row}"
                continue
            wrong = {
                n: (stored[key][n], value) for n, value in row.items() if stored[key][n] != value
            }
            if wrong:
                found[key] = f"has, and should have: {wrong}"
        return found

    def key(self, table: str, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.keys[table])

    def stored(self, table: str) -> list[Row]:
        names = self.columns.get(table)
        return self.account.rows(table, names) if names else []

    def may_stay(self, table: str, row: Row) -> bool:
        """Whether a row may be stored, and not marked, that the World does not have."""
        if table not in OWNERS:
            return "deleted_at" not in row
        column, owner = OWNERS[table]
        return (row[column],) not in self.expected[owner]


@dataclass
class Told:
    """What was tried in a provider's histories, and the one that went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    failure: str = ""


def tell(provider: str, postgres: str) -> Told:
    """A provider's histories."""
    told = Told()

    class Its(History):
        pass

    Its.provider, Its.postgres, Its.tried = provider, postgres, told.tried
    if not NIGHTLY:
        seed(crc32(f"{provider}{SEED}".encode()))(Its)
    try:
        run_state_machine_as_test(
            Its,
            settings=settings(
                max_examples=HISTORIES,
                stateful_step_count=STEPS,
                derandomize=not NIGHTLY,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                report_multiple_bugs=False,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    except Exception:
        told.failure = traceback.format_exc()
    return told


class Summary:
    """What was tried, told at the end of the test run."""

    def __init__(self) -> None:
        self.told: dict[Chosen, Told] = {}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("histories")
        for (provider, destination), told in self.told.items():
            counts = ", ".join(f"{count:,} {what}" for what, count in told.tried.items())
            terminalreporter.write_line(f"{provider}, {destination}: {counts}")


@pytest.fixture(scope="module")
def summary(request: pytest.FixtureRequest) -> Summary:
    summary = Summary()
    request.config.pluginmanager.register(summary)
    return summary


@pytest.fixture(scope="module")
def telling(
    request: pytest.FixtureRequest, postgres: Server
) -> Iterator[dict[Chosen, Future[Told]]]:
    """The histories that are chosen, as many at a time as there are processors."""
    chosen = [
        (str(item.callspec.params["provider"]), str(item.callspec.params["into"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    with ProcessPoolExecutor(mp_context=processes) as pool:
        yield {
            (provider, into): pool.submit(
                tell, provider, postgres.url if into == "postgres" else ""
            )
            for provider, into in chosen
        }


@pytest.mark.parametrize("into", ["duckdb", pytest.param("postgres", marks=pytest.mark.deep)])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_happens_the_warehouse_becomes_the_world(
    provider: str, into: str, telling: dict[Chosen, Future[Told]], summary: Summary
) -> None:
    told = summary.told[provider, into] = telling[provider, into].result()
    if told.failure:
        pytest.fail(told.failure, pytrace=False)
    assert told.tried["histories"] >= HISTORIES
