"""A page that cannot be read costs the row that spoils it, and no other."""

from typing import Any

import msgspec
import pytest

from support.account import DAY, Account, Open
from talkhouse.simulator import World

paged = pytest.mark.parametrize("provider", ["hilos", "activecampaign", "octopush"])
PATH = {
    "hilos": "/inbox/conversation",
    "activecampaign": "/inbox/conversation",
    "octopush": "/conversations/list",
}


def quarantined(account: Account, **how: Any) -> list[Any]:
    """What a run could not read."""
    return account.synced(**how).report.lists["conversations"].quarantined


def orphan(account: Account, conversation: int) -> int:
    """Takes a conversation's contact away; the contact's number."""
    contact = account.world.conversations[conversation].contact_id
    account.world.delete_contact(contact, orphan=True)
    return contact


@pytest.fixture
def chatwoot(account_of: Open) -> Account:
    return account_of("chatwoot", World(conversations=60), settings={"messages": False})


def orphans_of(account: Account, contact: int) -> list[int]:
    return [c.id for c in account.world.served("chatwoot") if c.contact_id == contact]


def test_an_orphaned_conversation_is_quarantined_and_all_others_are_loaded(
    chatwoot: Account,
) -> None:
    contact = orphan(chatwoot, chatwoot.oldest())
    orphans = orphans_of(chatwoot, contact)
    assert quarantined(chatwoot) == orphans
    assert set(chatwoot.column("conversations", "id")) == {
        c.id for c in chatwoot.world.served("chatwoot") if c.id not in orphans
    }
    reasons = chatwoot.column("rejects", "reason")
    assert [reason.split(" cannot be read: ")[0] for reason in reasons] == [
        f"conversations {each}" for each in sorted(orphans, key=str)
    ]
    assert all("conversations/filter answered 500" in reason for reason in reasons)


def test_recent_runs_go_around_what_is_quarantined(chatwoot: Account) -> None:
    newest = max(chatwoot.world.served("chatwoot"), key=lambda c: c.last_activity_at)
    contact = orphan(chatwoot, newest.id)
    chatwoot.synced()
    chatwoot.later()
    changed = chatwoot.converse()
    outcome = chatwoot.synced()
    assert outcome.report.lists["conversations"].mode == "recent"
    assert chatwoot.asked("/conversations") <= 3
    assert changed in chatwoot.column("conversations", "id")
    chatwoot.world.contacts[contact] = chatwoot.world.departed.pop(contact)
    chatwoot.later(DAY)
    assert quarantined(chatwoot) == []
    assert chatwoot.differences() == {}


def test_an_orphan_among_what_is_recent_is_found_by_a_full_scan(chatwoot: Account) -> None:
    chatwoot.synced()
    chatwoot.later()
    contact = orphan(chatwoot, chatwoot.converse())
    other = chatwoot.converse()
    outcome = chatwoot.synced()
    progress = outcome.report.lists["conversations"]
    assert (progress.mode, progress.quarantined) == ("full", orphans_of(chatwoot, contact))
    assert other in chatwoot.column("conversations", "id")


def test_an_orphan_that_is_the_newest_of_all_does_not_hide_the_rest(chatwoot: Account) -> None:
    contact = orphan(chatwoot, chatwoot.converse())
    assert quarantined(chatwoot) == orphans_of(chatwoot, contact)


def test_a_row_that_cannot_be_read_is_not_taken_for_deleted(chatwoot: Account) -> None:
    oldest = chatwoot.oldest()
    chatwoot.synced()
    contact = orphan(chatwoot, oldest)
    for _ in range(3):
        chatwoot.later()
        assert quarantined(chatwoot, full=True) == orphans_of(chatwoot, contact)
    assert not any(row["deleted_at"] for row in chatwoot.rows("conversations", ["deleted_at"]))


@paged
def test_a_row_that_spoils_its_page_costs_that_row(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=60), only=["conversations"])
    poison = account.world.served(account.provider)[7].uuid  # type: ignore[arg-type]
    account.fault("poison", PATH[provider], value=poison)
    [row] = quarantined(account)
    assert str(row).startswith("row ")
    lost = account.differences()["conversations"]
    assert list(lost) == [(poison,)]
    account.simulator.faults.clear()
    account.later(DAY)
    assert quarantined(account) == []
    assert account.differences() == {}


@paged
def test_pages_that_are_too_large_are_read_in_parts(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=60), only=["conversations"])
    name = "per_page" if provider == "octopush" else "page_size"
    account.settings["page_size"] = 10
    for size in (10, 9, 8, 7, 6):
        account.fault("status", PATH[provider], query=f"{name}={size}", status=504)
    assert quarantined(account) == []
    assert account.differences() == {}


@paged
def test_a_provider_that_is_down_is_no_poison(provider: str, account_of: Open) -> None:
    account = account_of(provider, only=["conversations"])
    account.synced()
    before = account.contents()
    account.later(DAY)
    account.fault("status", PATH[provider], status=500)
    assert "answered 500" in account.sync().error
    assert account.contents() == before


def test_a_contact_that_cannot_be_read_costs_the_others_nothing(account_of: Open) -> None:
    account = account_of("pembalasan")
    poisoned = account.identifiers[1]
    account.fault("status", f"/contacts/{poisoned}/", status=500)
    assert account.sync().error == "page 2 cannot be read; all else was"
    assert len(account.rows("contacts", ["id"])) == len(account.expected()["contacts"]) - 1
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_a_list_that_is_empty_once_is_asked_again(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=60), settings={"messages": False})
    account.fault("no_rows", "csat" if provider == "chatwoot" else "/list", after=2, times=1)
    account.synced()
    assert account.differences() == {}


def test_a_chatwoot_that_ignores_what_it_does_not_know_is_read_by_pages(account_of: Open) -> None:
    account = account_of(
        "chatwoot", World(conversations=60), chatwoot_filter=False, chatwoot_updated_within=False
    )
    account.synced()
    assert account.differences() == {}
    account.later()
    account.world.new_message(account.oldest(), kind="incoming")
    account.synced()
    assert account.differences() == {}


def test_a_page_of_contacts_that_cannot_be_read_costs_its_rows(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=60), settings={"messages": False})
    account.fault("status", "/accounts/1/contacts", query="page=2", status=500)
    assert account.sync().error == "page 2 cannot be read; all else was"
    assert account.differences().keys() == {"contact_inboxes"}
    account.simulator.faults.clear()
    account.later(DAY)
    account.synced()
    assert account.differences() == {}


def test_the_first_page_of_contacts_may_be_the_one_that_cannot_be_read(account_of: Open) -> None:
    account = account_of(
        "chatwoot", World(seed=403, conversations=26), settings={"messages": False}
    )
    account.fault("status", "/accounts/1/contacts", query="page=1", status=500)
    assert account.sync().error == "page 1 cannot be read; all else was"
    account.simulator.faults.clear()
    account.later(DAY)
    account.synced()
    assert account.differences() == {}


def test_the_contact_of_a_row_that_cannot_be_read_is_not_taken_for_deleted(
    chatwoot: Account,
) -> None:
    chatwoot.synced()
    visitors = {c.id for c in chatwoot.world.contacts.values() if not c.is_resolved}
    thread = next(c for c in chatwoot.world.served("chatwoot") if c.contact_id in visitors)
    chatwoot.fault("poison", "/conversations", value=thread.uuid)
    for _ in range(3):
        chatwoot.later()
        assert quarantined(chatwoot, full=True) == [thread.id]
    assert not any(row["deleted_at"] for row in chatwoot.rows("contacts", ["deleted_at"]))


@pytest.mark.both_destinations
@pytest.mark.parametrize("field", ["custom_attributes", "unexpected"])
@pytest.mark.parametrize("number", [b"1e999999", b"9" * 200_000])
def test_a_number_that_no_database_takes_costs_itself(
    number: bytes, field: str, account_of: Open
) -> None:
    account = account_of("chatwoot", only=["conversations"])
    value = msgspec.Raw(b'{"n": ' + number + b"}")
    account.fault("extra_field", "/conversations", field=field, value=value, times=None)
    account.synced()
    assert account.asked("/conversations") > 1
    name, whole = ("_extra", {field: {"n": number.decode()}})
    if field == "custom_attributes":
        name, whole = field, whole[field]
    found = [row[name] for row in account.rows("conversations", [name])]
    assert whole in found
    assert account.column("drift", "field") == sorted(
        {"(any number)"} | ({field} if name == "_extra" else set())
    )
    assert len(found) == len(account.expected()["conversations"])


@pytest.mark.both_destinations
@pytest.mark.parametrize("field", ["custom_attributes", "unexpected"])
def test_what_is_nested_deep_and_can_be_decoded_is_stored(field: str, account_of: Open) -> None:
    account = account_of("chatwoot", only=["conversations"])
    value = msgspec.Raw(b"[" * 500 + b"]" * 500)
    account.fault("extra_field", "/conversations", field=field, value=value)
    account.synced()
    assert len(account.rows("conversations", ["id"])) == len(account.expected()["conversations"])
