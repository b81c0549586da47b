"""Warehouses of earlier releases open, sync, verify and build with this one."""

import lzma
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from dlt.common.versioned_state import compress_state, decompress_state

from support import oracle
from support.account import DAY, Account
from support.comments import commented
from support.shell import Shell, octopush
from support.tables import tables_of
from talkhouse.pipelines.analytics.build import build
from talkhouse.pipelines.audit.past_runs import past_runs
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.monitoring.overview import look
from talkhouse.pipelines.orchestration.sync_all import SyncOptions, sync_all
from talkhouse.pipelines.settings.connections import Connection, connection
from talkhouse.pipelines.syncing.cost_estimate import plan_all
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.verification.verify_all import verify_all
from talkhouse.pipelines.warehouse.duckdb_file import TYPES as DUCKDB_TYPES
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile, DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse, WarehouseError
from talkhouse.pipelines.warehouse.migrations import VERSION, migrate
from talkhouse.pipelines.warehouse.postgres.database import TYPES as POSTGRES_TYPES
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase, PostgresWarehouse
from talkhouse.simulator import Simulator, World, serve
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.settings import SettingsError
from warehouse.earlier_releases.make import BETWEEN_SYNCS, CONVERSATIONS, FIXTURES, SECONDS, SEED

DUCKDB = sorted(file.name for file in FIXTURES.glob("*.duckdb.xz"))
POSTGRES = sorted(file.name for file in FIXTURES.glob("*.sql.xz"))
# as the databases themselves call their types
TOLD = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}
SPARE = {("activecampaign", "users"): {"deleted_at"}}
"""Columns that a table has since its upgrade, and nobody fills."""

SINCE, UNTIL = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)

every_release = pytest.mark.parametrize(
    "name",
    [
        # the oldest file is for every run
        name if name == DUCKDB[0] else pytest.param(name, marks=pytest.mark.deep)
        for name in (*DUCKDB, *POSTGRES)
    ],
)

Rows = list[dict[str, Any]]


def kept(name: str) -> bytes:
    return lzma.decompress((FIXTURES / name).read_bytes())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """The account that the fixtures were made of, two days later, when full scans are due."""
    world = World(SEED, CONVERSATIONS)
    for change in BETWEEN_SYNCS:
        getattr(world, change)()
    world.advance(SECONDS + 2 * DAY)
    with serve(world) as served:
        yield served


@pytest.fixture
def chosen(simulator: Simulator) -> list[Connection]:
    return [connection(*named) for named in simulated(simulator.world, simulator.url).items()]


@pytest.fixture
def restored(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Destination]:
    """What the release left."""
    monkeypatch.chdir(tmp_path)
    if name in DUCKDB:
        file = tmp_path / "talkhouse.duckdb"
        file.write_bytes(kept(name))
        yield DuckDbFile(file)
        return
    with request.getfixturevalue("postgres").database() as database:
        restore(database, kept(name).decode())
        yield database


def restore(database: PostgresDatabase, dump: str) -> None:
    url = database.credentials.to_native_representation()
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(dump)


def untouched(destination: Destination) -> Warehouse:
    """It as it is, of whatever version."""
    if isinstance(destination, DuckDbFile):
        return DuckDbWarehouse(destination.file, read_only=True)
    assert isinstance(destination, PostgresDatabase)
    return PostgresWarehouse(destination, read_only=True)


def keys(warehouse: Warehouse) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The keys of all rows, by dataset and table."""
    return {
        (dataset, table): sorted(
            tuple(str(value) for value in row.values())
            for row in warehouse.rows(
                f"select account, {', '.join(oracle.KEYS[dataset][table])} from {dataset}.{table}"
            )
        )
        for dataset in PROVIDERS
        for table in oracle.KEYS[dataset]
    }


def audit(warehouse: Warehouse) -> dict[str, Rows]:
    there = set(warehouse.tables("audit")) & {"runs", "scans", "builds"}
    return {name: warehouse.rows(f"select * from audit.{name}") for name in there}


@every_release
def test_a_warehouse_of_an_earlier_release_goes_on(
    restored: Destination, chosen: list[Connection], simulator: Simulator, tmp_path: Path
) -> None:
    with untouched(restored) as warehouse:
        had, did = keys(warehouse), audit(warehouse)

    for full in (False, True):
        outcomes = sync_all(chosen, SyncOptions(full=full), destination=restored)
        assert [each.error for each in outcomes] == [""] * len(chosen)
        simulator.world.advance(DAY)
    assert all(verdict.ok for verdict in verify_all(chosen, "", False, destination=restored))
    assert build(restored).failures == []
    assert_looked_at(chosen, restored)

    with restored.open(read_only=True) as warehouse:
        for each in chosen:
            its = Account(simulator, each.provider.name, warehouse, tmp_path, each.name)
            assert its.differences(gone=list(its.expected())) == {}
        has, doing = keys(warehouse), audit(warehouse)
        assert has.keys() >= had.keys() and any(had.values())
        assert doing.keys() >= did.keys()
        for table, found in has.items():
            assert len(set(found)) == len(found), table
            assert set(had[table]) <= set(found), table
        for table, rows in did.items():
            # with what columns there are by now
            assert all(any(row.items() <= it.items() for it in doing[table]) for row in rows), table
        assert_shaped(warehouse)
        assert_commented(warehouse)


@every_release
def test_tables_of_an_earlier_release_are_commented_when_it_is_opened(
    restored: Destination,
) -> None:
    with restored.open() as warehouse:
        assert_commented(warehouse)


def assert_commented(warehouse: Warehouse) -> None:
    for dataset in ("audit", *PROVIDERS):
        spare = {(of[1], name) for of, its in SPARE.items() if of[0] == dataset for name in its}
        commented(warehouse, dataset, but_for=spare)


def assert_looked_at(chosen: list[Connection], destination: Destination) -> None:
    """What only reads finds what it looks for."""
    told = look(chosen, {}, destination, None).statuses
    assert all(each.is_synced for each in told)
    assert all(each.complete_as_of for status in told for each in status.lists)
    plans = [plan_of(each) for each in chosen]
    assert [each.error for each in plan_all(chosen, plans, destination)] == [""] * len(chosen)


@every_release
def test_who_only_reads_an_older_warehouse_leaves_it_as_it_is(
    restored: Destination, chosen: list[Connection], name: str
) -> None:
    with untouched(restored) as warehouse:
        before = shape(warehouse)
    if name.startswith("0.1.0a1."):
        with pytest.raises(WarehouseError) as refused:
            assert_looked_at(chosen, restored)
        assert str(refused.value) == (
            f"{restored} is of an earlier release, and lacks what this needs: run `talkhouse sync` "
            "first, which brings it up to date"
        )
        with pytest.raises(SettingsError, match="has no run: `talkhouse sync` makes one"):
            past_runs(restored, 5)
    else:
        assert_looked_at(chosen, restored)
        assert past_runs(restored, 5)
    with untouched(restored) as warehouse:
        assert shape(warehouse) == before
    if isinstance(restored, DuckDbFile):
        assert restored.file.read_bytes() == kept(name)


def shape(warehouse: Warehouse) -> Rows:
    """Every table of every schema, with its columns."""
    return warehouse.rows(
        "select table_schema, table_name, column_name from information_schema.columns order by "
        "table_schema, table_name, column_name"
    )


def assert_shaped(warehouse: Warehouse) -> None:
    """Every table is as a new one would be."""
    types = DUCKDB_TYPES if isinstance(warehouse, DuckDbWarehouse) else POSTGRES_TYPES
    for dataset in PROVIDERS:
        for table, schema in tables_of(dataset).items():
            declared = {
                column: types[str(hints["data_type"])]
                for column, hints in schema["columns"].items()
            }
            there = {
                row["column_name"]: TOLD.get(kind := row["data_type"].lower(), kind)
                for row in warehouse.columns(dataset, table)
            }
            more = there.keys() - declared.keys() - {"_dlt_load_id"}
            assert more <= SPARE.get((dataset, table), set()), table
            assert declared.items() <= there.items(), table


@pytest.mark.parametrize("name", ["0.1.0a1.duckdb.xz"])
def test_what_the_first_release_left_unfinished_begins_anew(
    restored: Destination, chosen: list[Connection], simulator: Simulator, tmp_path: Path
) -> None:
    [hotline] = [each for each in chosen if each.provider.name == "octopush"]
    table = "octopush._dlt_pipeline_state"
    with DuckDbWarehouse(tmp_path / "talkhouse.duckdb") as warehouse:
        latest = f"select * from {table} order by _dlt_load_id desc limit 1"
        [stored] = warehouse.rows(latest)
        state = decompress_state(stored["state"])
        going = {"started_at": "2026-06-01T00:00:00+00:00", "page": 7, "falling": True}
        state["sources"]["octopush"]["resources"]["conversations_pages"] |= {
            "scan": going | {"mode": "recent", "bounds": ["None", "None", "None"]},
            "window": going | {"mode": "window", "bounds": ["None", f"{SINCE}", f"{UNTIL}"]},
        }
        warehouse.execute(
            f"update {table} set state = %s where _dlt_load_id = %s",
            [compress_state(state), stored["_dlt_load_id"]],
        )
    window = {"since": SINCE.isoformat(), "until": UNTIL.isoformat()}
    for how in (window, {}):
        [outcome] = sync_all([hotline], SyncOptions(**how), destination=restored)
        assert outcome.error == ""
    with restored.open() as warehouse:
        known = list_states(hotline, warehouse)["conversations"]
        its = Account(simulator, "octopush", warehouse, tmp_path, hotline.name)
        assert its.differences(gone=list(its.expected())) == {}
    assert known.window is None


@pytest.mark.both_destinations
def test_a_newer_warehouse_is_refused_and_left_as_it_is(destination: Destination) -> None:
    with destination.open() as warehouse:
        migrate(warehouse)
        warehouse.execute(
            f"insert into audit.versions values ({VERSION + 1}, '9.1.0', current_timestamp)"
        )
    for read_only in (True, False):
        with pytest.raises(WarehouseError) as refused:
            destination.open(read_only=read_only)
        assert str(refused.value) == (
            f"Talkhouse 9.1.0 brought the warehouse to version {VERSION + 1}, and this one, "
            f"{version('talkhouse')}, knows {VERSION}: install that release or a newer one; "
            "nothing was changed"
        )


@pytest.mark.both_destinations
def test_steps_that_were_cut_off_are_taken_again(destination: Destination) -> None:
    with destination.open() as warehouse:
        migrate(warehouse)
        tables = warehouse.tables("audit")
        warehouse.execute(
            "insert into audit.builds (built_at, outcome) values (current_timestamp, 'ok')"
        )
        built, taken = audit(warehouse), versions(warehouse)
        warehouse.execute("delete from audit.versions")
    with destination.open(read_only=True) as warehouse:
        assert versions(warehouse) == []
    # whoever opens it next to write
    with destination.open() as warehouse:
        assert warehouse.tables("audit") == tables
        assert audit(warehouse) == built
        assert versions(warehouse) == taken == [*range(1, VERSION + 1)]


@pytest.mark.both_destinations
def test_an_empty_warehouse_is_not_written_to_by_who_reads_it(destination: Destination) -> None:
    destination.open().close()
    with destination.open(read_only=True) as warehouse:
        assert not warehouse.has_schema("audit")


@pytest.mark.parametrize("name", ["0.1.0a4.duckdb.xz"])
def test_a_command_says_that_the_warehouse_is_newer(
    restored: DuckDbFile, simulator: Simulator, tmp_path: Path
) -> None:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator))
    with restored.open() as warehouse:
        warehouse.execute("update audit.versions set version = version + 100")
    shell.environment = {"DESTINATION__DUCKDB": str(restored.file)}
    before = restored.file.read_bytes()
    for command in ("sync", "status", "verify", "build"):
        assert f"this one, {version('talkhouse')}, knows {VERSION}: install that release" in (
            shell(command, exit_code=2).stderr
        )
    assert restored.file.read_bytes() == before


def versions(warehouse: Warehouse) -> list[int]:
    return [row["version"] for row in warehouse.rows("select version from audit.versions")]
