"""Threads: which are read, how far, and what is said of those that are short."""

from importlib import import_module

import pytest

from support.account import DAY, MINUTE, Account, Open
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.syncing.sync_connection import sync
from talkhouse.simulator import World
from talkhouse.sources.http.client import Client
from talkhouse.sources.scan.threads import Budget

pytestmark = pytest.mark.twin

with_threads = pytest.mark.parametrize("provider", ["chatwoot", "octopush"])


@with_threads
def test_an_edit_arrives_with_the_full_scan_while_its_thread_is_young(
    provider: str, account_of: Open
) -> None:
    account = account_of(provider)
    thread = account.converse()
    message = account.world.new_message(thread, kind="outgoing")
    account.later(MINUTE)
    account.synced()
    account.later()
    account.world.set_delivery(message.id, "failed")
    account.world.edit_message(message.id)
    account.synced()
    assert "messages" in account.differences()
    account.later(DAY)
    account.synced()
    assert account.differences() == {}


@with_threads
def test_a_thread_that_is_quiet_is_not_read_for_ever(provider: str, account_of: Open) -> None:
    account = account_of(provider, settings={"messages_lookback": "2d"})
    account.world.new_message(account.converse(), kind="incoming")
    account.synced()
    read = []
    for _ in range(5):
        account.later(DAY + MINUTE)
        read.append(account.synced().report.lists["messages"].pages)
    assert read[0] > 0 and read[-2:] == [0, 0]


@with_threads
def test_a_full_sync_reads_every_thread_again(provider: str, filled: Open) -> None:
    account = filled(provider)
    account.later(30 * DAY)
    account.synced()
    account.world.edit_message()
    account.world.delete_message()
    account.later(MINUTE)
    outcome = account.synced(full=True)
    assert outcome.report.lists["messages"].pages == len(account.world.served(provider))  # type: ignore[arg-type]
    assert account.differences() == {}


def test_a_history_that_was_imported_is_read_whole(account_of: Open) -> None:
    # its ids are new and its times are old: chosen by id and cut off by time, pages lack rows
    account = account_of("chatwoot")
    conversation = account.converse()
    account.world.new_message(conversation, kind="incoming")
    account.synced()
    account.later()
    account.world.import_history(conversation, 250)
    account.synced()
    assert account.differences() == {}


def test_a_thread_that_is_longer_than_an_answer_can_be_is_read_by_ranges_of_ids(
    account_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("talkhouse.sources.chatwoot.threads", "talkhouse.simulator.chatwoot_lists"):
        monkeypatch.setattr(import_module(module), "RANGE_LIMIT", 64)
    account = account_of("chatwoot", World(conversations=3))
    conversation = account.converse()
    account.world.new_message(conversation, kind="incoming")
    account.world.import_history(conversation, 300)
    account.synced()
    assert account.differences() == {}


def sync_within(account: Account, budget: Budget) -> tuple[int, int]:
    """The threads that a run read, and those that it left."""
    outcome = sync(account.wanted(plan_of(account.connection), message_budget=budget))
    assert outcome.ok
    progress = outcome.report.lists["messages"]
    return progress.pages, progress.left


@pytest.mark.twin
@with_threads
def test_what_a_budget_leaves_is_the_next_runs_first_work(provider: str, account_of: Open) -> None:
    account = account_of(provider, settings={"in_flight": 1})
    threads = len(account.world.served(provider))  # type: ignore[arg-type]
    read, left = sync_within(account, Budget(requests=3))
    assert 1 <= read <= 4
    assert left == threads - read
    newest = max(account.world.served(provider), key=lambda c: c.last_activity_at)  # type: ignore[arg-type]
    key = newest.id if provider == "chatwoot" else newest.uuid
    if provider == "chatwoot":
        assert key in account.column("message_reads", "conversation_id")
    assert sync_within(account, Budget(seconds=0)) == (0, left)
    assert sync_within(account, Budget()) == (left, 0)
    assert account.differences() == {}


def test_a_budget_is_of_requests_or_of_time() -> None:
    assert Budget.of("500") == Budget(requests=500)
    assert Budget.of("10m") == Budget(seconds=600)
    assert Budget.of("") == Budget()
    with pytest.raises(ValueError, match="'soon' is not a duration"):
        Budget.of("soon")


def test_a_thread_shorter_than_its_list_says_is_told(account_of: Open) -> None:
    account = account_of("octopush")
    thread = account.world.served("octopush")[0]
    account.fault("no_rows", "/messages/list", query=thread.uuid)
    outcome = account.synced()
    assert outcome.report.lists["messages"].missing == len(thread.public_messages)
    [noted] = [
        row["missing_messages"]
        for row in account.rows("message_reads", ["conversation_id", "missing_messages"])
        if row["conversation_id"] == thread.uuid
    ]
    assert noted == len(thread.public_messages)


def test_a_thread_without_the_message_that_its_list_shows_is_told(account_of: Open) -> None:
    account = account_of("chatwoot")
    thread = max(account.world.served("chatwoot"), key=lambda c: len(c.messages))
    account.fault("no_rows", f"/conversations/{thread.id}/messages")
    assert account.synced().report.lists["messages"].missing == 1


def test_a_thread_that_stays_active_is_read_whole_as_often(account_of: Open) -> None:
    account = account_of("chatwoot")
    thread = account.converse()
    message = account.world.new_message(thread, kind="outgoing")
    account.synced()
    account.world.edit_message(message.id)
    for _ in range(3):
        account.later(DAY / 2)
        account.world.new_message(thread, kind="incoming")
        account.synced()
    assert account.differences() == {}


def test_threads_that_cannot_be_read_do_not_keep_the_others_from_it(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=60), settings={"in_flight": 1})
    newest = sorted(account.world.served("chatwoot"), key=lambda c: c.last_activity_at)[-30:]
    for thread in newest:
        account.fault("status", f"/conversations/{thread.id}/messages", status=500)
    assert "threads could not be read" in account.sync().error
    account.later()
    account.sync()
    read = account.rows("message_reads", ["conversation_id", "read_at"])
    assert {row["conversation_id"] for row in read if row["read_at"]} == {
        c.id for c in account.world.served("chatwoot") if c not in newest
    }
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}


@with_threads
def test_a_message_in_the_second_of_the_last_one_arrives(
    provider: str, account_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_of(provider)
    # the simulator's clock stands still, and by the client's a slow machine would be past it
    monkeypatch.setattr(Client, "clock", lambda client: account.world.now.replace(microsecond=0))
    thread = account.converse()
    account.world.new_message(thread, kind="incoming")
    account.synced()
    account.world.new_message(thread, kind="incoming")
    account.later()
    account.synced()
    assert account.differences() == {}
