"""What Postgres has that DuckDB has no need of; for the rest both destinations are tested."""

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from dlt.destinations.impl.postgres.postgres import PostgresClient

from support import oracle
from support.account import DAY, SERVED, Account, Open, Row
from support.killing import Job, Syncing
from support.lanes import in_the_deep_lane
from support.postgres_server import Server
from support.repository import ROOT
from support.shell import Shell, octopush, wait_until
from talkhouse.pipelines.analytics.build import build
from talkhouse.pipelines.orchestration.sync_all import sync_all
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import WarehouseError
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase, PostgresWarehouse
from talkhouse.pipelines.warehouse.postgres.parquet_copy import JsonbClient, JsonbCopyJob
from talkhouse.simulator import World, serve
from talkhouse.sources.registry import PROVIDERS

README = ROOT.joinpath("README.md").read_text("utf-8")
# rows of what was deleted may stay
GONE = ("conversation_assignees", "conversation_tags", "contact_tags", "first_messages")

ABSENT = object()
NOTICED = {"read_at", "deleted_at"}

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture
def destination(postgres: Server) -> Iterator[PostgresDatabase]:
    with postgres.database() as database:
        yield database


def contents(account: Account) -> dict[str, list[Row]]:
    """Every row of every table, JSON decoded; but for which load brought it and when a thread is
    due again, and of what was noticed only whether it was: the two were not read at one moment.
    """
    found: dict[str, list[Row]] = {}
    for table in account.warehouse.tables(account.provider):
        columns = [row["column_name"] for row in account.warehouse.columns(account.provider, table)]
        columns = [name for name in columns if name not in ("_dlt_load_id", "reread_at")]
        rows = account.rows(table, columns)
        for row in rows:
            row |= {name: row[name] is not None for name in NOTICED & row.keys()}
        found[table] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return found


def unlike(one: dict[str, list[Row]], other: dict[str, list[Row]]) -> list[tuple[Any, ...]]:
    """What differs: the table, the column, and both values."""
    return [
        (table, name, row.get(name), beside.get(name))
        for table in one.keys() | other.keys()
        for row, beside in zip_longest(one.get(table, []), other.get(table, []), fillvalue={})
        for name in row.keys() | beside.keys()
        if row.get(name, ABSENT) != beside.get(name, ABSENT)
    ]


@pytest.mark.parametrize(
    "provider",
    [
        name if name in ("hilos", "octopush") else pytest.param(name, marks=pytest.mark.deep)
        for name in PROVIDERS
    ],
)
def test_both_destinations_hold_the_same_rows_after_the_same_history(
    provider: str, account_of: Open, tmp_path: Path
) -> None:
    account = account_of(provider)
    with DuckDbWarehouse(tmp_path / "beside.duckdb") as warehouse:
        beside = replace(account, warehouse=warehouse, folder=tmp_path / "beside")
        world = account.world
        for change in (
            world.new_message,
            world.set_status,
            lambda: world.delete_conversation(account.oldest()),
            account.converse,
        ):
            for each in (account, beside):
                each.synced(full=True)
            change()
            account.later(DAY)
        for each in (account, beside):
            each.synced(full=True)
        assert unlike(contents(account), contents(beside)) == []
    assert any(row["deleted_at"] for row in account.rows("conversations", ["deleted_at"]))


@pytest.mark.parametrize(
    "provider",
    ["chatwoot", "octopush", *in_the_deep_lane("hilos", "activecampaign", "pembalasan")],
)
def test_a_key_is_unique_where_rows_are_merged(provider: str, account_of: Open) -> None:
    account = account_of(provider)
    account.synced()
    account.later()
    account.synced()
    indexed = account.warehouse.rows(
        "select tablename, indexdef from pg_indexes where schemaname = %s "
        "and indexdef like 'CREATE UNIQUE INDEX%%'",
        [provider],
    )
    keys = {row["tablename"]: row["indexdef"].partition(" USING btree ")[2] for row in indexed}
    for table in account.warehouse.tables(provider):
        key = ["account", *oracle.KEYS[provider].get(table, [])]
        assert keys[table].startswith(f"({', '.join(key)}"), table


def test_columns_have_the_types_that_postgres_has_for_them(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.synced()
    types = {
        row["column_name"]: row["data_type"]
        for row in account.warehouse.columns("chatwoot", "conversations")
    }
    assert types["created_at"] == "timestamp with time zone"
    assert types["custom_attributes"] == "jsonb"
    assert types["can_reply"] == "boolean"
    assert types["_extra"] == "jsonb"


@pytest.mark.parametrize(
    "text", ['a "quoted", text\n', "\\N", *in_the_deep_lane("", "\u00e9\U0001f600", "\x01")]
)
def test_a_text_arrives_as_it_is(text: str, account_of: Open) -> None:
    account = account_of("chatwoot")
    message = account.world.new_message(kind="incoming")
    message.content = text
    message.content_attributes = {"text": text}
    account.synced()
    [row] = (
        row
        for row in account.rows("messages", ["id", "content", "content_attributes"])
        if row["id"] == message.id
    )
    assert (row["content"], row["content_attributes"]) == (text, {"text": text})


def test_a_second_sync_of_a_connection_says_that_one_is_under_way(
    account_of: Open, destination: PostgresDatabase
) -> None:
    account = account_of("hilos")
    with destination.open() as other, other.syncing("shop"):
        assert account.sync().error == (
            "another process is syncing shop into this database; wait for it to end"
        )
        assert account.warehouse.tables("hilos") == []
    account.synced()


def test_another_connection_is_synced_meanwhile(
    account_of: Open, destination: PostgresDatabase
) -> None:
    account = account_of("hilos")
    with destination.open() as other, other.syncing("another"):
        account.synced()
    assert account.differences() == {}


def test_the_lock_is_gone_with_the_process_that_held_it(destination: PostgresDatabase) -> None:
    with destination.open() as warehouse, destination.open() as other, other.syncing("shop"):
        other.close()
        with warehouse.syncing("shop"):
            pass


@dataclass
class Two:
    """Two connections of one provider; the second is synced while the first is loaded."""

    first: Account
    second: Account
    syncing: Syncing

    def sync_meanwhile(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> str:
        """The first one's error; `meanwhile` is called when its conversations are staged."""
        copy, called = JsonbCopyJob.run, []

        def copied(job: Any) -> None:
            copy(job)
            if job.load_table_name == "conversations" and not called:
                called.append(job)
                meanwhile()

        monkeypatch.setattr(JsonbCopyJob, "run", copied)
        return self.first.sync(full=True).error

    def differences(self) -> dict[str, Any]:
        return self.first.differences() | self.second.differences()


@pytest.fixture
def two(
    account_of: Open, destination: PostgresDatabase, tmp_path: Path, request: Any
) -> Iterator[Two]:
    first = account_of("hilos", name="first")
    with serve(World(seed=11, conversations=16), **SERVED) as simulator:
        second = Account(simulator, "hilos", first.warehouse, tmp_path / "second", "second")
        for account in (first, second):
            account.synced()
            account.later()
        for _ in range(5):
            first.world.new_conversation(4)
        # else it would have nothing to load
        second.world.new_conversation(4)
        is_guarded = "without" not in request.node.name
        plan = plan_of(second.connection, full=True)
        job = Job(second.connection, destination, second.folder, plan, 2_000, None, is_guarded)
        yield Two(first, second, Syncing(job))


@pytest.mark.deep
def test_without_the_lock_rows_are_lost(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresWarehouse, "loading", lambda *_: nullcontext())
    # as dlt merges by itself, which does not look at what is staged
    merge = PostgresClient._create_merge_followup_jobs
    monkeypatch.setattr(JsonbClient, "_create_merge_followup_jobs", merge)
    assert two.sync_meanwhile(monkeypatch, two.syncing.end) == ""
    assert len(two.differences()["conversations"]) == 5


def test_with_the_lock_the_second_waits_and_no_row_is_lost(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_waiting() -> bool:
        waiting = "select 1 from pg_stat_activity where query like %s and pid <> pg_backend_pid()"
        return bool(two.first.warehouse.rows(waiting, ["%pg_try_advisory_lock%load hilos%"]))

    def meanwhile() -> None:
        two.syncing.begin()
        wait_until(is_waiting)

    assert two.sync_meanwhile(monkeypatch, meanwhile) == ""
    ended = two.syncing.end()
    assert ended is not None
    assert ended.error == ""
    assert two.differences() == {}


@pytest.mark.deep
def test_two_processes_into_one_dataset_lose_nothing_wherever_they_are_killed(
    destination: PostgresDatabase, tmp_path: Path
) -> None:
    dice = random.Random(20)
    with ExitStack() as stack:
        warehouse = stack.enter_context(destination.open())
        accounts = []
        for number, name in enumerate(("first", "second")):
            world = World(seed=number, conversations=16)
            simulator = stack.enter_context(serve(world, **SERVED))
            accounts.append(Account(simulator, "hilos", warehouse, tmp_path / name, name))
        for _ in range(20):
            running = []
            for account in accounts:
                account.world.new_conversation(4)
                account.world.set_status()
                account.later()
                plan = replace(plan_of(account.connection, full=True), chunk_rows=8)
                deadly = dice.choice([None, dice.randint(1, 200)])
                job = Job(account.connection, destination, account.folder, plan, 2_000, deadly)
                running.append(Syncing(job))
                running[-1].begin()
            ended = [each.end() for each in running]
            assert [each.error for each in ended if each] == [""] * sum(map(bool, ended))
            for account, how in zip(accounts, ended, strict=True):
                assert how is None or account.differences(gone=GONE) == {}
        for account in accounts:
            account.synced(full=True)
            assert account.differences(gone=GONE) == {}


def least_privileges(role: str, database: str) -> list[str]:
    """The statements of the README that make a role, for this role, database and provider."""
    sql = re.search(r"```sql\n(create role.*?)```", README, re.S)
    assert sql
    own = sql[1].replace("chatwoot", "hilos").replace("talkhouse", role)
    own = own.replace("warehouse", database).replace("'...'", "'of-the-test'")
    return [statement for statement in own.split(";\n") if statement.strip()]


def test_a_role_that_owns_only_its_schemas_is_enough(
    account_of: Open, destination: PostgresDatabase, postgres: Server, tmp_path: Path
) -> None:
    role = "talkhouse_of_a_test"
    with destination.open() as owner:
        database = owner.rows("select current_database() as name")[0]["name"]
        for statement in least_privileges(role, database):
            owner.execute(statement)
    try:
        least = PostgresDatabase(
            postgres.credentials(database=database, username=role, password="of-the-test")
        )
        with least.open() as warehouse:
            account = replace(account_of("hilos"), warehouse=warehouse)
            for _ in range(2):
                account.synced(full=True)
                account.later()
            assert account.differences() == {}
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                warehouse.execute("create schema another")
        with destination.open() as owner:
            for schema in ("staging", "unified", "marts", "seeds", "snapshots"):
                owner.execute(f"create schema {schema} authorization {role}")
        built = build(least, project=Project(tmp_path))
        assert (built.failures, built.providers) == ([], ["hilos"])
    finally:
        with destination.open() as owner:
            owner.execute(f"drop owned by {role} cascade")
            owner.execute(f"drop role {role}")


def test_a_database_that_is_not_there_is_told_without_the_password(postgres: Server) -> None:
    nowhere = PostgresDatabase(postgres.credentials(database="nowhere", password="a-secret"))
    with pytest.raises(WarehouseError, match="database nowhere at .* cannot be opened") as told:
        nowhere.open()
    assert "a-secret" not in str(told.value)


def test_what_is_read_only_cannot_be_written_to(destination: PostgresDatabase) -> None:
    with destination.open(read_only=True) as warehouse:
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            warehouse.execute("create schema another")


def test_a_database_that_goes_away_is_told_and_the_next_run_goes_on(
    account_of: Open, destination: PostgresDatabase, postgres: Server
) -> None:
    account = account_of("octopush")
    [database] = account.warehouse.rows("select current_database() as name")
    sessions = "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'"
    account.before("page=2", lambda: postgres.execute(sessions.format(database["name"])))
    [outcome] = sync_all([account.connection], destination=destination)
    assert outcome.error == (
        f"{destination} cannot be reached any more; what was loaded is kept, and the next run "
        "goes on from there"
    )
    [outcome] = sync_all([account.connection], destination=destination)
    assert outcome.ok
    account.warehouse = destination.open()
    assert account.differences() == {}
    account.warehouse.close()


def test_what_another_load_emptied_is_not_taken_for_loaded(
    account_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the session that holds the lock is lost, and another process loads meanwhile."""
    account = account_of("hilos")
    account.synced()
    account.later()
    account.world.new_conversation(4)
    before = account.contents()["conversations"]
    copy, emptied = JsonbCopyJob.run, []

    def copied_and_emptied(job: Any) -> None:
        copy(job)
        if job.load_table_name == "conversations":
            account.warehouse.execute("truncate hilos_staging.conversations")
            emptied.append(job)

    monkeypatch.setattr(JsonbCopyJob, "run", copied_and_emptied)
    assert account.sync().error.startswith("loading failed: DivisionByZero; ")
    assert emptied
    # the other tables of the package may be merged by then
    assert account.contents()["conversations"] == before
    monkeypatch.undo()
    account.synced()
    assert account.differences() == {}


def test_every_command_works_on_it(
    tmp_path: Path, destination: PostgresDatabase, account_of: Open
) -> None:
    account = account_of("octopush")
    there = len(account.expected()["conversations"])
    shell = Shell(tmp_path / "work", tmp_path / "home")
    shell.configure(one=octopush(account.simulator))
    config, secrets = shell.folder / ".dlt/config.toml", shell.folder / ".dlt/secrets.toml"
    uri = destination.credentials.to_native_representation()
    secrets.write_text(f'{secrets.read_text()}[destination.postgres]\ncredentials = "{uri}"\n')
    assert "destination is not: write" in shell("status", exit_code=2).stderr
    config.write_text(f'destination = "postgres"\n{config.read_text()}')
    assert "never synced" in shell("status", exit_code=1).stdout
    dry = f"The messages of {there} conversations would be read"
    assert dry in shell("sync", "--dry-run").stdout
    assert destination_tables(destination) == []
    assert "nothing was loaded" in shell("plan").stdout
    shell("sync")
    assert "conversations" in destination_tables(destination)
    [status] = json.loads(shell("status", "--json").stdout)
    assert status["rows"]["conversations"] == there
    account.later()
    account.converse()
    assert "The messages of 1 conversations would be" in shell("sync", "--dry-run").stdout
    shell("verify", exit_code=1)
    shell("verify", "--repair")
    shell("verify")
    assert "readers of Postgres need no copy" in shell("publish", exit_code=2).stderr
    assert not list(shell.folder.glob("*.duckdb"))


def test_what_is_not_set_is_told(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "work", tmp_path / "home")
    shell.configure(one={"provider": "octopush", "api_login": "a@b.c", "api_key": "x"})
    shell.environment = {"DESTINATION": "postgres"}
    lacking = "there is no database, host, password, username; set them in .dlt/secrets.toml"
    assert lacking in shell("status", exit_code=2).stderr
    shell.environment = {"DESTINATION": "mysql"}
    assert "must be duckdb or postgres" in shell("status", exit_code=2).stderr


def destination_tables(destination: PostgresDatabase) -> list[str]:
    with destination.open(read_only=True) as warehouse:
        return warehouse.tables("octopush")
