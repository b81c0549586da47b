"""Rows that are older than they are to be retained go, and do not come back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.account import Account, Open, cut_off
from support.lanes import in_the_deep_lane
from support.shell import Shell, chatwoot
from talkhouse.pipelines.analytics.build import build
from talkhouse.pipelines.audit.unfinished import RETAIN, unrenewed
from talkhouse.pipelines.privacy.retain import preview, retain
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.verification.verify import verify
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Simulator, World
from talkhouse.sources.scan.threads import Budget

ALL_OF_IT = {"messages": timedelta(days=1)}
TABLES = ("conversations", "messages", "contacts", "csat_responses")


def windows(world: World, **parts: float) -> dict[str, timedelta]:
    """Windows that leave this part of the World's months, from its last day back."""
    ended = world.now
    began = min(c.created_at for c in world.conversations.values())
    now = datetime.now(UTC)
    return {name: now - (ended - part * (ended - began)) for name, part in parts.items()}


def rows_of(account: Account) -> dict[str, list[str]]:
    """The account's rows by table, without what tells when they were loaded."""
    found = {}
    for table in account.warehouse.tables(account.provider):
        if table not in ("drift", "rejects"):
            query = f"select * from {account.provider}.{table} where account = %s"
            rows = account.warehouse.rows(query, [account.name])
            dropped = ("account", "_dlt_load_id", "is_checked", "read_at", "reread_at")
            found[table] = sorted(
                str([v for k, v in row.items() if k not in dropped]) for row in rows
            )
    return found


@pytest.mark.twin
@pytest.mark.parametrize(
    "provider",
    ["chatwoot", "hilos", *in_the_deep_lane("activecampaign", "octopush", "pembalasan")],
)
def test_what_is_retained_is_what_a_sync_with_that_window_loads(
    account_of: Open,
    beside: Callable[..., Account],
    destination: Destination,
    provider: str,
) -> None:
    account = account_of(provider, World(conversations=40))
    account.synced()
    whole = rows_of(account)
    account.retention = windows(
        account.world, conversations=0.6, messages=0.3, contacts=0.7, csat_responses=0.5
    )
    other = beside(account, provider, "other")
    other.retention = account.retention
    other.synced()
    account.warehouse.close()
    said = preview(destination, account.retention)
    done = retain(destination, account.retention, [account.connection], None)
    assert done.rows == said.rows != {}
    with destination.open() as warehouse:
        account.warehouse = other.warehouse = warehouse
        assert rows_of(account) == rows_of(other) != whole
        account.later()
        outcome = account.synced(full=True)
        assert {p.changed for p in outcome.report.lists.values()} == {0}
        assert {p.deleted for p in outcome.report.lists.values()} == {0}
        assert verify(account.connection, warehouse, plan_of(account.connection), Budget()).ok


@pytest.mark.deep
def test_what_grew_too_old_since_is_neither_marked_deleted_nor_extra(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=40))
    account.synced()
    account.retention = windows(account.world, conversations=0.5, messages=0.5)
    for _ in range(3):
        account.later(90_000)
        account.synced(full=True)
    marked = "select count(*) as n from chatwoot.{} where deleted_at is not null"
    for table in ("conversations", "messages"):
        assert account.warehouse.rows(marked.format(table)) == [{"n": 0}]
    found = verify(account.connection, account.warehouse, plan_of(account.connection), Budget())
    assert {each.table: each.extra for each in found.tables if each.extra} == {}


def test_the_command_says_what_would_go_and_then_deletes_it(
    tmp_path: Path, simulator: Simulator
) -> None:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(shop=chatwoot(simulator))
    shell("sync")
    assert shell("retain").stdout == "no [retention] is set\n"
    shell.environment["RETENTION__MESSAGES"] = "1d"
    before = shell.rows("select count(*) from chatwoot.messages")
    said = json.loads(shell("retain", "--dry-run", "--json").stdout)
    assert said["windows"] == {"messages": 1.0}
    assert shell.rows("select count(*) from chatwoot.messages") == before
    assert [(said["rows"]["chatwoot.messages"],)] == before
    shell("retain")
    shell("sync", "--full")
    assert shell.rows("select count(*) from chatwoot.messages") == [(0,)]
    assert "nothing is older" in shell("retain").stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MESSAGES", "a year", "retention.messages: 'a year' is not a duration such as"),
        ("TEMPLATES", "1d", "the environment's RETENTION__: unknown setting templates;"),
    ],
)
def test_a_window_that_is_wrong_is_refused(
    tmp_path: Path, simulator: Simulator, name: str, value: str, said: str
) -> None:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(shop=chatwoot(simulator))
    shell.environment[f"RETENTION__{name}"] = value
    assert said in shell("sync", exit_code=2).stderr


@pytest.mark.twin
@pytest.mark.deep
def test_what_was_cut_off_is_made_up(
    account_of: Open, destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # builds leave their files in the working folder
    monkeypatch.chdir(tmp_path)
    account = account_of("chatwoot", World(conversations=40))
    account.synced()
    account.warehouse.close()
    build(destination)
    built = "select count(*) as n from unified.messages"
    with monkeypatch.context() as patched:
        patched.setattr("talkhouse.pipelines.privacy.rebuild.build", cut_off)
        with pytest.raises(KeyboardInterrupt):
            retain(destination, ALL_OF_IT, [account.connection], None)
    with destination.open(read_only=True) as warehouse:
        assert warehouse.rows("select count(*) as n from chatwoot.messages") == [{"n": 0}]
        assert warehouse.rows(built) != [{"n": 0}]
        tables = unrenewed(warehouse, RETAIN)
    assert "chatwoot.messages" in tables
    done = retain(destination, ALL_OF_IT, [account.connection], None)
    assert (done.rows, done.made_up, done.failures) == ({}, tables, [])
    with destination.open(read_only=True) as warehouse:
        assert warehouse.rows(built) == [{"n": 0}]
        assert unrenewed(warehouse, RETAIN) == []
