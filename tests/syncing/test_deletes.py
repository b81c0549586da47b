"""What a provider has no more is marked, and loses the mark when it comes back."""

from typing import Any

import pytest

from support.account import DAY, HOUR, MINUTE, SETTINGS, Account, Open
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.syncing.tombstones import mark
from talkhouse.simulator import World
from talkhouse.simulator.entities import Message
from talkhouse.sources.scan.list_state import ListState

pytestmark = pytest.mark.twin

every_provider = pytest.mark.parametrize("provider", SETTINGS)
KEY = {"chatwoot": "id", "pembalasan": "id"}


def key_of(account: Account, conversation: int) -> Any:
    """The conversation's key in the warehouse, given the World's number of it."""
    thread = account.world.conversations[conversation]
    return thread.id if account.provider in KEY else thread.uuid


def marked(account: Account, table: str = "conversations", key: str = "") -> list[Any]:
    """The keys of the rows that are marked deleted."""
    key = key or ("conversation_id" if account.provider == "octopush" else "id")
    return [row[key] for row in account.rows(table, [key, "deleted_at"]) if row["deleted_at"]]


def full_scan(account: Account) -> None:
    account.later()
    account.synced(full=True)


def take_a_message(account: Account) -> Message:
    """The message that is no more: the first of the longest thread."""
    thread = max(account.world.served("octopush"), key=lambda each: len(each.public_messages))
    gone = thread.public_messages[0]
    thread.messages.remove(gone)
    del account.world.messages[gone.id]
    return gone


@every_provider
def test_a_conversation_is_marked_by_the_second_full_scan_that_misses_it(
    provider: str, filled: Open
) -> None:
    account = filled(provider)
    gone = account.oldest()
    key = key_of(account, gone)
    account.world.delete_conversation(gone)
    full_scan(account)
    assert marked(account) == []
    full_scan(account)
    assert marked(account) == [key]
    account.world.restore_conversation(gone)
    full_scan(account)
    assert marked(account) == []
    assert account.differences() == {}


def test_a_recent_run_marks_nothing(filled: Open) -> None:
    account = filled("hilos")
    account.world.delete_conversation(account.oldest())
    for _ in range(3):
        account.later()
        account.synced()
    assert marked(account) == []


def test_what_one_scan_of_each_two_sees_is_not_marked(account_of: Open) -> None:
    account = account_of("hilos")
    gone = account.oldest()
    account.synced()
    for _ in range(3):
        account.world.delete_conversation(gone)
        full_scan(account)
        account.world.restore_conversation(gone)
        full_scan(account)
        assert marked(account) == []


@pytest.mark.twin
@pytest.mark.parametrize("provider", ["chatwoot", "hilos"])
def test_a_contact_that_was_merged_into_another_is_marked(provider: str, filled: Open) -> None:
    account = filled(provider)
    first, second = [account.converse() for _ in range(2)]
    account.synced()
    into, merged = [account.world.conversations[each].contact_id for each in (first, second)]
    gone = account.world.contacts[merged]
    account.world.merge_contacts(into, merged)
    full_scan(account)
    full_scan(account)
    assert marked(account, "contacts") == [gone.id if provider == "chatwoot" else gone.uuid]
    assert account.differences(gone=["contacts", "contact_inboxes", "contact_tags"]).keys() == set()


def test_what_other_lists_say_of_a_contact_keeps_it(account_of: Open) -> None:
    # an anonymous visitor is in no list of contacts: only its conversations tell of it
    account = account_of("chatwoot", World(conversations=40))
    account.synced()
    for _ in range(3):
        full_scan(account)
    assert marked(account, "contacts") == []
    assert account.differences() == {}


def test_a_list_that_is_forbidden_marks_nothing(filled: Open) -> None:
    account = filled("chatwoot")
    account.fault("status", "/contacts", status=403)
    for _ in range(3):
        full_scan(account)
    assert marked(account, "contacts") == []


def test_agents_that_leave_are_marked(filled: Open) -> None:
    account = filled("chatwoot")
    gone = account.world.remove_agent()
    for _ in range(2):
        account.later(HOUR)
        account.synced()
    assert marked(account, "agents") == [gone.id]


def test_rows_before_the_start_date_are_not_marked(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=40))
    account.synced()
    account.settings["start_date"] = "2026-04-20"
    full_scan(account)
    full_scan(account)
    assert marked(account) == []


@pytest.mark.both_destinations
def test_a_message_that_its_thread_has_no_more_is_marked(filled: Open) -> None:
    account = filled("octopush")
    gone = take_a_message(account)
    account.later(MINUTE)
    account.synced(full=True)
    assert marked(account, "messages", "message_id") == [gone.source_id or f"sms_{gone.uuid}"]
    assert account.differences(gone=["messages"]) == {}


def test_the_mark_survives_quiet_runs(filled: Open) -> None:
    account = filled("octopush")
    account.world.delete_conversation(account.oldest())
    full_scan(account)
    full_scan(account)
    before = account.rows("conversations", ["conversation_id", "deleted_at"])
    account.later(DAY)
    account.synced()
    after = account.rows("conversations", ["conversation_id", "deleted_at"])
    assert sorted(after, key=str) == sorted(before, key=str)


@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_messages_go_and_come_back_with_their_conversation(provider: str, filled: Open) -> None:
    account = filled(provider)
    gone = max(account.world.served(provider), key=lambda c: len(c.public_messages)).id  # type: ignore[arg-type]
    messages = len(account.rows("messages", ["account"]))
    account.world.delete_conversation(gone)
    there = len(account.expected()["messages"])
    for _ in range(2):
        account.later(DAY)
        account.synced()
    key = "message_id" if provider == "octopush" else "id"
    assert len(marked(account, "messages", key)) == messages - there > 0
    account.world.restore_conversation(gone)
    full_scan(account)
    assert marked(account, "messages", key) == []
    assert account.differences() == {}


def test_a_run_that_was_killed_before_it_marked_leaves_it_to_the_next(filled: Open) -> None:
    account = filled("octopush")
    take_a_message(account)
    account.later(MINUTE)
    account.synced(full=True)
    account.warehouse.execute("update octopush.messages set deleted_at = null")
    account.warehouse.execute("update octopush.message_reads set is_checked = null")
    account.later(MINUTE)
    account.synced()
    assert len(marked(account, "messages", "message_id")) == 1


def test_a_clock_of_this_machine_that_went_back_marks_nothing(filled: Open) -> None:
    account = filled("hilos")
    connection = account.connection
    table = next(iter(connection.provider.lists(connection.settings))).tables[0]
    later, earlier = "9000000000.5", "1000000000.5"
    for scans in ([later, earlier], [earlier, earlier]):
        at = account.world.now.isoformat()
        states = {"conversations": ListState(full_scans=scans, full_scan_at=at)}
        plan = plan_of(connection)
        assert mark(connection, account.warehouse, plan, table, states) == 0


@pytest.mark.parametrize("lists", [("conversations", "contacts"), ("contacts", "conversations")])
def test_a_row_of_two_lists_is_marked_once_two_scans_of_both_missed_it(
    lists: tuple[str, str], account_of: Open
) -> None:
    """As when full scans are spread, so that those of two lists do not begin with one load."""
    account = account_of("chatwoot")
    account.synced()
    connection, plan = account.connection, plan_of(account.connection)
    filling = connection.provider.lists(connection.settings)
    table = next(listing for listing in filling if listing.name == "contacts").tables[0]
    rows = len(account.rows("contacts", ["id"]))
    account.warehouse.execute("update chatwoot.contacts set _dlt_load_id = '2000000000.5'")
    times = ["2030-01-02T00:00:00+00:00", "2030-01-01T00:00:00+00:00"]
    for first, marks in (("1000000000.5", 0), ("2500000000.5", rows)):
        scans = [[first, "4000000000.5"], ["3000000000.5", "4000000000.5"]]
        states = {
            name: ListState(full_scans=loads, full_scan_at=at)
            for name, loads, at in zip(lists, scans, times, strict=True)
        }
        assert mark(connection, account.warehouse, plan, table, states) == marks
    found = {str(row["deleted_at"])[:10] for row in account.rows("contacts", ["deleted_at"])}
    assert found == {"2030-01-02"}
