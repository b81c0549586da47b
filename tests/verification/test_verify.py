"""`verify` finds every kind of difference between a provider and the warehouse, and mends it."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from support.account import DAY, MINUTE, SETTINGS, Account, Open
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.verification.repair import repair as repair_connection
from talkhouse.pipelines.verification.verify import Verified, verify
from talkhouse.simulator import World
from talkhouse.sources.scan.threads import Budget

pytestmark = pytest.mark.twin

every_provider = pytest.mark.parametrize("provider", SETTINGS)
OF = {"octopush": "conversation_id"}


@pytest.fixture
def account(provider: str, account_of: Open) -> Account:
    account = account_of(provider)
    account.synced()
    return account


def verified(account: Account, budget: Budget | None = None) -> Verified:
    plan = plan_of(account.connection)
    return verify(account.connection, account.warehouse, plan, budget or Budget())


def found(verified: Verified) -> dict[str, dict[str, Any]]:
    """What differs, table by table."""
    return {
        each.table: {k: v for k, v in asdict(each).items() if v and k not in ("table", "compared")}
        for each in verified.tables
        if not each.ok
    }


@every_provider
def test_what_was_just_synced_is_found_whole(account: Account) -> None:
    result = verified(account)
    assert (result.error, found(result)) == ("", {})
    assert result.ok
    compared = {table.table: table.compared for table in result.tables}
    expected = {name: len(rows) for name, rows in account.expected().items()}
    expected.pop("message_reads", None)
    assert compared == expected


@every_provider
def test_each_planted_difference_is_found_and_mended(account: Account) -> None:
    dataset, key = account.provider, OF.get(account.provider, "id")
    names = account.column("conversations", key)
    lost, wrong = names[0], names[1]
    field = {"octopush": "last_message", "pembalasan": "status"}.get(dataset, "status")
    run = account.warehouse.execute
    run(f"delete from {dataset}.conversations where {key} = %s", [lost])
    run(f"update {dataset}.conversations set {field} = 'planted' where {key} = %s", [wrong])
    extra = "99999" if isinstance(lost, int) else "planted"
    every = [row["column_name"] for row in account.warehouse.columns(dataset, "conversations")]
    others = ", ".join(f'"{name}"' for name in every if name != key)
    run(
        f"insert into {dataset}.conversations ({key}, {others}) select %s, {others} "
        f"from {dataset}.conversations where {key} = %s",
        [int(extra) if isinstance(lost, int) else extra, wrong],
    )
    assert found(verified(account))["conversations"] == {
        "missing": 1,
        "extra": 1,
        "stale": 1,
        "fields": {field: 1},
        "keys": {"missing": [str(lost)], "extra": [extra], "stale": [str(wrong)]},
    }
    repair(account)
    assert found(verified(account)) == {}
    assert account.rows("conversations", ["deleted_at", key]).count({"deleted_at": None, key: lost})
    [marked] = [
        row for row in account.rows("conversations", [key, "deleted_at"]) if str(row[key]) == extra
    ]
    assert marked["deleted_at"] is not None


@pytest.mark.twin
@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_a_thread_that_was_cut_is_found_and_mended(account: Account) -> None:
    key = "message_id" if account.provider == "octopush" else "id"
    messages = account.rows("messages", [key, "conversation_id"])
    conversations = [row["conversation_id"] for row in messages]
    cut = next(row for row in messages if conversations.count(row["conversation_id"]) > 2)
    account.warehouse.execute(
        f"delete from {account.provider}.messages where {key} = %s", [cut[key]]
    )
    result = verified(account)
    assert found(result) == {"messages": {"missing": 1, "keys": {"missing": [str(cut[key])]}}}
    assert result.threads_short == 1
    repair(account)
    assert found(verified(account)) == {}
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["chatwoot"])
def test_a_message_that_was_edited_late_is_found_and_mended(account: Account) -> None:
    account.later(10 * DAY)
    account.synced()
    message = account.world.edit_message()
    result = verified(account)
    assert found(result)["messages"]["keys"] == {"stale": [str(message.id)]}
    repair(account)
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["octopush"])
def test_a_budget_bounds_the_threads_that_are_compared(account: Account) -> None:
    result = verified(account, Budget(requests=2))
    assert result.threads == len(account.world.served("octopush"))
    assert 2 <= result.threads_read <= 3
    assert result.ok


@pytest.mark.parametrize("provider", ["chatwoot"])
def test_a_list_that_is_forbidden_is_not_compared(account: Account) -> None:
    account.fault("status", "/contacts", status=403)
    result = verified(account)
    assert result.not_read.keys() == {"contacts"}
    assert "contacts" not in {table.table for table in result.tables}


@every_provider
def test_a_provider_that_cannot_be_read_is_told(account: Account) -> None:
    account.fault("status", status=401)
    result = verified(account)
    assert not result.ok
    assert "answered 401" in result.error


def test_what_was_left_out_by_the_start_date_is_not_extra(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=40))
    account.synced()
    account.settings["start_date"] = "2026-04-20"
    result = verified(account)
    assert {each.table: each.extra for each in result.tables if each.extra} == {}
    assert result.error == ""


def repair(account: Account) -> None:
    account.later(MINUTE)
    plan = replace(plan_of(account.connection))
    _, mended = repair_connection(
        account.connection, account.warehouse, plan, Budget(), account.folder
    )
    assert mended and all(outcome.ok for outcome in mended)


@pytest.mark.parametrize("provider", ["chatwoot"])
def test_what_cannot_be_read_is_told_and_not_taken_for_deleted(account: Account) -> None:
    oldest = account.world.conversations[account.oldest()]
    account.fault("poison", "/conversations", value=oldest.uuid)
    result = verified(account)
    assert not result.ok
    assert result.unreadable["conversations"] == [oldest.id]
    assert all(table.extra == 0 for table in result.tables)
    account.warehouse.execute("update chatwoot.conversations set status = 'planted'")
    repair(account)
    assert not any(row["deleted_at"] for row in account.rows("conversations", ["deleted_at"]))


@pytest.mark.parametrize("provider", ["chatwoot"])
def test_a_thread_that_cannot_be_read_is_told(account: Account) -> None:
    thread = account.oldest()
    account.fault("status", f"/conversations/{thread}/messages", status=500)
    result = verified(account)
    assert not result.ok
    assert result.unreadable == {"messages": [thread]}


@pytest.mark.parametrize("provider", ["chatwoot"])
def test_no_address_of_a_contact_is_told(account: Account) -> None:
    account.warehouse.execute("delete from chatwoot.contact_inboxes")
    keys = found(verified(account))["contact_inboxes"]["keys"]["missing"]
    sources = {a.source_id for c in account.world.contacts.values() for a in c.addresses}
    assert keys and not any(source in key for key in keys for source in sources)


def test_a_repair_marks_nothing_that_the_start_date_left_out(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=40))
    account.synced()
    account.settings["start_date"] = "2026-04-20"
    newest = max(account.world.served("hilos"), key=lambda c: c.created_at)
    account.world.delete_conversation(newest.id)
    repair(account)
    marked = [
        row for row in account.rows("conversations", ["id", "deleted_at"]) if row["deleted_at"]
    ]
    assert [row["id"] for row in marked] == [newest.uuid]
