"""A sync in which nothing is new loads no package, and still notes what it saw."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from dlt.common.versioned_state import decompress_state, generate_state_version_hash

from support import oracle
from support.account import DAY, HOUR, MINUTE, Account, Open
from talkhouse.pipelines.audit.row_changes import changing, marks
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.load_chunk import Loader
from talkhouse.simulator import World
from talkhouse.sources.registry import PROVIDERS


def loads(account: Account) -> int:
    """How many load packages there are, with or without rows."""
    query = f"select count(*) as n from {account.provider}._dlt_loads"
    return int(account.warehouse.rows(query)[0]["n"])


def stored_state(account: Account) -> dict[str, Any]:
    """The newest state that dlt would restore."""
    [row] = account.warehouse.rows(
        f"select state, version, version_hash from {account.provider}._dlt_pipeline_state "
        "where pipeline_name = %s order by _dlt_load_id desc limit 1",
        [account.name],
    )
    state = decompress_state(row["state"])
    assert (state["_state_version"], state["_version_hash"]) == (
        row["version"],
        row["version_hash"],
    )
    return state


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, lets no package be loaded any more."""

    def refused(*of: object) -> None:
        raise AssertionError("a package is loaded")

    return lambda: monkeypatch.setattr(Loader, "_loaded", refused)


@pytest.mark.twin
@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_new_is_no_package(
    account_of: Open, provider: str, no_package: Callable[[], None]
) -> None:
    account = account_of(provider)
    account.synced()
    before, rows, state = loads(account), account.contents(), stored_state(account)
    # its short lists are due, and what came in the last second of a thread is settled
    account.later(2 * HOUR)
    account.synced(only=["messages"] if provider in ("chatwoot", "octopush") else [])
    no_package()
    outcome = account.synced()
    assert outcome.rows == {}
    assert loads(account) > before  # what was seen has a load of its own
    assert account.differences() == {}
    changed = {table for table, old in rows.items() if account.contents()[table] != old}
    assert changed <= {"message_reads"}

    noted = stored_state(account)
    assert noted["_state_version"] > state["_state_version"]
    assert noted["_version_hash"] == generate_state_version_hash(noted)
    resources, before_it = (each["sources"][provider]["resources"] for each in (noted, state))
    assert resources.keys() == before_it.keys()
    if provider != "pembalasan":  # whose time is this machine's, of whole seconds
        assert all(
            resources[name]["watermark"] > before_it[name]["watermark"] for name in resources
        )


@pytest.mark.both_destinations
def test_dlt_goes_on_from_a_state_that_is_noted_without_it(account_of: Open) -> None:
    account = account_of("hilos")
    account.synced()
    for _ in range(2):
        account.later(HOUR)
        account.synced()
    noted = stored_state(account)
    account.converse()
    account.later()
    assert account.synced(only=["conversations"]).rows["conversations"]
    resources = stored_state(account)["sources"]["hilos"]["resources"]
    for name, state in noted["sources"]["hilos"]["resources"].items():
        assert name == "conversations_pages" or resources[name] == state


@pytest.mark.twin
@pytest.mark.parametrize("provider", ["chatwoot", "hilos", "pembalasan"])
def test_what_two_quiet_full_scans_miss_is_marked_deleted(
    account_of: Open, provider: str, no_package: Callable[[], None]
) -> None:
    account = account_of(provider)
    for _ in range(2):
        account.synced(full=True)
        account.later(DAY)
    [key] = oracle.KEYS[provider]["conversations"]
    before = set(account.column("conversations", key))
    account.world.delete_conversation(account.oldest())
    no_package()
    marked = []
    for _ in range(2):
        account.synced(full=True, only=["conversations"])
        account.later(DAY)
        rows = account.rows("conversations", [key, "deleted_at"])
        marked.append({row[key] for row in rows if row["deleted_at"]})
    assert marked == [set(), before - {row[key] for row in account.expected()["conversations"]}]
    assert len(marked[1]) == 1


@pytest.mark.twin
@pytest.mark.parametrize(
    "provider, change",
    [("chatwoot", "untag"), ("chatwoot", "tag"), ("hilos", "untag"), ("activecampaign", "untag")],
)
def test_a_row_that_belongs_to_another_and_went_is_a_change(
    account_of: Open, provider: str, change: str
) -> None:
    account = account_of(provider)
    account.synced()
    account.later()
    getattr(account.world, change)()
    account.synced(full=True)
    assert account.differences() == {}


def test_presence_alone_is_loaded_by_full_scans_only(account_of: Open) -> None:
    account = account_of("chatwoot")
    column = "meta__assignee__availability_status"

    def stored(table: str, name: str) -> set[Any]:
        return {row[name] for row in account.rows(table, [name])}

    account.synced()
    before = stored("conversations", column)
    account.warehouse.execute("update chatwoot.agents set availability_status = 'away'")
    account.warehouse.execute(f"update chatwoot.conversations set {column} = 'away'")
    account.later()
    account.synced()
    assert stored("agents", "availability_status") == stored("conversations", column) == {"away"}
    account.later(2 * HOUR)
    account.synced()
    assert "away" not in stored("agents", "availability_status")
    account.synced(full=True)
    assert stored("conversations", column) == before


@pytest.mark.parametrize("provider", PROVIDERS)
def test_short_lists_are_read_again_when_they_are_an_hour_old(
    account_of: Open, provider: str
) -> None:
    account = account_of(provider)
    lists = account.synced().report.lists
    short = {
        listing.name
        for listing in account.connection.provider.lists(account.connection.settings)
        if listing.fresh_for
    }
    assert bool(short) == (provider != "pembalasan")
    account.later(50 * MINUTE)
    assert account.synced().report.lists.keys() == lists.keys() - short
    # but where they are asked for
    for name in short:
        assert account.synced(only=[name]).report.lists.keys() == {name}
    account.later(50 * MINUTE)
    assert account.synced(full=True).report.lists.keys() == lists.keys()
    account.later(2 * HOUR)
    assert account.synced().report.lists.keys() == lists.keys()


@pytest.mark.twin
@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_the_threads_of_a_first_sync_come_with_its_lists(
    account_of: Open, beside: Callable[..., Account], provider: str
) -> None:
    account = account_of(provider)
    account.synced()
    assert loads(account) == 1
    assert account.differences() == {}
    other = beside(account, provider, "other")
    other.synced()
    assert loads(account) == 2
    assert other.differences() == {}


def test_a_first_sync_that_finds_nothing_has_a_state(
    account_of: Open, beside: Callable[..., Account]
) -> None:
    account = account_of("hilos")
    account.synced()
    other = beside(account, "hilos", "other")
    for until in ("2001-01-01", "2002-01-01"):
        window = {"since": "2000-01-01", "until": until, "only": ["conversations"]}
        assert not any(other.synced(**window).rows.values())
    other.synced()
    assert other.differences() == {}


@pytest.mark.twin
def test_a_first_sync_that_cannot_read_threads_keeps_its_lists(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.fault("status", "/messages", status=401)
    assert "401" in account.sync().error
    assert account.differences().keys() == {"messages", "attachments", "message_reads"}
    account.simulator.faults.clear()
    account.synced()
    assert account.differences() == {}


def test_a_long_first_sync_reads_its_threads_after_its_lists(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.synced(chunk_rows=8)
    assert loads(account) > 2
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_threads_alone_may_be_asked_for_first(account_of: Open, provider: str) -> None:
    account = account_of(provider)
    for _ in range(2):
        account.synced(only=["messages"])
    account.synced()
    assert account.differences() == {}


def test_a_list_that_ends_in_an_unchanged_chunk_is_not_forgotten_by_the_next_package(
    account_of: Open,
) -> None:
    account = account_of("hilos", World(conversations=120))
    for _ in range(2):
        account.synced()
        account.later(DAY)
    # only the chunks of the first and of the last conversation have something to load
    for order in ("asc", "desc"):
        account.warehouse.execute(
            "update hilos.conversations set status = 'other' where id in "
            f"(select id from hilos.conversations order by created_on {order} limit 1)"
        )
    report = account.synced(chunk_rows=20).report
    states = list_states(account.connection, account.warehouse)
    assert {name: state.watermark for name, state in states.items()} == {
        name: progress.watermark for name, progress in report.lists.items()
    }
    assert not any(state.full or state.recent for state in states.values())
    account.later()
    account.converse()
    account.later()
    account.synced()
    assert account.differences() == {}


def test_what_a_killed_load_was_to_bring_comes_no_more(account_of: Open) -> None:
    account = account_of("hilos")
    account.synced()
    with suppress(KeyboardInterrupt), changing(account.warehouse, account.name):
        raise KeyboardInterrupt
    assert marks(account.warehouse) is None
    account.later()
    account.synced(only=["conversations"])
    assert marks(account.warehouse)


def test_what_a_killed_sync_left_in_files_goes_with_the_next_one(account_of: Open) -> None:
    account = account_of("hilos")
    account.synced()
    left = [
        account.folder / "shop.chunks/contacts.parquet",
        account.folder / "shop/normalize/contacts.parquet",
        account.folder / "shop/load/new/contacts.parquet",
    ]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("+351912345678")
    account.later()
    assert account.synced().rows == {}
    assert not any(file.exists() for file in left)
    account.converse()
    account.later()
    account.synced()
    assert account.differences() == {}
