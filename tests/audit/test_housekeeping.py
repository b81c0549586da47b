"""What Talkhouse writes for itself does not grow for ever, and nothing goes that is needed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg2
import pytest

from support.account import HOUR, MINUTE, Account, Open
from support.shell import Shell, octopush
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.syncing.sync_connection import sync
from talkhouse.simulator import World, serve

NOTHING, LONG = timedelta(0), timedelta(days=90)


def synced(account: Account, keep: timedelta) -> Outcome:
    """A sync that must end well."""
    account.simulator.requests.clear()
    plan = plan_of(account.connection)
    outcome = sync(account.wanted(plan, keep=keep))
    assert outcome.error == ""
    return outcome


def written(account: Account) -> Account:
    """A thread of it moves, a new one begins, and short lists are due again."""
    account.later(HOUR)
    account.world.new_message(account.world.served("octopush")[0].id, kind="incoming")
    account.world.new_message(account.converse(), kind="incoming")
    # a thread that is read in the second of its last message is read again
    account.later()
    return account


def column(account: Account, query: str) -> list[object]:
    return [next(iter(row.values())) for row in account.warehouse.rows(query)]


def age(account: Account, run_id: object, days: int) -> None:
    account.warehouse.execute(
        f"update audit.runs set started_at = started_at - interval '{days} days' where run_id = %s",
        [run_id],
    )


@pytest.mark.both_destinations
def test_old_runs_go_with_their_scans(account_of: Open) -> None:
    account = account_of("octopush")
    for _ in range(3):
        synced(written(account), LONG)
    first, second, third = column(account, "select run_id from audit.runs order by run_id")
    age(account, first, 91)
    age(account, second, 89)
    account.warehouse.execute("delete from audit.sweeps")
    synced(written(account), LONG)
    assert column(account, "select run_id from audit.runs order by run_id")[:-1] == [second, third]
    assert column(account, "select distinct run_id from audit.scans order by run_id") == column(
        account, "select run_id from audit.runs order by run_id"
    )


@pytest.mark.both_destinations
def test_the_last_run_of_each_outcome_stays_and_the_last_whole_scan_of_each_list(
    account_of: Open,
) -> None:
    account = account_of("octopush")
    synced(account, LONG)
    account.fault("status", "/conversations", status=500)
    assert account.sync().error
    failed = column(account, "select max(run_id) from audit.runs")[0]
    assert account.sync().error
    [*_, last] = column(account, "select run_id from audit.runs order by run_id")
    account.simulator.faults.clear()
    good = column(account, "select min(run_id) from audit.runs")[0]
    for run_id in (good, failed, last):
        age(account, run_id, 400)
    account.warehouse.execute("delete from audit.sweeps")
    account.fault("status", status=401)
    plan = plan_of(account.connection)
    sync(account.wanted(plan, keep=LONG))
    runs = column(account, "select run_id from audit.runs order by run_id")
    assert runs[0] == good and failed not in runs and len(runs) == 2
    found = account.warehouse.rows(
        "select list, max(run_id) as run_id from audit.scans where is_finished group by list"
    )
    assert {row["list"] for row in found} == {"conversations", "agents", "messages"}


@pytest.mark.twin
def test_only_loads_that_rows_came_with_are_kept_and_the_newest_state(account_of: Open) -> None:
    account = account_of("octopush")
    for _ in range(4):
        synced(written(account), NOTHING)
    [state] = column(account, "select _dlt_load_id from octopush._dlt_pipeline_state")
    used = {state}
    for table in account.warehouse.tables("octopush"):
        used |= set(column(account, f"select _dlt_load_id from octopush.{table}"))
    assert set(column(account, "select load_id from octopush._dlt_loads")) == used
    assert len(column(account, "select version_hash from octopush._dlt_version")) == 1
    # a sync goes on from there, and reads no thread that it knows
    written(account)
    outcome = synced(account, NOTHING)
    assert outcome.report.lists["conversations"].mode == "recent"
    assert outcome.report.lists["messages"].pages == 2
    assert account.differences() == {}


@pytest.mark.both_destinations
def test_a_state_whose_load_is_not_whole_takes_no_other_away(account_of: Open) -> None:
    account = account_of("octopush")
    synced(account, NOTHING)
    states = "select _dlt_load_id from octopush._dlt_pipeline_state order by 1"
    [whole] = column(account, states)
    columns = "version, engine_version, pipeline_name, state, created_at"
    account.warehouse.execute(
        f"insert into octopush._dlt_pipeline_state ({columns}, _dlt_load_id, _dlt_id) "
        f"select {columns}, '9999999999.9', 'cut off' from octopush._dlt_pipeline_state"
    )
    account.later(MINUTE)
    synced(account, NOTHING)
    assert account.differences() == {}
    [kept, *cut_off] = column(account, states)
    assert str(kept) > str(whole)
    assert cut_off == ["9999999999.9"]


@pytest.mark.twin
def test_another_connection_keeps_what_is_its_own(
    account_of: Open, beside: Callable[..., Account]
) -> None:
    account = account_of("octopush")
    other = beside(account, "octopush", "other")
    synced(other, LONG)
    for _ in range(3):
        synced(written(account), NOTHING)
    assert len(column(account, "select run_id from audit.runs where account = 'other'")) == 1
    synced(other, NOTHING)
    for each in (account, other):
        synced(each, NOTHING)
        assert each.differences() == {}


@pytest.mark.twin
def test_rows_that_were_loaded_are_not_left_in_the_working_folder(account_of: Open) -> None:
    account = account_of("octopush")
    for _ in range(3):
        synced(written(account), LONG)
    left = {file.parent.name for file in account.folder.rglob("*") if file.is_file()}
    assert "loaded" not in left and "completed_jobs" not in left
    packages = [*(account.folder / "shop/load/loaded").iterdir()]
    assert len(packages) <= 3, "of the last run alone"


def test_it_is_done_once_in_a_hundredth_of_the_time(account_of: Open) -> None:
    account = account_of("octopush")
    synced(account, LONG)
    [swept] = column(account, "select swept_at from audit.sweeps")
    for _ in range(3):
        synced(written(account), LONG)
    assert column(account, "select swept_at from audit.sweeps") == [swept]
    account.warehouse.execute("update audit.sweeps set swept_at = swept_at - interval '22 hours'")
    synced(account, LONG)
    assert column(account, "select swept_at from audit.sweeps") > [swept]


@pytest.mark.twin
def test_a_run_that_could_not_tidy_is_noted_as_failed(account_of: Open) -> None:
    account = account_of("octopush")
    synced(account, LONG)
    account.warehouse.execute("drop table audit.sweeps")
    plan = plan_of(account.connection)
    with pytest.raises((duckdb.Error, psycopg2.Error)) as raised:
        sync(account.wanted(plan))
    query = "select outcome, error, ended_at is null as is_open from audit.runs order by run_id"
    assert account.warehouse.rows(query)[1:] == [
        {"outcome": "failed", "error": type(raised.value).__name__, "is_open": False}
    ]


def test_what_is_no_duration_is_refused(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    with serve(World(conversations=8)) as simulator:
        shell.configure(hotline=octopush(simulator))
        shell.environment = {"AUDIT__KEEP": "for ever"}
        assert (
            "talkhouse: audit.keep: 'for ever' is not a duration such as 90s, 5m, 1h30m or 7d"
            in shell("sync", exit_code=2).stderr
        )
    assert not shell.files() & {"talkhouse.duckdb"}
