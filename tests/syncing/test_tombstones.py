"""Which rows of a few, loaded by hand, are marked deleted; nothing is synced."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from support.account import SETTINGS
from talkhouse.pipelines.audit.row_changes import marks
from talkhouse.pipelines.settings.connections import Connection, connection
from talkhouse.pipelines.syncing.tombstones import (
    count_distinct_rows,
    mark,
    mark_deleted_messages,
    mark_deleted_rows,
    mark_messages_of_deleted_conversations,
)
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.dlt_source.run import Report
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.progress import Plan, Progress
from talkhouse.sources.scan.scan_modes import QUARANTINED_AT_MOST

DAY = timedelta(days=1)
NOTICED = datetime(2026, 5, 2, tzinfo=UTC)
BEFORE = datetime(2026, 5, 1, tzinfo=UTC)
SCANS = ["3", "5"]
STATE = ListState(full_scans=SCANS, full_scan_at=NOTICED.isoformat())


@pytest.fixture
def warehouse(in_memory: Warehouse) -> Warehouse:
    return in_memory


def shop(provider: str = "chatwoot", **retention: timedelta) -> Connection:
    values = {"provider": provider, "base_url": "http://127.0.0.1:1", **SETTINGS[provider]}
    return connection("shop", values, retention=retention)


def make(warehouse: Warehouse, table: str, columns: str, *rows: tuple[Any, ...]) -> None:
    """A table of the dataset chatwoot, and its rows."""
    warehouse.execute("create schema if not exists chatwoot")
    warehouse.execute(f"create table chatwoot.{table} ({columns})")
    for row in rows:
        places = ", ".join(["%s"] * len(row))
        warehouse.execute(f"insert into chatwoot.{table} values ({places})", row)


def conversations(warehouse: Warehouse, *rows: tuple[Any, ...]) -> None:
    """Conversations: account, id, the load that brought them, when they were active, deleted."""
    columns = (
        "account text, id bigint, _dlt_load_id text, last_activity_at timestamptz, "
        "deleted_at timestamptz"
    )
    make(warehouse, "conversations", columns, *rows)


def deleted(warehouse: Warehouse, table: str = "conversations") -> dict[Any, Any]:
    """When each row that is marked was deleted, by account and id."""
    query = f"select account, id, deleted_at from chatwoot.{table} where deleted_at is not null"
    return {(row["account"], row["id"]): row["deleted_at"] for row in warehouse.rows(query)}


def table_of(name: str, provider: str = "chatwoot") -> Table:
    tables = (
        table
        for listing in shop(provider).provider.lists(shop(provider).settings)
        for table in listing.tables
    )
    return next(table for table in tables if table.record.table == name)


def test_a_row_is_marked_that_is_older_than_both_scans_with_when_the_last_began(
    warehouse: Warehouse,
) -> None:
    conversations(
        warehouse,
        ("shop", 1, "2", NOTICED, None),
        ("shop", 2, "3", NOTICED, None),
        ("shop", 3, "4", NOTICED, None),
        ("shop", 4, "2", None, None),
        ("shop", 5, "2", NOTICED, BEFORE),
        ("other", 1, "2", NOTICED, None),
    )
    states = {"conversations": STATE}
    assert mark(shop(), warehouse, Plan(), table_of("conversations"), states) == 2
    assert deleted(warehouse) == {("shop", 1): NOTICED, ("shop", 4): NOTICED, ("shop", 5): BEFORE}
    # the change is recorded for builds under the connection's name
    assert [name for name, _ in marks(warehouse) or ()] == ["shop"]


@pytest.mark.parametrize(
    "changed, before, marked",
    [
        # what the provider has may have been missed by one scan
        ({"full_scans": ["5"]}, "", False),
        ({"full_scans": []}, "", False),
        # this machine's clock went back
        ({"full_scans": ["5", "5"]}, "", False),
        ({"full_scans": ["5", "3"]}, "", False),
        # a comparison that missed it is as good as a scan, whatever the clock did
        ({"full_scans": ["5"]}, "3", True),
        ({"full_scans": ["5", "5"]}, "3", True),
        ({}, "2", False),
        # of rows that could not be read, it is known which they are, or it may be any
        ({"quarantine": [7, 8]}, "", True),
        ({"quarantine": [7, 1]}, "", False),
        ({"quarantine": ["row 7"]}, "", False),
        ({"quarantine": [7, "page 3"]}, "", False),
        ({"quarantine": ["page 3"]}, "3", False),
        ({"quarantine": list(range(2, QUARANTINED_AT_MOST + 1))}, "", True),
        ({"quarantine": list(range(2, QUARANTINED_AT_MOST + 2))}, "", False),
    ],
)
def test_no_row_is_marked_that_may_still_be_there(
    changed: dict[str, Any], before: str, marked: bool, warehouse: Warehouse
) -> None:
    conversations(warehouse, ("shop", 1, "2", NOTICED, None))
    states = {"conversations": replace(STATE, **changed)}
    table = table_of("conversations")
    assert mark(shop(), warehouse, Plan(), table, states, before) == marked
    assert len(deleted(warehouse)) == marked


def test_of_a_list_that_was_never_read_no_row_is_marked(warehouse: Warehouse) -> None:
    conversations(warehouse, ("shop", 1, "2", NOTICED, None))
    assert mark(shop(), warehouse, Plan(), table_of("conversations"), {}) == 0


def test_what_is_not_read_for_its_age_is_not_marked(warehouse: Warehouse) -> None:
    today = datetime.now(UTC)
    ages = (today - 5 * DAY, today - 3 * DAY, today - DAY, None)
    rows = [("shop", id, "2", at, None) for id, at in enumerate(ages)]
    conversations(warehouse, *rows)
    states, table = {"conversations": STATE}, table_of("conversations")
    plan = Plan(start_date=today - 3 * DAY)
    assert mark(shop(conversations=2 * DAY), warehouse, plan, table, states) == 2
    assert deleted(warehouse).keys() == {("shop", 2), ("shop", 3)}
    assert mark(shop(conversations=9 * DAY), warehouse, plan, table, states) == 1
    assert deleted(warehouse).keys() == {("shop", 1), ("shop", 2), ("shop", 3)}
    # a start date that is set no more leaves nothing out
    assert mark(shop(), warehouse, Plan(), table, states) == 1


@pytest.mark.parametrize(
    "plan, changed, marks",
    [
        (Plan(), {}, 1),
        # of a contact that conversations tell of, the start date may hide the last one
        (Plan(start_date=BEFORE), {}, 0),
        # which of the rows has it that could not be read, nobody knows
        (Plan(), {"quarantine": [7]}, 0),
    ],
)
def test_a_row_of_two_lists_is_marked_only_if_both_were_read_whole(
    plan: Plan, changed: dict[str, Any], marks: int, warehouse: Warehouse
) -> None:
    columns = (
        "account text, id bigint, _dlt_load_id text, created_at timestamptz, deleted_at timestamptz"
    )
    make(warehouse, "contacts", columns, ("shop", 1, "2", BEFORE - DAY, None))
    table = table_of("contacts")
    states = {"contacts": STATE, "conversations": replace(STATE, **changed)}
    assert mark(shop(), warehouse, plan, table, states) == marks
    assert mark(shop(), warehouse, plan, table, {"contacts": STATE}) == 0


def test_rows_that_come_inside_others_are_not_marked_while_one_of_those_is_unreadable(
    warehouse: Warehouse,
) -> None:
    warehouse.execute("create schema hilos")
    warehouse.execute(
        "create table hilos.teams (account text, id text, _dlt_load_id text, "
        "deleted_at timestamptz)"
    )
    warehouse.execute("insert into hilos.teams values ('shop', '1', '2', null)")
    table = table_of("teams", "hilos")
    for quarantine, marked in (([7], 0), ([], 1)):
        states = {"users": replace(STATE, quarantine=quarantine)}
        assert mark(shop("hilos"), warehouse, Plan(), table, states) == marked


def test_the_lists_that_were_read_whole_are_marked_and_counted(warehouse: Warehouse) -> None:
    conversations(warehouse, *(("shop", id, "2", NOTICED, None) for id in (1, 2)))
    short = "account text, id bigint, _dlt_load_id text, deleted_at timestamptz"
    for table in ("csat_responses", "agents", "inboxes", "teams"):
        make(warehouse, table, f"{short}, created_at timestamptz", ("shop", 1, "2", None, None))
    make(
        warehouse,
        "contacts",
        f"{short}, last_activity_at timestamptz",
        *(("shop", id, "2", None, None) for id in (1, 2, 3)),
    )
    report = Report(
        {
            # agents were not read, and inboxes not to their end
            "conversations": Progress(is_whole=True),
            "contacts": Progress(is_whole=True),
            "csat_responses": Progress(),
            "inboxes": Progress(is_whole=False),
            "teams": Progress(is_whole=True),
        }
    )
    states = {name: STATE for name in (*report.lists, "agents")}
    mark_deleted_rows(shop(), warehouse, Plan(), report, states)
    counts = {name: progress.deleted for name, progress in report.lists.items()}
    assert counts == {
        # those of contacts are counted with the first list that tells of them
        "conversations": 2 + 3,
        "contacts": 0,
        "csat_responses": 0,
        "inboxes": 0,
        "teams": 1,
    }
    assert deleted(warehouse, "agents") == deleted(warehouse, "inboxes") == {}
    assert deleted(warehouse, "teams").keys() == {("shop", 1)}


def test_what_scans_brought_is_counted_but_for_rows_that_other_lists_bring_too(
    warehouse: Warehouse,
) -> None:
    columns = "account text, id bigint, _dlt_load_id text"
    loads = [("shop", "2"), ("shop", "3"), ("shop", "4"), ("other", "4")]
    for table in ("conversations", "contacts", "csat_responses", "agents", "teams"):
        rows = [(account, id, load) for id, (account, load) in enumerate(loads)]
        make(warehouse, table, columns, *rows)
    report = Report(
        {
            "contacts": Progress(is_whole=True, loaded_from="3"),
            "csat_responses": Progress(loaded_from="3"),
            "agents": Progress(is_whole=True, loaded_from="3"),
            "teams": Progress(is_whole=True, loaded_from="9"),
        }
    )
    count_distinct_rows(shop(), warehouse, report)
    counts = {name: progress.distinct for name, progress in report.lists.items()}
    assert counts == {"contacts": None, "csat_responses": None, "agents": 2, "teams": 0}


def messages(warehouse: Warehouse, *rows: tuple[Any, ...]) -> None:
    """Messages: account, conversation, id, the load that brought them, when they came, deleted."""
    columns = (
        "account text, conversation_id bigint, id bigint, _dlt_load_id text, "
        "created_at timestamptz, deleted_at timestamptz"
    )
    make(warehouse, "messages", columns, *rows)


def threads(warehouse: Warehouse, *rows: tuple[Any, ...]) -> None:
    """Threads that were read: account, conversation, the load, when, whole, checked."""
    columns = (
        "account text, conversation_id bigint, _dlt_load_id text, read_at timestamptz, "
        "is_whole boolean, is_checked boolean"
    )
    make(warehouse, "message_reads", columns, *rows)


def checked(warehouse: Warehouse) -> set[tuple[str, int]]:
    query = "select account, conversation_id as id from chatwoot.message_reads where is_checked"
    return {(row["account"], row["id"]) for row in warehouse.rows(query)}


def test_messages_are_marked_that_their_thread_has_no_more(warehouse: Warehouse) -> None:
    today = datetime.now(UTC)
    threads(
        warehouse,
        ("shop", 1, "5", NOTICED, True, None),
        ("shop", 2, "5", NOTICED, False, None),  # its newest messages alone
        ("shop", 3, "5", NOTICED, True, True),  # looked at before
        ("shop", 4, "6", NOTICED, True, None),  # a load that did not come to its end
        ("shop", 5, "5", NOTICED, True, False),
        ("other", 1, "5", BEFORE, True, None),
    )
    make(warehouse, "_dlt_loads", "load_id text, status bigint", ("5", 0), ("6", 1))
    messages(
        warehouse,
        ("shop", 1, 10, "4", today, None),
        ("shop", 1, 11, "5", today, None),  # the thread has it
        ("shop", 1, 12, "4", today, BEFORE),  # marked before
        ("shop", 1, 13, "4", today - 3 * DAY, None),  # too old to be stored
        ("shop", 1, 14, "4", None, None),
        ("shop", 2, 20, "4", today, None),
        ("shop", 3, 30, "4", today, None),
        ("shop", 4, 40, "4", today, None),
        ("shop", 5, 50, "4", today, None),
        ("other", 1, 10, "4", today, None),
    )
    mark_deleted_messages(shop(messages=2 * DAY), warehouse)
    assert deleted(warehouse, "messages") == {
        ("shop", 12): BEFORE,
        **{("shop", id): NOTICED for id in (10, 14, 50)},
    }
    assert checked(warehouse) == {("shop", 1), ("shop", 3), ("shop", 5)}
    assert [name for name, _ in marks(warehouse) or ()] == ["shop"]


def test_messages_go_with_their_conversation_and_its_thread_is_read_anew(
    warehouse: Warehouse,
) -> None:
    conversations(
        warehouse,
        ("shop", 1, "2", NOTICED, NOTICED),
        ("shop", 2, "2", NOTICED, None),
        ("other", 1, "2", NOTICED, BEFORE),
        ("other", 2, "2", NOTICED, BEFORE),
    )
    messages(
        warehouse,
        ("shop", 1, 10, "2", NOTICED, None),
        ("shop", 1, 11, "2", NOTICED, BEFORE),
        ("shop", 2, 20, "2", NOTICED, None),
        ("other", 1, 10, "2", NOTICED, None),
    )
    read = [("shop", 1), ("shop", 2), ("other", 1)]
    threads(warehouse, *((*each, "2", NOTICED, True, True) for each in read))
    mark_messages_of_deleted_conversations(shop(), warehouse)
    assert deleted(warehouse, "messages") == {("shop", 10): NOTICED, ("shop", 11): BEFORE}
    assert checked(warehouse) == {("shop", 2), ("other", 1)}
    assert [name for name, _ in marks(warehouse) or ()] == ["shop"]


def test_before_messages_or_conversations_are_loaded_none_of_them_goes(
    warehouse: Warehouse,
) -> None:
    threads(warehouse, ("shop", 1, "2", NOTICED, True, True))
    mark_messages_of_deleted_conversations(shop(), warehouse)
    mark_messages_of_deleted_conversations(shop("hilos"), warehouse)
    warehouse.execute("drop table chatwoot.message_reads")
    conversations(warehouse, ("shop", 1, "2", NOTICED, NOTICED))
    mark_messages_of_deleted_conversations(shop(), warehouse)
    assert marks(warehouse) == []
